"""Endpoints: the older form of what EndpointSlices say."""

from __future__ import annotations

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import addresses, formats, metadata, names
from cluster_shim.api.validation.checks import Errors, Object, formatted, refuse
from cluster_shim.api.validation.core.containers import PROTOCOLS

_SUBSETS = Path("subsets")


def create(errors: Errors, endpoints: Object) -> None:
    """Check new Endpoints."""
    metadata.create(errors, endpoints, True, names.dns_subdomain)
    _subsets(errors, endpoints)


def update(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of Endpoints; subsets that stay are not looked at again."""
    metadata.update(errors, new, old)
    metadata.create(errors, new, True, names.dns_subdomain)
    if (new.get("subsets") or []) != (old.get("subsets") or []):
        _subsets(errors, new)


def _subsets(errors: Errors, endpoints: Object) -> None:
    for index, subset in enumerate(endpoints.get("subsets") or ()):
        path, ports = _SUBSETS.index(index), subset.get("ports") or ()
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            errors.append(fields.required(path, "must specify `addresses` or `notReadyAddresses`"))
        for key in ("addresses", "notReadyAddresses"):
            for number, each in enumerate(subset.get(key) or ()):
                _address(errors, each, path.child(key).index(number))
        for number, each in enumerate(ports):
            _port(errors, each, len(ports) > 1, path.child("ports").index(number))


def _address(errors: Errors, address: Object, path: Path) -> None:
    ip = address.get("ip", "")
    addresses.legacy_ip(errors, ip, path.child("ip"))
    formatted(errors, address, "hostname", path, formats.dns_label)
    if (node := address.get("nodeName")) is not None:
        refuse(errors, path.child("nodeName"), node, formats.dns_subdomain(node))
    addresses.endpoint_ip(errors, ip, path.child("ip"))


def _port(errors: Errors, port: Object, needs_name: bool, path: Path) -> None:
    name, number, protocol = port.get("name"), port.get("port", 0), port.get("protocol", "")
    if name:
        refuse(errors, path.child("name"), name, formats.dns_label(name))
    elif needs_name:
        errors.append(fields.required(path.child("name")))
    refuse(errors, path.child("port"), number, formats.port_number(number))
    if not protocol:
        errors.append(fields.required(path.child("protocol")))
    elif protocol not in PROTOCOLS:
        errors.append(fields.not_supported(path.child("protocol"), protocol, PROTOCOLS))
    if (application := port.get("appProtocol")) is not None:
        refuse(errors, path.child("appProtocol"), application, formats.label_key(application))
