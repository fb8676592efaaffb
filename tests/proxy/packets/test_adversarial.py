"""Objects that are made to break a proxy: rules that the kernel takes, or a refusal that names what is refused.

Nothing of it may raise one of Python's own exceptions, and when the object has gone the next sync is good again. Here a
real kernel judges, without packets; `test_hostile_changes.py` does the same by chance, in memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from typing import Any

import msgspec
import pytest

from proxy_core import EndpointSlice, KernelError, NotSupported, Service
from proxy_core.objects.check import object_faults
from tests.proxy.packets.bed import can_be_made, new_namespace
from tests.proxy.packets.cluster import service
from tests.proxy.packets.driver import Proxy, Record

LONG = "n" * 63


def raw_service(name: str = "s1", namespace: str = "shop", **spec: Any) -> Service:
    spec = {"clusterIP": "172.30.0.1", "ports": [{"name": "p", "port": 80, "protocol": "TCP"}], **spec}
    status = {"loadBalancer": {"ingress": spec.pop("ingress", [])}}
    meta = {"name": name, "namespace": namespace, "annotations": spec.pop("annotations", {})}
    return msgspec.convert({"metadata": meta, "spec": spec, "status": status}, Service)


def raw_slice(addresses: Iterable[str], name: str = "s1-a", of: str = "s1", **more: Any) -> EndpointSlice:
    meta = {
        "name": name,
        "namespace": more.pop("namespace", "shop"),
        "labels": {"kubernetes.io/service-name": of},
        "annotations": more.pop("annotations", {}),
    }
    conditions = more.pop("conditions", {})
    content = {
        "metadata": meta,
        "addressType": more.pop("family", "IPv4"),
        "ports": more.pop("ports", [{"name": "p", "port": 8080, "protocol": "TCP"}]),
        "endpoints": [{"addresses": [each], "nodeName": "node-1", "conditions": conditions} for each in addresses],
    }
    return msgspec.convert({**content, **more}, EndpointSlice)


def long_names() -> list[Record]:
    ports = [{"name": LONG, "port": 80, "protocol": "SCTP", "nodePort": 30080}]
    more = {"type": "LoadBalancer", "sessionAffinity": "ClientIP", "externalTrafficPolicy": "Local"}
    families = {"clusterIPs": ["172.30.0.1", "fd00::1"], "ipFamilies": ["IPv4", "IPv6"], "clusterIP": "172.30.0.1"}
    vip = {"ingress": [{"ip": "198.51.100.1"}], "loadBalancerSourceRanges": ["203.0.113.0/24", "2001:db8::/32"]}
    slice_ports = [{"name": LONG, "port": 65535, "protocol": "SCTP"}]
    six = [f"fd00:1111:2222:3333:4444:5555:6666:{n:x}" for n in range(7000, 7003)]
    named: dict[str, Any] = {"namespace": LONG, "of": LONG, "ports": slice_ports}
    return [
        raw_service(LONG, LONG, ports=ports, **more, **families, **vip),
        raw_slice(["10.0.0.1", "10.0.0.2"], name="a" * 253, **named),
        raw_slice(six, name="b" * 253, family="IPv6", **named),
    ]


def strange_annotations() -> list[Record]:
    strange = {"a": '"; flush ruleset; "', "b": "line\nline\r\0", "ü/é": "☃" * 1000, "c": "$(reboot) `reboot` \\"}
    return [raw_service(annotations=strange), raw_slice(["10.0.0.1"], annotations=strange)]


def duplicates() -> list[Record]:
    """Two services with the same cluster IP, external IP, address of a load balancer and node port."""
    spec: dict[str, Any] = {
        "type": "LoadBalancer",
        "ports": [{"name": "p", "port": 80, "protocol": "TCP", "nodePort": 30080}],
        "externalIPs": ["198.51.100.7", "198.51.100.7", "172.30.0.1"],
        "ingress": [{"ip": "198.51.100.7"}, {"ip": "198.51.100.7"}, {"ip": "172.30.0.1"}],
        "loadBalancerSourceRanges": ["10.0.0.0/8", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/8"],
    }
    return [
        raw_service("s1", **spec),
        raw_service("s2", **spec),
        raw_slice(["10.0.0.1"], name="s1-a", of="s1"),
        raw_slice(["10.0.0.2"], name="s2-a", of="s2"),
        raw_slice(["10.0.0.1"], name="s2-b", of="s2"),
    ]


def a_thousand_endpoints() -> list[Record]:
    addresses = [f"10.{n // 250}.1.{n % 250 + 1}" for n in range(1000)]
    return [raw_service(), raw_slice(addresses)]


def contradictions() -> list[Record]:
    """The same endpoint ready, terminating, elsewhere and with another port, in slices of one service."""
    other = [{"name": "p", "port": 8081, "protocol": "TCP"}]
    return [
        raw_service(internalTrafficPolicy="Local"),
        raw_slice(["10.0.0.1", "10.0.0.1"]),
        raw_slice(["10.0.0.1"], name="b", conditions={"ready": False, "terminating": True}),
        raw_slice(["10.0.0.1"], name="c", conditions={"ready": True, "serving": False, "terminating": True}),
        raw_slice(["10.0.0.1"], name="d", ports=other),
        raw_slice([], name="e", endpoints=[{"addresses": ["10.0.0.1"], "nodeName": "node-2"}, {"addresses": []}]),
    ]


def wrong_families() -> list[Record]:
    return [
        raw_service(
            externalIPs=["fd00::9", "198.51.100.9", "::ffff:198.51.100.10"],
            loadBalancerSourceRanges=["fd00::/8"],
            ingress=[{"ip": "fd00::9"}, {"hostname": "example.org"}],
        ),
        raw_slice(["fd00::1", "::ffff:10.0.0.3", "10.0.0.1"]),
        raw_slice(["10.0.0.9"], name="six", family="IPv6"),
        raw_slice(["example.org"], name="names", family="FQDN"),
        raw_service("s3", clusterIP="fd00::3", clusterIPs=["fd00::3"], ipFamilies=["IPv6"]),
        raw_slice(["10.0.0.1"], name="s3-a", of="s3", family="IPv6"),
    ]


def many_ports() -> list[Record]:
    """Ports by the hundred, up to the last number; all 65,535 are counted out in memory."""
    numbers = [*range(1, 400), *range(65400, 65536)]
    ports = [{"name": f"p{n}", "port": n, "protocol": "TCP"} for n in numbers]
    return [raw_service(ports=ports), raw_slice(["10.0.0.1"], ports=[{**each, "port": 65535} for each in ports])]


def no_addresses() -> list[Record]:
    """Addresses that are none, or are not for packets."""
    strange = ["0.0.0.0", "255.255.255.255", "224.0.0.1", "127.0.0.1", "010.000.000.001", "10.0.0.256", "", "x"]
    return [raw_service(externalIPs=strange), raw_slice(strange)]


GOOD = [long_names, strange_annotations, duplicates, a_thousand_endpoints, contradictions, wrong_families, many_ports]
STRANGE = ['a"b', "a\nb", "a; flush ruleset", "☃ é", "$(x) `x`", "-j ACCEPT"]


@pytest.fixture
def proxy(mode: str) -> Iterator[Proxy]:
    held = new_namespace()
    try:
        with closing(Proxy(f"/proc/{os.getpid()}/fd/{held}", mode)) as found:
            yield found
    finally:
        os.close(held)


def healthy() -> list[Record]:
    return [raw_service("fine", clusterIP="172.30.0.250"), raw_slice(["10.9.9.9"], name="fine-a", of="fine")]


@pytest.fixture(autouse=True)
def _needs_namespaces() -> None:
    if reason := can_be_made():
        pytest.skip(reason)


@pytest.mark.parametrize("objects", [*GOOD, no_addresses], ids=lambda each: each.__name__)
def test_the_kernel_takes_it_and_lets_go_of_it(proxy: Proxy, objects: Callable[[], list[Record]]) -> None:
    proxy.apply([*healthy(), *objects()])
    proxy.apply([*healthy(), *objects()[:1]])
    proxy.apply([*healthy(), *objects()])
    proxy.sync(full=True)
    proxy.apply(healthy())
    proxy.sync(full=True)


@pytest.mark.parametrize("text", STRANGE, ids=ascii)
def test_strange_names_are_refused_by_name_and_are_never_rules(proxy: Proxy, text: str) -> None:
    """Files are checked first; were an API server to give such a name, the kernel's edge takes or refuses it whole."""
    plain = {"name": "p", "port": 80, "protocol": "TCP", "nodePort": 30080}
    for bad in (
        raw_service(ports=[{**plain, "name": text}]),
        raw_service(name=text, ports=[plain]),
        raw_service(namespace=text, ports=[plain]),
    ):
        assert any(ascii(text)[1:-1] in reason for _, reason in object_faults(bad))
    name, port = bad.metadata, bad.spec.ports[0].name
    slice_ = raw_slice(["10.0.0.1"], namespace=name.namespace, of=name.name, ports=[{"name": port, "port": 80}])
    proxy.apply(healthy())
    with suppress(KernelError, NotSupported):
        proxy.apply([*healthy(), bad, slice_])
    proxy.apply(healthy())


def test_loops_of_updates_leave_what_the_last_one_wants(proxy: Proxy) -> None:
    proxy.apply(healthy())
    one = raw_slice(["10.0.0.1"]), raw_slice(["10.0.0.2", "10.0.0.3"])
    kinds = raw_service(), raw_service(type="NodePort", sessionAffinity="ClientIP")
    for number in range(300):
        proxy.take(kinds[number % 2], one[number % 2])
        if number % 3 == 0:
            proxy.forget(kinds[0])
        if number % 25 == 0:
            proxy.sync()
    proxy.take(kinds[0], one[0])
    proxy.sync()
    proxy.forget(kinds[0], one[0])
    proxy.sync()
    proxy.sync(full=True)


def test_a_refused_transaction_leaves_the_rules_and_the_next_one_is_whole(proxy: Proxy) -> None:
    proxy.apply(healthy())
    proxy.saboteur.armed = True
    proxy.take(service(5), raw_slice(["10.0.0.1"], of="s5", name="s5-a"))
    with pytest.raises(KernelError, match=r"(?i)no-such-chain"):
        proxy.sync()
    proxy.saboteur.armed = False
    proxy.sync()
