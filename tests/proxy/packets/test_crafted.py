"""Packets that no socket sends: out of window, in fragments, and ICMP errors about translated packets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from proxy_core.addresses import Family
from proxy_core.kernel.netns import inside
from tests.proxy.packets.bed import FAMILIES
from tests.proxy.packets.clients import PATIENCE, connection, is_alive
from tests.proxy.packets.cluster import TARGET, local, service, slices
from tests.proxy.packets.servers import read_answer
from tests.proxy.packets.stage import Stage
from tests.proxy.packets.wire import TCP, Tap, inject

LOCAL = {"externalTrafficPolicy": "Local"}
"""Keeps the client's address and port, so that a test knows both sides of the translation."""


@contextmanager
def udp_client(stage: Stage, family: Family, address: str, port: int) -> Iterator[socket.socket]:
    with inside(stage.bed.client.netns):
        found = socket.socket(socket.AF_INET6 if family == "IPv6" else socket.AF_INET, socket.SOCK_DGRAM)
    with found:
        found.settimeout(PATIENCE)
        found.connect((address, port))
        yield found


@pytest.mark.parametrize("family", FAMILIES)
def test_a_segment_out_of_window_does_not_reset_the_connection(stage: Stage, family: Family) -> None:
    """In iptables mode it is dropped; nftables mode lets it pass with the pod's own address, as upstream."""
    from scapy.layers import inet
    from scapy.layers.inet6 import IPv6

    bed = stage.bed
    stage.proxy.apply([service(1, "LoadBalancer", **LOCAL), *slices(1, [local(bed.pod_a)])])
    way = stage.ways(1, family)["load balancer"]
    with connection(stage.question(bed.client, way)) as (found, _), Tap(bed.client.netns) as tap:
        me, my_port = found.getsockname()[:2]
        pod = bed.pod_a.address(family)
        ip = (IPv6 if family == "IPv6" else inet.IP)(src=pod, dst=me)
        half = 1 << 31  # what is not ahead of the window is behind it: conntrack takes only one of them for INVALID
        for seq, ack in ((0, 0), (0, half), (half, 0), (half, half)):
            segment = inet.TCP(sport=TARGET, dport=my_port, flags="A", seq=seq, ack=ack)
            inject(bed.pod_a.netns, bytes(ip / segment))
        passes = stage.mode not in ("iptables", "ipvs")
        seen = tap.packets(1.5 if passes else 0.3)
        assert any(each.protocol == TCP and each.source == pod for each in seen) == passes
        assert is_alive(found)


@pytest.mark.parametrize("family", FAMILIES)
def test_fragments_reach_one_endpoint_in_any_order(stage: Stage, family: Family) -> None:
    from scapy.layers.inet import IP, UDP, fragment
    from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6
    from scapy.packet import Raw

    bed = stage.bed
    stage.proxy.apply([service(1, "LoadBalancer", **LOCAL), *slices(1, [local(bed.pod_a)])])
    way = stage.ways(1, family)["load balancer"]
    with udp_client(stage, family, way.address, way.port) as client:
        me, my_port = client.getsockname()[:2]
        data = UDP(sport=my_port, dport=way.port) / Raw(b"x" * 4000)
        if family == "IPv6":
            whole = IPv6(src=me, dst=way.address) / IPv6ExtHdrFragment(id=77) / data
            parts = [bytes(each) for each in fragment6(whole, 1400)]  # type: ignore[no-untyped-call]
        else:
            parts = [bytes(each) for each in fragment(IP(src=me, dst=way.address, id=77) / data, 1400)]  # type: ignore[no-untyped-call]
        assert len(parts) >= 3
        for part in reversed(parts):
            inject(bed.client.netns, part)
        assert read_answer(client.recv(1 << 12)) == (bed.pod_a.address(family), me)


@pytest.mark.parametrize("family", FAMILIES)
def test_icmp_errors_come_back_about_the_address_that_the_client_knows(stage: Stage, family: Family) -> None:
    """Without it no path MTU could be found."""
    from scapy.layers.inet import ICMP, IP, UDP
    from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6
    from scapy.packet import Raw

    bed = stage.bed
    stage.proxy.apply([service(1, "LoadBalancer", **LOCAL), *slices(1, [local(bed.pod_a)])])
    way = stage.ways(1, family)["load balancer"]
    with udp_client(stage, family, way.address, way.port) as client, Tap(bed.client.netns) as tap:
        client.send(b"?")
        client.recv(1 << 12)
        me, my_port = client.getsockname()[:2]
        pod = bed.pod_a.address(family)
        kind = IPv6 if family == "IPv6" else IP
        about = kind(src=me, dst=pod) / UDP(sport=my_port, dport=TARGET) / Raw(b"?" * 16)
        says = ICMPv6PacketTooBig(mtu=1280) if family == "IPv6" else ICMP(type=3, code=4, nexthopmtu=1280)
        inject(bed.pod_a.netns, bytes(kind(src=pod, dst=me) / says / Raw(bytes(about))))
        errors = [each for each in tap.packets(0.5) if each.is_error]
        assert [(each.inner_source, each.inner_destination, each.inner_port) for each in errors] == [
            (me, way.address, way.port)
        ]


def test_large_transfers_pass(stage: Stage) -> None:
    bed = stage.bed
    stage.proxy.apply([service(1), *slices(1, [local(bed.pod_a)])])
    data = bytes(range(256)) * 1024
    with connection(stage.question(bed.client, stage.ways(1, "IPv4")["cluster IP"])) as (found, _):
        got = bytearray()
        for start in range(0, len(data), 1 << 14):
            found.sendall(data[start : start + (1 << 14)])
            while len(got) < min(start + (1 << 14), len(data)):
                got += found.recv(1 << 16)
        assert bytes(got) == data
