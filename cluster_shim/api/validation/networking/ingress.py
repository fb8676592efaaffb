"""Ingresses and IngressClasses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cluster_shim.api import fields
from cluster_shim.api.fields import ROOT, Path
from cluster_shim.api.validation import addresses, formats, metadata, names
from cluster_shim.api.validation.checks import (
    NOTHING,
    SPEC,
    STATUS,
    Errors,
    Object,
    keep,
    need,
    need_formatted,
    refuse,
)
from cluster_shim.api.validation.domain_paths import domain_prefixed_path
from cluster_shim.api.validation.formats import path_segment

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_BAD_PARTS = ("//", "/./", "/../", "%2f", "%2F")
_BAD_ENDS = ("/..", "/.")
_NOT_AN_IP = "must be a DNS name, not an IP address"


class _Options(NamedTuple):
    """What an older Ingress excuses."""

    any_secret: bool = False
    any_wildcard_rule: bool = False


def create(errors: Errors, ingress: Object) -> None:
    """Check a new Ingress."""
    _ingress(errors, ingress, _Options())
    annotation = ((ingress.get("metadata") or NOTHING).get("annotations") or NOTHING).get(CLASS_ANNOTATION)
    name = (ingress.get("spec") or NOTHING).get("ingressClassName")
    if None not in (annotation, name) and annotation != name:
        detail = "must match `ingressClassName` when both are specified"
        errors.append(fields.invalid(Path("annotations").child(CLASS_ANNOTATION), annotation, detail))


def update(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of an Ingress."""
    metadata.update(errors, new, old)
    before = old.get("spec") or NOTHING
    problems: Errors = []
    for rule in before.get("rules") or ():
        if "*" in rule.get("host", ""):
            _rule_value(problems, rule, ROOT)
    secrets = [each.get("secretName") for each in before.get("tls") or ()]
    options = _Options(
        any_secret=any(each and formats.dns_subdomain(each) for each in secrets),
        any_wildcard_rule=bool(problems),
    )
    _ingress(errors, new, options)


def _ingress(errors: Errors, ingress: Object, options: _Options) -> None:
    metadata.create(errors, ingress, True, names.dns_subdomain)
    spec = ingress.get("spec") or NOTHING
    rules = spec.get("rules")
    if not rules and "defaultBackend" not in spec:
        errors.append(fields.invalid(SPEC, rules, "either `defaultBackend` or `rules` must be specified"))
    if "defaultBackend" in spec:
        _backend(errors, spec["defaultBackend"], SPEC.child("defaultBackend"))
    for index, rule in enumerate(rules or ()):
        _rule(errors, rule, SPEC.child("rules").index(index), options)
    _tls(errors, spec.get("tls") or (), SPEC.child("tls"), options)
    if (name := spec.get("ingressClassName")) is not None:
        refuse(errors, SPEC.child("ingressClassName"), name, formats.dns_subdomain(name))


def _host(host: str) -> formats.Messages:
    return formats.wildcard_subdomain(host) if "*" in host else formats.dns_subdomain(host)


def _tls(errors: Errors, entries: Sequence[Object], path: Path, options: _Options) -> None:
    for index, each in enumerate(entries):
        for number, host in enumerate(each.get("hosts") or ()):
            refuse(errors, path.index(index).child("hosts").index(number), host, _host(host))
        name = each.get("secretName")
        if name and not options.any_secret:
            refuse(errors, path.index(index).child("secretName"), name, formats.dns_subdomain(name))


def _rule(errors: Errors, rule: Object, path: Path, options: _Options) -> None:
    host = rule.get("host", "")
    if host:
        if addresses.parse_ip(host) is not None:
            errors.append(fields.invalid(path.child("host"), host, _NOT_AN_IP))
        refuse(errors, path.child("host"), host, _host(host))
    if "*" not in host or not options.any_wildcard_rule:
        _rule_value(errors, rule, path)


def _rule_value(errors: Errors, rule: Object, path: Path) -> None:
    if "http" not in rule:
        return
    need(errors, rule["http"], "paths", path.child("http"))
    for index, each in enumerate(rule["http"].get("paths") or ()):
        _path(errors, each, path.child("http", "paths").index(index))


def _path(errors: Errors, wanted: Object, path: Path) -> None:
    kind, text, at = wanted.get("pathType"), wanted.get("path", ""), path.child("path")
    if kind is None:
        errors.append(fields.required(path.child("pathType"), "pathType must be specified"))
        return
    is_strict = kind in ("Exact", "Prefix")
    if kind not in _PATH_TYPES:
        errors.append(fields.not_supported(path.child("pathType"), kind, _PATH_TYPES))
    elif (text or is_strict) and not text.startswith("/"):
        errors.append(fields.invalid(at, text, "must be an absolute path"))
    if is_strict:
        refuse(errors, at, text, [f"must not contain '{each}'" for each in _BAD_PARTS if each in text])
        refuse(errors, at, text, [f"cannot end with '{each}'" for each in _BAD_ENDS if text.endswith(each)])
    _backend(errors, wanted.get("backend") or NOTHING, path.child("backend"))


def _backend(errors: Errors, backend: Object, path: Path) -> None:
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        errors.append(fields.invalid(path, "", "cannot set both resource and service backends"))
    elif resource is not None:
        _object_reference(errors, resource, path.child("resource"))
    elif service is None:
        errors.append(fields.invalid(path, "", "resource or service backend is required"))
    else:
        need_formatted(errors, service, "name", path.child("service"), formats.dns_label)
        _backend_port(errors, service.get("port") or NOTHING, path)


def _backend_port(errors: Errors, port: Object, path: Path) -> None:
    name, number, at = port.get("name"), port.get("number"), path.child("service", "port")
    if name and number:
        errors.append(fields.invalid(path, "", "cannot set both port name & port number"))
    elif name:
        refuse(errors, at.child("name"), name, formats.port_name(name))
    elif number:
        refuse(errors, at.child("number"), number, formats.port_number(number))
    else:
        errors.append(fields.required(path, "port name or number is required"))


def _object_reference(errors: Errors, reference: Object, path: Path) -> None:
    if (group := reference.get("apiGroup")) is not None:
        refuse(errors, path.child("apiGroup"), group, formats.dns_subdomain(group))
    need_formatted(errors, reference, "kind", path, path_segment)
    need_formatted(errors, reference, "name", path, path_segment)


def update_status(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of the status of an Ingress."""
    metadata.update(errors, new, old)
    entries, before = (
        ((each.get("status") or NOTHING).get("loadBalancer") or NOTHING).get("ingress") or () for each in (new, old)
    )
    known = [each["ip"] for each in before if each.get("ip")]
    for index, each in enumerate(entries):
        at, address, host = STATUS.child("loadBalancer", "ingress").index(index), each.get("ip"), each.get("hostname")
        if address:
            addresses.legacy_ip(errors, address, at.child("ip"), known)
        if host:
            refuse(errors, at.child("hostname"), host, formats.dns_subdomain(host))
            if addresses.parse_ip(host) is not None:
                errors.append(fields.invalid(at.child("hostname"), host, _NOT_AN_IP))


def create_class(errors: Errors, ingress_class: Object) -> None:
    """Check a new IngressClass."""
    metadata.create(errors, ingress_class, False, names.dns_subdomain)
    spec = ingress_class.get("spec") or NOTHING
    controller = spec.get("controller", "")
    if formats.size(controller) > 250:
        errors.append(fields.too_long(SPEC.child("controller"), 250))
    domain_prefixed_path(errors, controller, SPEC.child("controller"))
    if "parameters" in spec:
        _parameters(errors, spec["parameters"], SPEC.child("parameters"))


def _parameters(errors: Errors, reference: Object, path: Path) -> None:
    _object_reference(errors, reference, path)
    scope, namespace, at = reference.get("scope"), reference.get("namespace"), path.child("namespace")
    if scope is None:
        errors.append(fields.required(path.child("scope")))
    elif scope not in ("Cluster", "Namespace"):
        errors.append(fields.not_supported(path.child("scope"), scope, ("Cluster", "Namespace")))
    elif scope == "Namespace":
        if namespace is None:
            errors.append(fields.required(at, "`parameters.scope` is set to 'Namespace'"))
        else:
            refuse(errors, at, namespace, formats.dns_label(namespace))
    elif namespace is not None:
        errors.append(fields.forbidden(at, "`parameters.scope` is set to 'Cluster'"))


def update_class(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of an IngressClass."""
    metadata.update(errors, new, old)
    keep(errors, new.get("spec") or NOTHING, old.get("spec") or NOTHING, "controller", SPEC, "")
    create_class(errors, new)
