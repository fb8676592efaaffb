"""What an API server would refuse in the objects of a proxy, as field and reason.

Objects of an API server need none of it; those of a file do: a name or a protocol ends up in a rule, and none may end
there as more than one word. Only what a proxy reads is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from proxy_core.addresses import family_of, parse_cidr, parse_ip
from proxy_core.objects.records import EndpointSlice, Node, Service, ServiceCIDR

Fault = tuple[str, str]

PROTOCOLS = ("TCP", "UDP", "SCTP")
SERVICE_TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
ADDRESS_TYPES = ("IPv4", "IPv6", "FQDN")
MOST_ENDPOINTS, MOST_SLICE_PORTS = 1000, 20000
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_PORT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_TEXT = 40


def object_faults(record: Service | EndpointSlice | Node | ServiceCIDR) -> list[Fault]:
    """Return what an API server would refuse, as far as a rule could come of it."""
    if isinstance(record, Service):
        return [*_service_meta(record), *_service(record)]
    return [*_meta(record), *(_slice(record) if isinstance(record, EndpointSlice) else ())]


def _service_meta(record: Service) -> Iterator[Fault]:
    for field, text in (("metadata.name", record.metadata.name), ("metadata.namespace", record.metadata.namespace)):
        if not _LABEL.fullmatch(text):
            yield field, f"is no DNS label: {_shown(text)}"


def _meta(record: EndpointSlice | Node | ServiceCIDR) -> Iterator[Fault]:
    name, namespace = record.metadata.name, record.metadata.namespace
    if len(name) > 253 or not _SUBDOMAIN.fullmatch(name):
        yield "metadata.name", f"is no DNS name: {_shown(name)}"
    if namespace and not _LABEL.fullmatch(namespace):
        yield "metadata.namespace", f"is no DNS label: {_shown(namespace)}"


def _service(record: Service) -> Iterator[Fault]:
    spec = record.spec
    yield from _one_of("spec.type", spec.type, SERVICE_TYPES)
    yield from _one_of("spec.sessionAffinity", spec.session_affinity, ("None", "ClientIP"))
    yield from _one_of("spec.externalTrafficPolicy", spec.external_traffic_policy, ("", "Cluster", "Local"))
    yield from _one_of("spec.internalTrafficPolicy", spec.internal_traffic_policy or "", ("", "Cluster", "Local"))
    for number, family in enumerate(spec.ip_families):
        yield from _one_of(f"spec.ipFamilies[{number}]", family, ("IPv4", "IPv6"))
    if spec.cluster_ip not in ("", "None") and parse_ip(spec.cluster_ip) is None:
        yield "spec.clusterIP", f"is no IP address: {_shown(spec.cluster_ip)}"
    for field, texts in (("clusterIPs", spec.cluster_ips), ("externalIPs", spec.external_ips)):
        for number, text in enumerate(texts):
            if parse_ip(text) is None and not (field == "clusterIPs" and text == "None"):
                yield f"spec.{field}[{number}]", f"is no IP address: {_shown(text)}"
    for number, (family, text) in enumerate(zip(spec.ip_families, spec.cluster_ips, strict=False)):
        ip = parse_ip(text)
        if ip is not None and family_of(ip) != family:
            yield f"spec.clusterIPs[{number}]", f"is no {family} address, as spec.ipFamilies has it: {_shown(text)}"
    for number, text in enumerate(spec.load_balancer_source_ranges):
        if parse_cidr(text.strip()) is None:
            yield f"spec.loadBalancerSourceRanges[{number}]", f"is no network: {_shown(text)}"
    affinity = spec.session_affinity_config
    seconds = affinity.client_ip.timeout_seconds if affinity is not None and affinity.client_ip is not None else None
    if seconds is not None and not 1 <= seconds <= 86400:
        yield "spec.sessionAffinityConfig.clientIP.timeoutSeconds", f"must be between 1 and 86400: {seconds}"
    yield from _number("spec.healthCheckNodePort", spec.health_check_node_port, least=0)
    for number, port in enumerate(spec.ports):
        field = f"spec.ports[{number}]"
        yield from _port(field, port.name, port.protocol, port.port)
        yield from _number(f"{field}.nodePort", port.node_port, least=0)
        if not port.name and len(spec.ports) > 1:
            yield f"{field}.name", "is missing: each of several ports needs a name"
    yield from _twice("spec.ports", ((each.name,) for each in spec.ports), "name")
    yield from _twice("spec.ports", ((each.protocol, each.port) for each in spec.ports), "protocol and port")


def _slice(record: EndpointSlice) -> Iterator[Fault]:
    yield from _one_of("addressType", record.address_type, ADDRESS_TYPES)
    for number, port in enumerate(record.ports):
        yield from _port(f"ports[{number}]", port.name or "", port.protocol, port.port)
    yield from _twice("ports", ((each.name or "",) for each in record.ports), "name")
    if len(record.endpoints) > MOST_ENDPOINTS:
        yield "endpoints", f"are more than {MOST_ENDPOINTS:,}: {len(record.endpoints):,}"
    if len(record.ports) > MOST_SLICE_PORTS:
        yield "ports", f"are more than {MOST_SLICE_PORTS:,}: {len(record.ports):,}"
    for number, endpoint in enumerate(record.endpoints):
        if not endpoint.addresses:
            yield f"endpoints[{number}].addresses", "is missing"
        for place, text in enumerate(endpoint.addresses if record.address_type in ("IPv4", "IPv6") else ()):
            ip = parse_ip(text)
            if ip is None or (":" in text) != (record.address_type == "IPv6"):
                yield f"endpoints[{number}].addresses[{place}]", f"is no {record.address_type} address: {_shown(text)}"


def _port(field: str, name: str, protocol: str, port: int | None) -> Iterator[Fault]:
    if name and (len(name) > 63 or not _PORT_NAME.fullmatch(name)):
        yield f"{field}.name", f"is no DNS label: {_shown(name)}"
    yield from _one_of(f"{field}.protocol", protocol, PROTOCOLS)
    if port is not None:
        yield from _number(f"{field}.port", port, least=1)


def _number(field: str, port: int, least: int) -> Iterator[Fault]:
    if not least <= port <= 65535:
        yield field, f"must be between 1 and 65535: {port}"


def _one_of(field: str, text: str, known: tuple[str, ...]) -> Iterator[Fault]:
    if text not in known:
        yield field, f"must be {' or '.join(filter(None, known))}: {_shown(text)}"


def _twice(field: str, keys: Iterable[tuple[object, ...]], what: str) -> Iterator[Fault]:
    seen: set[tuple[object, ...]] = set()
    for number, key in enumerate(keys):
        if key in seen:
            yield f"{field}[{number}]", f"has the {what} of another port"
        seen.add(key)


def _shown(text: str) -> str:
    """Return a text as it may be shown: quoted, control characters spelled out, not too long."""
    return ascii(text if len(text) <= _TEXT else f"{text[:_TEXT]}...")
