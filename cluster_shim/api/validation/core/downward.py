"""References of a pod to its own fields and to the resources of its containers."""

from __future__ import annotations

import re
from collections.abc import Collection

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import amounts, formats, paths
from cluster_shim.api.validation.checks import Errors, Object, need, refuse

ENV_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
VOLUME_FIELDS = ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")
_CONVERTIBLE = (
    frozenset(ENV_FIELDS)
    | frozenset(VOLUME_FIELDS)
    | {
        "spec.restartPolicy",
        "spec.schedulerName",
        "status.phase",
        "spec.host",
    }
)
_RESOURCES = (
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
)
_HUGE_PAGES = ("requests.hugepages-", "limits.hugepages-")
_SIZES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_SUBSCRIPTED = re.compile(r"(.+?)\['(.*)'\]", re.DOTALL)


def field_reference(errors: Errors, reference: Object, allowed: Collection[str], path: Path) -> None:
    """Check a reference to a field of the pod."""
    version, field = reference.get("apiVersion", ""), reference.get("fieldPath", "")
    if not need(errors, reference, "apiVersion", path) or not need(errors, reference, "fieldPath", path):
        return
    subscripted = _SUBSCRIPTED.fullmatch(field)
    if problem := _unconvertible(version, field, subscripted):
        detail = f"error converting fieldPath: {problem}"
        errors.append(fields.invalid(path.child("fieldPath"), field, detail))
    elif subscripted is not None:
        key = subscripted[2]
        refuse(errors, path, key, formats.label_key(key.lower() if field.startswith("metadata.a") else key))
    else:
        internal = "spec.nodeName" if field == "spec.host" else field
        if internal not in allowed:
            errors.append(fields.not_supported(path.child("fieldPath"), internal, sorted(allowed)))


def _unconvertible(version: str, field: str, subscripted: re.Match[str] | None) -> str:
    if version != "v1":
        return f"unsupported pod version: {version}"
    if subscripted is not None:
        known = subscripted[1] in ("metadata.annotations", "metadata.labels")
        return "" if known else f"field label does not support subscript: {field}"
    return "" if field in _CONVERTIBLE else f"field label not supported: {field}"


def resource_reference(errors: Errors, reference: Object, path: Path, needs_container: bool) -> None:
    """Check a reference to a request or a limit of a container."""
    name = reference.get("resource", "")
    if needs_container and not reference.get("containerName"):
        errors.append(fields.required(path.child("containerName")))
    elif not name:
        errors.append(fields.required(path.child("resource")))
    elif name not in _RESOURCES and not name.startswith(_HUGE_PAGES):
        errors.append(fields.not_supported(path.child("resource"), name, _RESOURCES))
    _divisor(errors, name, reference.get("divisor") or "0", path)


_LISTED_SIZES = ", ".join(_SIZES)
_DIVISORS = {
    "cpu": (("1m", "1"), "cpu", "1m and 1"),
    "memory": (_SIZES, "memory", _LISTED_SIZES),
    "ephemeral-storage": (_SIZES, "local ephemeral storage", _LISTED_SIZES),
    "hugepages": (_SIZES, "hugepages", _LISTED_SIZES),
}


def _divisor(errors: Errors, name: str, divisor: str, path: Path) -> None:
    if amounts.nano(divisor) == 0:
        return
    of = "hugepages" if name.startswith(_HUGE_PAGES) else name.partition(".")[2] if name in _RESOURCES else ""
    if of not in _DIVISORS:
        return
    allowed, shown, listed = _DIVISORS[of]
    if divisor not in allowed:
        detail = f"only divisor's values {listed} are supported with the {shown} resource"
        errors.append(fields.invalid(path.child("divisor"), name, detail))


def file(errors: Errors, wanted: Object, path: Path) -> None:
    """Check a file with a field or a resource of the pod in it."""
    need(errors, wanted, "path", path)
    paths.not_reserved(errors, wanted.get("path", ""), path.child("path"))
    if "fieldRef" in wanted:
        field_reference(errors, wanted["fieldRef"], VOLUME_FIELDS, path.child("fieldRef"))
        if "resourceFieldRef" in wanted:
            detail = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(fields.invalid(path, "resource", detail))
    elif "resourceFieldRef" in wanted:
        resource_reference(errors, wanted["resourceFieldRef"], path.child("resourceFieldRef"), needs_container=True)
    else:
        errors.append(fields.required(path, "one of fieldRef and resourceFieldRef is required"))
    paths.mode(errors, wanted.get("mode"), path.child("mode"))


def key_to_path(errors: Errors, wanted: Object, path: Path) -> None:
    """Check a file with the value of a key in it."""
    need(errors, wanted, "key", path)
    need(errors, wanted, "path", path)
    paths.not_reserved(errors, wanted.get("path", ""), path.child("path"))
    paths.mode(errors, wanted.get("mode"), path.child("mode"))
