"""Services: ports, types, addresses, traffic policies; and what of it may change."""

from __future__ import annotations

from collections.abc import Sequence

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import addresses, formats, metadata, names
from cluster_shim.api.validation.checks import (
    METADATA,
    NOTHING,
    SPEC,
    STATUS,
    Errors,
    Object,
    need_one_of,
    optional_one_of,
    refuse,
)
from cluster_shim.api.validation.core import service_addresses
from cluster_shim.api.validation.core.containers import PROTOCOLS
from cluster_shim.api.validation.core.probes import port
from cluster_shim.api.validation.core.service_addresses import is_headless
from cluster_shim.api.validation.labels import labels
from cluster_shim.api.validation.structs import dump

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_TRAFFIC = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_HINTS = "service.kubernetes.io/topology-aware-hints"
_MODE = "service.kubernetes.io/topology-mode"
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'"
_MAX_AFFINITY_SECONDS = 86400


def create(errors: Errors, service: Object) -> None:
    """Check a new Service."""
    metadata.create(errors, service, True, names.dns_label)
    _service(errors, service, None)


def update(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of a Service."""
    metadata.update(errors, new, old)
    service_addresses.changes(errors, new, old)
    _load_balancer_class(errors, new, old)
    ports = [each["spec"].get("healthCheckNodePort") for each in (new, old) if needs_health_check(each)]
    if len(ports) == 2 and ports[0] != ports[1]:
        errors.append(fields.forbidden(SPEC.child("healthCheckNodePort"), "field is immutable"))
    _service(errors, new, old)


def needs_health_check(service: Object) -> bool:
    """Return whether load balancers ask each node whether it has endpoints."""
    spec = service["spec"]
    return (spec.get("type"), spec.get("externalTrafficPolicy")) == ("LoadBalancer", "Local")


def _service(errors: Errors, service: Object, old: Object | None) -> None:
    spec, annotations = service["spec"], (service.get("metadata") or NOTHING).get("annotations") or {}
    before, ports = (old or NOTHING).get("spec") or NOTHING, spec.get("ports") or ()
    if _MODE in annotations and _HINTS in annotations and annotations[_MODE] != annotations[_HINTS]:
        at = METADATA.child("annotations").key(_MODE)
        detail = f"must match annotations[{_HINTS}] when both are specified"
        errors.append(fields.invalid(at, annotations[_MODE], detail))
    if not ports and not is_headless(spec) and spec.get("type") != "ExternalName":
        errors.append(fields.required(SPEC.child("ports")))
    _of_type(errors, spec)
    port_names: set[str] = set()
    for index, each in enumerate(ports):
        _port(errors, each, len(ports) > 1, port_names, SPEC.child("ports").index(index))
    labels(errors, spec.get("selector"), SPEC.child("selector"))
    _session_affinity(errors, spec)
    service_addresses.consistent(errors, spec, before)
    external = before.get("externalIPs") or ()
    for index, each in enumerate(spec.get("externalIPs") or ()):
        at = SPEC.child("externalIPs").index(index)
        if addresses.legacy_ip(errors, each, at, external):
            addresses.endpoint_ip(errors, each, at)
    need_one_of(errors, spec, "type", SPEC, _TYPES)
    _repeated_ports(errors, spec.get("type"), ports)
    _source_ranges(errors, spec, before, annotations, old)
    is_load_balancer = spec.get("type") == "LoadBalancer"
    if "allocateLoadBalancerNodePorts" in spec and not is_load_balancer:
        errors.append(fields.forbidden(SPEC.child("allocateLoadBalancerNodePorts"), _ONLY_LOAD_BALANCER))
    if "allocateLoadBalancerNodePorts" not in spec and is_load_balancer:
        errors.append(fields.required(Path("allocateLoadBalancerNodePorts")))
    _load_balancer_class(errors, service, None)
    _traffic(errors, service)


def _of_type(errors: Errors, spec: Object) -> None:
    kind = spec.get("type")
    if kind in ("LoadBalancer", "NodePort") and is_headless(spec):
        detail = f"may not be set to 'None' for {kind} services"
        errors.append(fields.invalid(SPEC.child("clusterIPs").index(0), spec["clusterIPs"][0], detail))
    if kind != "ExternalName":
        return
    detail = "may not be set for ExternalName services"
    for key in ("clusterIPs", "ipFamilies"):
        if spec.get(key):
            errors.append(fields.forbidden(SPEC.child(key), detail))
    if "ipFamilyPolicy" in spec:
        errors.append(fields.forbidden(SPEC.child("ipFamilyPolicy"), detail))
    name = spec.get("externalName", "").removesuffix(".")
    if name:
        refuse(errors, SPEC.child("externalName"), name, formats.dns_subdomain(name))
    else:
        errors.append(fields.required(SPEC.child("externalName")))


def _port(errors: Errors, wanted: Object, needs_name: bool, seen: set[str], path: Path) -> None:
    name, number, protocol = wanted.get("name"), wanted.get("port", 0), wanted.get("protocol", "")
    if name:
        refuse(errors, path.child("name"), name, formats.dns_label(name))
        if name in seen:
            errors.append(fields.duplicate(path.child("name"), name))
        seen.add(name)
    elif needs_name:
        errors.append(fields.required(path.child("name")))
    refuse(errors, path.child("port"), number, formats.port_number(number))
    if not protocol:
        errors.append(fields.required(path.child("protocol")))
    elif protocol not in PROTOCOLS:
        errors.append(fields.not_supported(path.child("protocol"), protocol, PROTOCOLS))
    port(errors, wanted.get("targetPort", 0), path.child("targetPort"))
    if (application := wanted.get("appProtocol")) is not None:
        refuse(errors, path.child("appProtocol"), application, formats.label_key(application))


def _session_affinity(errors: Errors, spec: Object) -> None:
    need_one_of(errors, spec, "sessionAffinity", SPEC, ("ClientIP", "None"))
    kind, at = spec.get("sessionAffinity"), SPEC.child("sessionAffinityConfig")
    if kind == "None" and "sessionAffinityConfig" in spec:
        errors.append(fields.forbidden(at, "must not be set when session affinity is None"))
    if kind != "ClientIP":
        return
    config, detail = spec, "when session affinity type is ClientIP"
    for key, path in (
        ("sessionAffinityConfig", at),
        ("clientIP", at.child("clientIP")),
        ("timeoutSeconds", at.child("clientIP", "timeoutSeconds")),
    ):
        if key not in config:
            errors.append(fields.required(path, detail))
            return
        config = config[key]
    seconds = spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"]
    if not 0 < seconds <= _MAX_AFFINITY_SECONDS:
        message = f"must be greater than 0 and less than {_MAX_AFFINITY_SECONDS}"
        errors.append(fields.invalid(at.child("clientIP", "timeoutSeconds"), seconds, message))


def _repeated_ports(errors: Errors, kind: str | None, ports: Sequence[Object]) -> None:
    path = SPEC.child("ports")
    if kind == "ClusterIP":
        for index, each in enumerate(ports):
            if each.get("nodePort"):
                detail = "may not be used when `type` is 'ClusterIP'"
                errors.append(fields.forbidden(path.index(index).child("nodePort"), detail))
    seen = set()
    for index, each in enumerate(ports):
        if each.get("nodePort"):
            key = (each.get("protocol"), each["nodePort"])
            if key in seen:
                errors.append(fields.duplicate(path.index(index).child("nodePort"), each["nodePort"]))
            seen.add(key)
    seen = set()
    for index, each in enumerate(ports):
        key = (each.get("protocol"), each.get("port", 0))
        if key in seen:
            shown = {"protocol": key[0], "port": key[1]}
            errors.append(fields.duplicate(path.index(index), dump("ServicePort", shown)))
        seen.add(key)


def _source_ranges(errors: Errors, spec: Object, before: Object, annotations: Object, old: Object | None) -> None:
    is_load_balancer = spec.get("type") == "LoadBalancer"
    if ranges := spec.get("loadBalancerSourceRanges"):
        path = SPEC.child("LoadBalancerSourceRanges")
        if not is_load_balancer:
            errors.append(fields.forbidden(path, _ONLY_LOAD_BALANCER))
        known = {each.strip() for each in before.get("loadBalancerSourceRanges") or ()}
        for index, each in enumerate(ranges):
            addresses.legacy_cidr(errors, each.strip(), path.index(index), known)
    elif _RANGES in annotations:
        path = METADATA.child("annotations").key(_RANGES)
        if not is_load_balancer:
            errors.append(fields.forbidden(path, _ONLY_LOAD_BALANCER))
        had = ((old or NOTHING).get("metadata") or NOTHING).get("annotations") or NOTHING
        text = annotations[_RANGES]
        if (old is None or had.get(_RANGES, "") != text) and text.strip():
            for each in text.strip().split(","):
                addresses.legacy_cidr(errors, each.strip(), path)


def _load_balancer_class(errors: Errors, service: Object, old: Object | None) -> None:
    spec, path = service["spec"], SPEC.child("loadBalancerClass")
    name, is_load_balancer = spec.get("loadBalancerClass"), spec.get("type") == "LoadBalancer"
    before = NOTHING if old is None else old["spec"]
    was_load_balancer = before.get("type") == "LoadBalancer"
    if is_load_balancer and was_load_balancer and name != before.get("loadBalancerClass"):
        errors.append(fields.invalid(path, name, "may not change once set"))
    if name is None:
        return
    if is_load_balancer:
        refuse(errors, path, name, formats.label_key(name))
    else:
        errors.append(fields.forbidden(path, _ONLY_LOAD_BALANCER))


def _traffic(errors: Errors, service: Object) -> None:
    spec = service["spec"]
    kind, policy, port_number = spec.get("type"), spec.get("externalTrafficPolicy"), spec.get("healthCheckNodePort")
    is_external = kind in ("LoadBalancer", "NodePort") or (kind == "ClusterIP" and bool(spec.get("externalIPs")))
    if is_external:
        need_one_of(errors, spec, "externalTrafficPolicy", SPEC, _TRAFFIC)
    elif policy:
        detail = "may only be set for externally-accessible services"
        errors.append(fields.invalid(SPEC.child("externalTrafficPolicy"), policy, detail))
    at = SPEC.child("healthCheckNodePort")
    if needs_health_check(service):
        if not port_number:
            errors.append(fields.required(at))
        else:
            refuse(errors, at, port_number, formats.port_number(port_number))
    elif port_number:
        detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        errors.append(fields.invalid(at, port_number, detail))
    if "internalTrafficPolicy" not in spec and kind in ("NodePort", "LoadBalancer", "ClusterIP"):
        errors.append(fields.required(SPEC.child("internalTrafficPolicy")))
    optional_one_of(errors, spec, "internalTrafficPolicy", SPEC, _TRAFFIC)
    optional_one_of(errors, spec, "trafficDistribution", SPEC, _DISTRIBUTIONS)


def update_status(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of the status of a Service."""
    metadata.update(errors, new, old)
    status, before = ((each.get("status") or NOTHING).get("loadBalancer") or NOTHING for each in (new, old))
    load_balancer_status(errors, status, before, STATUS.child("loadBalancer"), new["spec"].get("type"))


def load_balancer_status(errors: Errors, status: Object, old: Object, path: Path, kind: str | None) -> None:
    """Check where a load balancer listens."""
    entries, at = status.get("ingress") or (), path.child("ingress")
    if kind != "LoadBalancer" and entries:
        errors.append(fields.forbidden(at, "may only be used when `spec.type` is 'LoadBalancer'"))
        return
    known = [each["ip"] for each in old.get("ingress") or () if each.get("ip")]
    for index, each in enumerate(entries):
        address, mode, own = each.get("ip"), each.get("ipMode"), at.index(index)
        if address:
            addresses.legacy_ip(errors, address, own.child("ip"), known)
        if mode is None and address:
            errors.append(fields.required(own.child("ipMode"), "must be specified when `ip` is set"))
        elif mode is not None and not address:
            errors.append(fields.forbidden(own.child("ipMode"), "may not be specified when `ip` is not set"))
        elif mode is not None:
            optional_one_of(errors, each, "ipMode", own, ("Proxy", "VIP"))
        if need_not_ip := each.get("hostname"):
            refuse(errors, own.child("hostname"), need_not_ip, formats.dns_subdomain(need_not_ip))
            if addresses.parse_ip(need_not_ip) is not None:
                detail = "must be a DNS name, not an IP address"
                errors.append(fields.invalid(own.child("hostname"), need_not_ip, detail))
