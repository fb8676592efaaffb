"""APIServices (apiregistration.k8s.io)."""

from __future__ import annotations

import binascii

from cluster_shim.api import fields
from cluster_shim.api.validation import formats, metadata
from cluster_shim.api.validation.checks import NOTHING, SPEC, STATUS, Errors, Object, need, refuse
from cluster_shim.api.validation.formats import Messages
from cluster_shim.api.validation.rules import Rules

_STATUSES = ("True", "False", "Unknown")


def _create(errors: Errors, service: Object) -> None:
    spec = service.get("spec") or NOTHING
    group, version = spec.get("group", ""), spec.get("version", "")

    def name_rule(name: str, prefix: bool) -> Messages:
        wanted = f"{version}.{group}"
        if messages := formats.path_segment(name):
            return messages
        return () if name == wanted else (f'must be `spec.version+"."+spec.group`: {fields.quoted(wanted)}',)

    metadata.create(errors, service, False, name_rule)
    if not group and version != "v1":
        detail = "only v1 may have an empty group and it better be legacy kube"
        errors.append(fields.required(SPEC.child("group"), detail))
    if group:
        refuse(errors, SPEC.child("group"), group, formats.dns_subdomain(group))
    refuse(errors, SPEC.child("version"), version, formats.dns_1035_label(version))
    for key, most in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        priority = spec.get(key) or 0
        if not 0 < priority <= most:
            errors.append(fields.invalid(SPEC.child(key), priority, f"must be positive and less than {most}"))
    _server(errors, spec)


def _server(errors: Errors, spec: Object) -> None:
    service, insecure, at = spec.get("service"), spec.get("insecureSkipTLSVerify"), SPEC.child("insecureSkipTLSVerify")
    bundle = binascii.a2b_base64(spec.get("caBundle") or "")
    if service is None:
        if bundle:
            detail = "local APIServices may not have a caBundle"
            errors.append(fields.invalid(SPEC.child("caBundle"), f"{len(bundle)} bytes", detail))
        if insecure:
            errors.append(fields.invalid(at, True, "local APIServices may not have insecureSkipTLSVerify"))
        return
    path = SPEC.child("service")
    need(errors, service, "namespace", path)
    need(errors, service, "name", path)
    port = service.get("port") or 0
    if problems := formats.port_number(port):
        errors.append(fields.invalid(path.child("port"), port, f"port is not valid: {', '.join(problems)}"))
    if insecure and bundle:
        errors.append(fields.invalid(at, True, "may not be true if caBundle is present"))


def _update(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    _create(errors, new)


def _update_status(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    for index, each in enumerate((new.get("status") or NOTHING).get("conditions") or ()):
        if (status := each.get("status", "")) not in _STATUSES:
            path = STATUS.child("conditions").index(index)
            errors.append(fields.not_supported(path.child("status"), status, _STATUSES))


API_SERVICE = Rules(_create, _update, {"status": _update_status})
