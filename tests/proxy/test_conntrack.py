"""Which flows of UDP are stale: the tables of upstream's rule, and its traps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from proxy_core import ProxyState, node_info
from proxy_core.conntrack import Flow, clean_up, stale_flows
from tests.proxy.objects import NODE, endpoint, node, service, slice_of

GOOD, GONE = "10.180.0.1", "10.180.0.9"
DNS = [{"name": "dns", "port": 53, "protocol": "UDP", "nodePort": 30053}]
ENDS = [{"name": "dns", "port": 5353, "protocol": "UDP"}]


def state(*endpoints: dict[str, Any], protocol: str = "UDP", **spec: Any) -> ProxyState:
    """Return the state with the service shop/web of UDP, by default with one endpoint that is ready."""
    made = ProxyState("IPv4", node_info(NODE, node()))
    more = {"type": "LoadBalancer", "externalIPs": ["192.0.2.1"], "ingress": [{"ip": "198.51.100.1"}], **spec}
    made.update(service(ports=[{**DNS[0], "protocol": protocol}], **more))
    made.update(slice_of(*(endpoints or (endpoint(GOOD),)), ports=[{**ENDS[0], "protocol": protocol}]))
    made.apply()
    return made


def flow(destination: str, port: int, replier: str = GONE, replier_port: int = 5353) -> Flow:
    return Flow(destination, port, replier, replier_port)


@pytest.mark.parametrize("address", ["172.30.0.1", "192.0.2.1", "198.51.100.1"])
def test_the_addresses_of_a_service(address: str) -> None:
    wanted = state().wanted
    stale, good, other_port = flow(address, 53), flow(address, 53, GOOD), flow(address, 54)
    wrong_port = flow(address, 53, GOOD, 5354)
    assert stale_flows([stale, good, other_port, wrong_port], wanted) == [stale, wrong_port]


@pytest.mark.parametrize("address", ["192.168.7.11", "203.0.113.77", "172.30.0.1"])
def test_a_node_port_counts_on_any_address(address: str) -> None:
    stale, good, untouched = flow(address, 30053), flow(address, 30053, GOOD), flow(address, 30053, address, 30053)
    assert stale_flows([stale, good, untouched], state().wanted) == [stale, untouched]


def test_an_ingress_of_a_proxy_and_other_addresses_are_nobody_s() -> None:
    wanted = state(ingress=[{"ip": "198.51.100.1", "ipMode": "Proxy"}]).wanted
    assert stale_flows([flow("198.51.100.1", 53), flow("172.30.0.2", 53)], wanted) == []


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"ready": True}, False),
        ({"ready": False, "serving": True, "terminating": True}, False),
        ({"ready": False}, False),  # serving unless told otherwise
        ({"ready": False, "serving": False}, True),
        ({"ready": False, "serving": False, "terminating": True}, True),
    ],
)
def test_an_endpoint_counts_while_it_serves(conditions: dict[str, bool], expected: bool) -> None:
    wanted = state(endpoint(GOOD), endpoint(GONE, "node-2", **conditions)).wanted
    assert bool(stale_flows([flow("172.30.0.1", 53)], wanted)) == expected


@pytest.mark.parametrize("spec", [{"internalTrafficPolicy": "Local"}, {"externalTrafficPolicy": "Local"}])
def test_policies_do_not_count(spec: dict[str, Any]) -> None:
    wanted = state(endpoint(GOOD), endpoint(GONE, "node-2"), **spec).wanted
    assert stale_flows([flow("172.30.0.1", 53), flow("192.0.2.1", 53), flow("192.168.7.11", 30053)], wanted) == []


def test_without_anybody_who_serves_flows_stay() -> None:
    wanted = state(endpoint(GONE, ready=False, serving=False)).wanted
    assert stale_flows([flow("172.30.0.1", 53), flow("192.168.7.11", 30053)], wanted) == []


@pytest.mark.parametrize("protocol", ["TCP", "SCTP"])
def test_other_protocols_do_not_count(protocol: str) -> None:
    assert stale_flows([flow("172.30.0.1", 53)], state(protocol=protocol).wanted) == []


def test_services_that_share_an_address_and_port() -> None:
    made = state()
    made.update(service("api", clusterIP="172.30.0.2", externalIPs=["192.0.2.1"], ports=[{**DNS[0], "nodePort": 0}]))
    made.update(slice_of(endpoint(GONE), name="api-a", labels={"kubernetes.io/service-name": "api"}, ports=ENDS))
    made.apply()
    shared, own = flow("192.0.2.1", 53), flow("172.30.0.1", 53)
    assert stale_flows([shared, own], made.wanted) == [own]


class Table:
    """Tracked flows in memory."""

    def __init__(self, *flows: Flow) -> None:
        self.flows = list(flows)
        self.deletions = 0

    def udp_flows(self) -> Sequence[Flow]:
        return tuple(self.flows)

    def delete(self, flows: Sequence[Flow]) -> int:
        self.deletions += 1
        self.flows = [each for each in self.flows if each not in flows]
        return len(flows)


def test_only_what_is_stale_is_deleted_and_counted() -> None:
    table = Table(flow("172.30.0.1", 53), flow("172.30.0.1", 53, GOOD), flow("10.0.0.1", 53))
    wanted = state().wanted
    assert clean_up(table, wanted) == 1 and len(table.flows) == 2
    assert clean_up(table, wanted) == 0 and table.deletions == 1
    assert clean_up(Table(), wanted) == 0
