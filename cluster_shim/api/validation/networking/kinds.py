"""NetworkPolicies, IPAddresses, ServiceCIDRs, and the table of the kinds of the groups."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import addresses, formats, labels, metadata, names
from cluster_shim.api.validation.checks import (
    IS_IMMUTABLE,
    NOTHING,
    SPEC,
    Errors,
    Object,
    formatted,
    immutable,
    need_formatted,
    refuse,
)
from cluster_shim.api.validation.networking import endpoint_slice, ingress
from cluster_shim.api.validation.rules import Rules
from cluster_shim.api.validation.structs import dump

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_POLICY_TYPES = ("Ingress", "Egress")
_CIDRS = SPEC.child("cidrs")


def _create_policy(errors: Errors, policy: Object) -> None:
    metadata.create(errors, policy, True, names.dns_subdomain)
    _policy_spec(errors, policy.get("spec") or NOTHING, any_value=False, known=())


def _update_policy(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    before = old.get("spec") or NOTHING
    known = set()
    for key, peers in (("ingress", "from"), ("egress", "to")):
        for rule in before.get(key) or ():
            for peer in rule.get(peers) or ():
                block = peer.get("ipBlock") or NOTHING
                known |= {block.get("cidr", ""), *(block.get("except") or ())}
    had_bad = not labels.is_usable(before.get("podSelector"))
    _policy_spec(errors, new.get("spec") or NOTHING, had_bad, known)


def _policy_spec(errors: Errors, spec: Object, any_value: bool, known: Collection[str]) -> None:
    labels.selector(errors, spec.get("podSelector"), SPEC.child("podSelector"), any_value)
    for key, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(key) or ()):
            path = SPEC.child(key).index(index)
            for number, port in enumerate(rule.get("ports") or ()):
                _policy_port(errors, port, path.child("ports").index(number))
            for number, peer in enumerate(rule.get(peers) or ()):
                _peer(errors, peer, path.child(peers).index(number), any_value, known)
    types: Sequence[str] = spec.get("policyTypes") or ()
    if len(types) > len(_POLICY_TYPES):
        errors.append(fields.invalid(SPEC.child("policyTypes"), types, "may not specify more than two policyTypes"))
        return
    for index, each in enumerate(types):
        if each not in _POLICY_TYPES:
            errors.append(fields.not_supported(SPEC.child("policyTypes").index(index), each, _POLICY_TYPES))


def _policy_port(errors: Errors, wanted: Object, path: Path) -> None:
    protocol, port, end = wanted.get("protocol"), wanted.get("port"), wanted.get("endPort")
    if protocol is not None and protocol not in _PROTOCOLS:
        errors.append(fields.not_supported(path.child("protocol"), protocol, _PROTOCOLS))
    if port is None:
        if end is not None:
            detail = "may not be specified when `port` is not specified"
            errors.append(fields.invalid(path.child("endPort"), end, detail))
    elif isinstance(port, str):
        if end is not None:
            detail = "may not be specified when `port` is non-numeric"
            errors.append(fields.invalid(path.child("endPort"), end, detail))
        refuse(errors, path.child("port"), port, formats.port_name(port))
    else:
        refuse(errors, path.child("port"), port, formats.port_number(port))
        if end is not None:
            if end < port:
                errors.append(fields.invalid(path.child("endPort"), port, "must be greater than or equal to `port`"))
            refuse(errors, path.child("endPort"), end, formats.port_number(end))


def _peer(errors: Errors, peer: Object, path: Path, any_value: bool, known: Collection[str]) -> None:
    for key in ("podSelector", "namespaceSelector"):
        labels.selector(errors, peer.get(key), path.child(key), any_value)
    if "ipBlock" in peer:
        _ip_block(errors, peer["ipBlock"], path.child("ipBlock"), known)
        if len(peer) > 1:
            errors.append(fields.forbidden(path, "may not specify both ipBlock and another peer"))
    elif not peer:
        errors.append(fields.required(path, "must specify a peer"))


def _ip_block(errors: Errors, block: Object, path: Path, known: Collection[str]) -> None:
    cidr = block.get("cidr", "")
    if not cidr:
        errors.append(fields.required(path.child("cidr")))
        return
    addresses.legacy_cidr(errors, cidr, path.child("cidr"), known)
    whole = addresses.parse_cidr(cidr)
    if whole is None:
        return
    for index, each in enumerate(block.get("except") or ()):
        at = path.child("except").index(index)
        addresses.legacy_cidr(errors, each, at, known)
        part = addresses.parse_cidr(each)
        if part is None:
            continue
        inside = part[1].version == whole[1].version and part[1].network_address in whole[1]
        if not inside or whole[1].prefixlen >= part[1].prefixlen:
            errors.append(fields.invalid(at, each, "must be a strict subset of `cidr`"))


def _ip_name(name: str, prefix: bool) -> formats.Messages:
    problems: Errors = []
    addresses.strict_ip(problems, name, Path("name"))
    shown = f"Invalid value: {fields.quoted(name)}: "
    return tuple(each.body.removeprefix(shown) for each in problems)


def _create_ip(errors: Errors, ip: Object) -> None:
    metadata.create(errors, ip, False, _ip_name)
    parent, path = (ip.get("spec") or NOTHING).get("parentRef"), SPEC.child("parentRef")
    if parent is None:
        errors.append(fields.required(path))
        return
    formatted(errors, parent, "group", path, formats.dns_subdomain)
    need_formatted(errors, parent, "resource", path, formats.path_segment)
    need_formatted(errors, parent, "name", path, formats.path_segment)
    formatted(errors, parent, "namespace", path, formats.path_segment)


def _update_ip(errors: Errors, new: Object, old: Object) -> None:
    _create_ip(errors, new)
    metadata.update(errors, new, old)
    parents = [(each.get("spec") or NOTHING).get("parentRef") for each in (new, old)]
    if parents[0] != parents[1]:
        shown = [dump("*ParentReference", each) for each in parents]
        immutable(errors, shown[0], shown[1], SPEC.child("parentRef"))


def _cidrs_of(service_cidr: Object) -> list[str]:
    found: list[str] = (service_cidr.get("spec") or NOTHING).get("cidrs") or []
    return found


def _create_cidr(errors: Errors, service_cidr: Object) -> None:
    metadata.create(errors, service_cidr, False, names.dns_subdomain)
    _cidrs(errors, _cidrs_of(service_cidr))


def _cidrs(errors: Errors, cidrs: list[str]) -> None:
    if not cidrs:
        errors.append(fields.required(_CIDRS, "at least one CIDR required"))
        return
    if len(cidrs) > 2:
        shown = fields.as_json({"CIDRs": cidrs})
        errors.append(fields.invalid(_CIDRS, shown, "may only hold up to 2 values"))
        return
    for index, each in enumerate(cidrs):
        addresses.strict_cidr(errors, each, _CIDRS.index(index))
    families = [parsed[0].version for parsed in map(addresses.parse_cidr, cidrs) if parsed]
    if len(families) == 2 and families[0] == families[1]:
        detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        errors.append(fields.invalid(_CIDRS, cidrs, detail))


def _update_cidr(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    cidrs, before = _cidrs_of(new), _cidrs_of(old)
    if len(cidrs) == len(before):
        for index, each in enumerate(before):
            if each != cidrs[index]:
                errors.append(fields.invalid(_CIDRS.index(index), cidrs[index], IS_IMMUTABLE))
    elif (len(before), len(cidrs)) == (1, 2):
        if cidrs[0] != before[0]:
            errors.append(fields.invalid(_CIDRS.index(0), cidrs[0], IS_IMMUTABLE))
        _cidrs(errors, cidrs)
    else:
        errors.append(fields.invalid(_CIDRS, cidrs or None, IS_IMMUTABLE))


NETWORK_POLICY = Rules(_create_policy, _update_policy)
IP_ADDRESS = Rules(_create_ip, _update_ip)
SERVICE_CIDR = Rules(_create_cidr, _update_cidr, {"status": metadata.update})
INGRESS = Rules(ingress.create, ingress.update, {"status": ingress.update_status})
INGRESS_CLASS = Rules(ingress.create_class, ingress.update_class)
ENDPOINT_SLICE = Rules(endpoint_slice.create, endpoint_slice.update)
