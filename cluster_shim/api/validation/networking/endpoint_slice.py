"""EndpointSlices."""

from __future__ import annotations

from collections.abc import Sequence

from cluster_shim.api import fields
from cluster_shim.api.fields import ROOT, Path
from cluster_shim.api.validation import addresses, formats, labels, metadata, names
from cluster_shim.api.validation.checks import NOTHING, Errors, Object, keep, refuse
from cluster_shim.api.validation.core.containers import PROTOCOLS
from cluster_shim.api.validation.domain_paths import fully_qualified_domain

_TYPES = ("FQDN", "IPv4", "IPv6")
_ENDPOINTS = Path("endpoints")
_PORTS = Path("ports")


def create(errors: Errors, endpoint_slice: Object) -> None:
    """Check a new EndpointSlice."""
    _slice(errors, endpoint_slice, None)


def update(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of an EndpointSlice; endpoints that stay are not looked at again."""
    _slice(errors, new, old)
    keep(errors, new, old, "addressType", ROOT, "")


def _slice(errors: Errors, endpoint_slice: Object, old: Object | None) -> None:
    metadata.create(errors, endpoint_slice, True, names.dns_subdomain)
    kind = endpoint_slice.get("addressType", "")
    if not kind:
        errors.append(fields.required(Path("addressType")))
    elif kind not in _TYPES:
        errors.append(fields.not_supported(Path("addressType"), kind, _TYPES))
    _ports(errors, endpoint_slice.get("ports") or ())
    endpoints = endpoint_slice.get("endpoints") or []
    if old is None or endpoints != (old.get("endpoints") or []):
        _endpoints(errors, endpoints, kind)


def _ports(errors: Errors, ports: Sequence[Object]) -> None:
    if len(ports) > 20000:
        errors.append(fields.too_many(_PORTS, len(ports), 20000))
        return
    seen: set[str] = set()
    for index, port in enumerate(ports):
        name, protocol, path = port.get("name") or "", port.get("protocol"), _PORTS.index(index)
        if name:
            refuse(errors, path.child("name"), name, formats.dns_label(name))
        if name in seen:
            errors.append(fields.duplicate(path.child("name"), name))
        seen.add(name)
        if protocol is None:
            errors.append(fields.required(path.child("protocol")))
        elif protocol not in PROTOCOLS:
            errors.append(fields.not_supported(path.child("protocol"), protocol, PROTOCOLS))
        if (application := port.get("appProtocol")) is not None:
            refuse(errors, path.child("appProtocol"), application, formats.label_key(application))


def _endpoints(errors: Errors, endpoints: Sequence[Object], kind: str) -> None:
    if len(endpoints) > 1000:
        errors.append(fields.too_many(_ENDPOINTS, len(endpoints), 1000))
        return
    for index, endpoint in enumerate(endpoints):
        _addresses(errors, endpoint.get("addresses") or (), kind, index)
        node, host, topology = (endpoint.get(key) for key in ("nodeName", "hostname", "deprecatedTopology"))
        if node is not None and (messages := formats.dns_subdomain(node)):
            refuse(errors, _ENDPOINTS.index(index).child("nodeName"), node, messages)
        if topology:
            at = _ENDPOINTS.index(index).child("deprecatedTopology")
            if len(topology) > 16:
                errors.append(fields.too_many(at, len(topology), 16))
            labels.labels(errors, topology, at)
        if host is not None:
            refuse(errors, _ENDPOINTS.index(index).child("hostname"), host, formats.dns_label(host))
        if "hints" in endpoint:
            _hints(errors, endpoint["hints"] or NOTHING, _ENDPOINTS.index(index).child("hints"))


def _addresses(errors: Errors, listed: Sequence[str], kind: str, index: int) -> None:
    path = _ENDPOINTS.index(index).child("addresses")
    if not listed:
        errors.append(fields.required(path, "must contain at least 1 address"))
    elif len(listed) > 100:
        errors.append(fields.too_many(path, len(listed), 100))
    for number, address in enumerate(listed):
        at = path.index(number)
        if kind == "FQDN":
            fully_qualified_domain(errors, address, at)
        elif kind in _TYPES:
            is_right = (addresses.legacy_ip if kind == "IPv4" else addresses.strict_ip)(errors, address, at)
            if not is_right:
                continue
            if addresses.is_ipv6(address) != (kind == "IPv6"):
                errors.append(fields.invalid(path, address, f"must be an {kind} address"))
            addresses.endpoint_ip(errors, address, at)


def _hints(errors: Errors, hints: Object, path: Path) -> None:
    for key, check in (("forZones", formats.label_value), ("forNodes", formats.dns_subdomain)):
        listed = hints.get(key) or ()
        if len(listed) > 8:
            errors.append(fields.too_many(path.child(key), len(listed), 8))
            return
        seen: set[str] = set()
        for index, each in enumerate(listed):
            at, name = path.child(key).index(index).child("name"), each.get("name", "")
            if name in seen:
                errors.append(fields.duplicate(at, name))
            seen.add(name)
            refuse(errors, at, name, check(name))
