"""The proxy as a whole, on a machine made up: from the first list to the stop."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster_shim.proxy.agent import MustRestart
from cluster_shim.proxy.client import Client, Event, MemoryClient
from cluster_shim.proxy.service import Listen, ProxyService
from proxy_core import InvalidConfig, InvalidObjects, Problem
from tests.proxy.agent.test_http import HERE, free_port
from tests.proxy.agent.world import PaperEdge, added, get, setup_of, shop
from tests.proxy.objects import node, service

NOWHERE = Listen("", "")


def until(true: Callable[[], object]) -> None:
    """Wait for something; five seconds at the most."""
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


@contextmanager
def running(each: ProxyService, client: Client, listen: Listen = NOWHERE) -> Iterator[list[BaseException]]:
    """Run a service in a thread; what it raises is in the list."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            each.run(added(*client.list()), listen)
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield raised
    finally:
        each.agent.stop()
        thread.join(5)
        assert not thread.is_alive()


def test_it_follows_changes_serves_and_leaves_the_rules() -> None:
    client, edge, said = MemoryClient(shop()), PaperEdge(), list[str]()
    each = ProxyService(setup_of("nftables"), client, edge, said.append)
    health, metrics = free_port(), free_port()
    with running(each, client, Listen(f"{HERE}:{health}", f"{HERE}:{metrics}")):
        until(lambda: edge.done)
        assert edge.done == ["removed leftovers of other modes than nftables; written: True"]
        assert get(f"http://{HERE}:{health}/healthz").status == 200
        assert get(f"http://{HERE}:{metrics}/proxyMode").body == "nftables"
        tree = json.loads(get(f"http://{HERE}:{metrics}/configz").body)
        assert tree["kubeproxy.config.k8s.io"]["nftables"]["syncPeriod"] == "30s"
        client.apply(service("api", clusterIP="172.30.0.99"))
        until(lambda: any("172.30.0.99" in line for line in edge.paper.lines["IPv4"]))
        assert not any("172.30.0.99" in line for line in edge.paper.lines["IPv6"])
        client.apply(node(**{"node.kubernetes.io/exclude": "x"}))
    assert said == [] and not any(line.startswith("delete table") for line in edge.paper.lines["IPv4"])
    with pytest.raises(OSError):
        get(f"http://{HERE}:{health}/healthz")


def test_once_syncs_and_ends_and_says_what_could_not_be_removed() -> None:
    edge, said = PaperEdge(), list[str]()
    edge.problems = ["chain KUBE-SVC is busy"]
    each = ProxyService(setup_of("flat"), MemoryClient(), edge, said.append, serves=False)
    assert not each.once(added(*shop()))
    assert said == ["left by another mode: chain KUBE-SVC is busy"] and edge.paper.lines.keys() == {"IPv4", "IPv6"}


def test_rules_that_somebody_has_flushed_are_written_again() -> None:
    client, edge, said = MemoryClient(shop()), PaperEdge(), list[str]()
    of = setup_of("iptables", iptables={"syncPeriod": "300ms", "minSyncPeriod": "1ms"})
    each = ProxyService(of, client, edge, said.append)
    with running(each, client):
        until(lambda: edge.done)
        count = len(edge.paper.lines["IPv4"])
        edge.lost = {"IPv4"}
        until(lambda: len(edge.paper.lines["IPv4"]) >= count + 20)
    assert "IPv4: somebody has flushed the rules; all are written again" in said
    assert not any(line.startswith("IPv6") for line in said)


class Bad(MemoryClient):
    """A client whose next watch fails."""

    problem: Problem | None = None

    def watch(self, timeout_seconds: float) -> Sequence[Event]:
        if self.problem is not None:
            problem, self.problem, self.is_good = self.problem, None, False
            raise InvalidObjects([problem])
        return super().watch(timeout_seconds)


def test_bad_objects_are_told_and_change_nothing() -> None:
    client, edge, said = Bad(shop()), PaperEdge(), list[str]()
    each = ProxyService(setup_of("nftables"), client, edge, said.append)
    with running(each, client):
        until(lambda: edge.done)
        before = len(edge.paper.lines["IPv4"])
        client.problem = Problem("web.yaml", "Service shop/web", "spec.ports[0].port", "must be between 1 and 65535: 0")
        until(lambda: said)
        assert "web.yaml: Service shop/web: spec.ports[0].port: must be between" in said[0]
        assert "the state of before stays in force" in said[0] and len(edge.paper.lines["IPv4"]) == before
        assert len(said) == 1
        client.is_good = True  # as it was before: there is nothing to write
        until(lambda: len(said) == 2)
        assert said[1] == "the objects are good again, and taken over"


def test_a_changed_configuration_ends_the_process(tmp_path: Path) -> None:
    client, edge = MemoryClient(shop()), PaperEdge()
    each = ProxyService(setup_of("nftables"), client, edge, print)
    file = tmp_path / "config.yaml"
    file.write_text("mode: nftables")
    each.agent.config_file = str(file)
    with running(each, client) as raised:
        until(lambda: edge.done)
        file.write_text("mode: iptables")
        until(lambda: raised)
    assert isinstance(raised[0], MustRestart) and "has changed: start again" in str(raised[0])


def test_other_pod_networks_end_the_process_where_rules_depend_on_them() -> None:
    client, edge, said = MemoryClient(shop()), PaperEdge(), list[str]()
    each = ProxyService(setup_of("nftables", detectLocalMode="NodeCIDR"), client, edge, said.append)
    moved = node()
    moved = type(moved)(metadata=moved.metadata, status=moved.status, spec=type(moved.spec)(pod_cidr="10.9.0.0/24"))
    with running(each, client) as raised:
        until(lambda: edge.done)
        client.apply(moved)
        until(lambda: raised)
    assert isinstance(raised[0], MustRestart) and "other pod networks" in str(raised[0])


def test_a_node_that_goes_or_moves_is_told_and_one_about_to_go_gets_no_traffic() -> None:
    client, edge, said = MemoryClient(shop()), PaperEdge(), list[str]()
    each = ProxyService(setup_of("nftables"), client, edge, said.append)
    here = node()
    with running(each, client):
        until(lambda: edge.done)
        assert each.health.eligible
        gone = type(here.metadata)(name=here.metadata.name, deletion_timestamp="2026-02-25T06:13:20Z")
        client.apply(type(here)(metadata=gone, status=here.status, spec=here.spec))
        until(lambda: not each.health.eligible)
        client.apply(type(here)(metadata=here.metadata, spec=here.spec))
        until(lambda: said)
        client.delete(here)
        until(lambda: len(said) > 1)
    assert said == [
        "Node node-1 has other addresses; start again to use them",
        "Node node-1 is gone; its last state counts",
    ]


@pytest.mark.parametrize(("cidrs", "has"), [((), "no podCIDRs"), (("fd00::/64",), "podCIDRs of another family than")])
def test_local_detection_by_the_node_needs_a_pod_network_of_its_family(cidrs: tuple[str, ...], has: str) -> None:
    here = node()
    here = type(here)(metadata=here.metadata, status=here.status, spec=type(here.spec)(pod_cidrs=cidrs))
    with pytest.raises(InvalidConfig, match=f"detectLocalMode: is NodeCIDR, and Node node-1 has {has}"):
        setup_of("nftables", here, detectLocalMode="NodeCIDR")
    setup_of("nftables", here, detectLocalMode="ClusterCIDR")


def test_rules_of_iptables_and_packets_that_the_kernel_counts_are_metrics() -> None:
    edge = PaperEdge()
    each = ProxyService(setup_of("iptables"), MemoryClient(), edge, print, serves=False)
    assert each.once(added(*shop()))
    first = metrics_of(each)
    written = "\n".join(edge.paper.lines["IPv4"]).partition("*nat")[2].partition("COMMIT")[0]
    rules = sum(line.startswith("-A ") for line in written.splitlines())
    total, last = (f'kubeproxy_sync_proxy_rules_iptables_{which}{{ip_family="IPv4",table="nat"}}' for which in TWO)
    assert first[total] == first[last] == rules > 10
    assert first["kubeproxy_iptables_ct_state_invalid_dropped_packets_total"] == 17
    (family, _) = each.families
    family.deliver([Event("DELETED", service())])
    while "172.30.0.1" in str(edge.paper.lines["IPv4"][-40:]):
        time.sleep(0.05)
        family.step()
    second = metrics_of(each)
    assert second[total] == second[last] < rules


TWO = ("total", "last")


def metrics_of(each: ProxyService) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in each.metrics.answer().body.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}
