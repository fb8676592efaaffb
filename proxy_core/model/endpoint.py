"""Endpoint: one address and port behind a service port (upstream: pkg/proxy/endpoint.go, endpointslicecache.go)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from proxy_core.addresses import endpoint_text, parse_ip
from proxy_core.model.service_port import ServicePortName
from proxy_core.objects import EndpointSlice

SERVICE_NAME = "kubernetes.io/service-name"
HEADLESS = "service.kubernetes.io/headless"
"""A slice with this label belongs to a headless Service: nothing to proxy."""

_NOBODY: frozenset[str] = frozenset()


class Endpoint(NamedTuple):
    """An endpoint; its text ``ip:port`` is its identity, and the order of its kind is that of these texts as bytes."""

    text: str
    ip: str
    port: int
    is_local: bool = False
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    zone_hints: frozenset[str] = _NOBODY
    node_hints: frozenset[str] = _NOBODY
    node: str = ""
    """The node and the zone where it runs, as far as they are known; they matter to weights alone."""
    zone: str = ""


Endpoints = tuple[Endpoint, ...]


SliceEndpoints = tuple[tuple[str, str, Endpoints], ...]
"""Name and protocol of each port of a slice, with its endpoints in the slice's order."""


def slice_endpoints(each: EndpointSlice, node_name: str) -> SliceEndpoints:
    """Return the endpoints of a slice; ports without a name or a number have none."""
    return tuple([
        (port.name, port.protocol, tuple(_of_port(each, port.port, node_name)))
        for port in each.ports
        if port.name is not None and port.port
    ])  # fmt: skip


def merged(slices: Iterable[SliceEndpoints], namespace: str, service: str) -> dict[ServicePortName, Endpoints]:
    """Return the endpoints of a Service by port, sorted.

    Of several with the same text the last one counts, unless it is terminating: a pod that runs wins over one that has
    had its address before. Upstream's order of slices is random.
    """
    found: dict[ServicePortName, dict[str, Endpoint]] = {}
    for each in slices:
        for port, protocol, endpoints in each:
            known = found.setdefault(ServicePortName(namespace, service, port, protocol), {})
            for endpoint in endpoints:
                if endpoint.text not in known or not endpoint.terminating:
                    known[endpoint.text] = endpoint
    return {name: tuple([known[text] for text in sorted(known)]) for name, known in found.items() if known}


def _of_port(each: EndpointSlice, port: int, node_name: str) -> Iterable[Endpoint]:
    is_ipv6 = each.address_type == "IPv6"
    for record in each.endpoints:
        ip = parse_ip(record.addresses[0]) if record.addresses else None
        if ip is None or (":" in ip) != is_ipv6:  # no API server has such a one; a rule with it would fail
            continue
        conditions, hints = record.conditions, record.hints
        yield Endpoint(
            endpoint_text(ip, port),
            ip,
            port,
            record.node_name == node_name,
            conditions.ready is not False,
            conditions.serving is not False,
            conditions.terminating is True,
            frozenset([zone.name for zone in hints.for_zones]) if hints is not None else _NOBODY,
            frozenset([node.name for node in hints.for_nodes]) if hints is not None else _NOBODY,
            record.node_name or "",
            record.zone or "",
        )
