"""Which UDP flows the kernel must forget after a sync, since they lead to an endpoint that serves no more.

A client of UDP knows no end of a connection: while it sends, conntrack keeps its flow and with it the endpoint, also
one that has gone. Pure: flows come from, and go to, a `Conntrack`. Upstream: pkg/proxy/conntrack/cleanup.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from proxy_core.addresses import endpoint_text
from proxy_core.model.service_port import ServicePortName
from proxy_core.model.state import Wanted


class Flow(NamedTuple):
    """A flow of UDP: where its first packet was sent to, and who answers; addresses in canonical form."""

    destination: str
    destination_port: int
    replier: str
    """The endpoint, where the destination was changed; else the destination."""
    replier_port: int
    handle: bytes = b""
    """What the kernel knows the flow by."""


class Conntrack(Protocol):
    """The tracked flows of one family; every call raises KernelError where the kernel refuses."""

    def udp_flows(self) -> Sequence[Flow]:
        """Return all flows of UDP."""

    def delete(self, flows: Sequence[Flow]) -> int:
        """Delete flows; return how many were there still."""


class Repliers:
    """Who may answer for the services' addresses and node ports, each with UDP endpoints that serve.

    Policies and hints do not count, nor whether an endpoint is here. A service of which no endpoint serves is not
    known: its flows stay, as upstream.
    """

    def __init__(self, wanted: Mapping[ServicePortName, Wanted]) -> None:
        self._of_address: dict[tuple[str, int], set[str]] = {}
        self._of_node_port: dict[int, set[str]] = {}
        for name, (port, endpoints, _) in wanted.items():
            if name.protocol != "UDP":
                continue
            serving = {each.text for each in endpoints if each.serving}
            if not serving:
                continue
            for address in (port.cluster_ip, *port.load_balancer_vips, *port.external_ips):
                self._of_address.setdefault((address, port.port), set()).update(serving)
            if port.node_port:
                self._of_node_port.setdefault(port.node_port, set()).update(serving)

    def is_stale(self, flow: Flow) -> bool:
        """Tell whether a flow goes to a service by way of somebody who does not serve it.

        A node port counts on whatever address: also a flow to the host's own port of that number, as upstream.
        """
        replier = endpoint_text(flow.replier, flow.replier_port)
        for known in (
            self._of_address.get((flow.destination, flow.destination_port)),
            self._of_node_port.get(flow.destination_port),
        ):
            if known is not None and replier not in known:
                return True
        return False


def stale_flows(flows: Iterable[Flow], wanted: Mapping[ServicePortName, Wanted]) -> list[Flow]:
    """Return the flows that the kernel must forget."""
    repliers = Repliers(wanted)
    return [each for each in flows if repliers.is_stale(each)]


def clean_up(conntrack: Conntrack, wanted: Mapping[ServicePortName, Wanted]) -> int:
    """Let the kernel forget stale flows; return how many. To be called where `SyncResult.conntrack_cleanup` says so.

    Raises KernelError; the rules are in force whatever comes of it.
    """
    flows = conntrack.udp_flows()
    stale = stale_flows(flows, wanted) if flows else []
    return conntrack.delete(stale) if stale else 0
