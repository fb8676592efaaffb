"""Scale: where a custom resource has its replicas and selector, and the Scale that shows them.

Upstream: registry/customresource/validator.go and etcd.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import FieldError, Path

INT32_MAX = (1 << 31) - 1


class WrongScale(ValueError):
    """A value at a path of scale that is not what it must be."""


def value_at(document: Mapping[str, Any], path: str) -> Any:
    """Return what a simple path (``.spec.replicas``) leads to; None if there is nothing."""
    found: Any = document
    for name in path.removeprefix(".").split("."):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found


def set_at(document: dict[str, Any], path: str, value: Any) -> None:
    """Put a value where a simple path leads; what is missing on the way is made."""
    *parents, last = path.removeprefix(".").split(".")
    for name in parents:
        document = document.setdefault(name, {})
    document[last] = value


def validate(scale: Mapping[str, str] | None, document: Mapping[str, Any], with_spec: bool = True) -> list[FieldError]:
    """Return what is wrong with the values that scale shows."""
    if scale is None:
        return []
    errors = _replicas(document, scale["specReplicasPath"]) if with_spec else []
    errors += _replicas(document, scale["statusReplicasPath"])
    selector_path = scale.get("labelSelectorPath")
    selector = value_at(document, selector_path) if selector_path else None
    if selector is not None and not isinstance(selector, str):
        errors.append(_error(selector_path or "", "", _not_a(selector_path or "", selector, "string")))
    return errors


def _error(path: str, value: Any, text: str) -> FieldError:
    """Return an error whose path keeps its leading dot, as upstream's does."""
    return fields.invalid(Path(""), value, text)._replace(path=path)


def _not_a(path: str, value: Any, wanted: str) -> str:
    from cluster_shim.api.custom.values import json_type

    go = {"integer": "int64", "number": "float64", "boolean": "bool", "object": "map[string]interface {}"}
    found = go.get(json_type(value), "[]interface {}" if isinstance(value, list) else json_type(value))
    shown = value if isinstance(value, str) else fields.shown(value)
    return f".{path.removeprefix('.')} accessor error: {shown} is of the type {found}, expected {wanted}"


def _replicas(document: Mapping[str, Any], path: str) -> list[FieldError]:
    value = value_at(document, path)
    if value is None:
        return []
    if isinstance(value, bool) or not isinstance(value, int):
        return [_error(path, 0, _not_a(path, value, "int64"))]
    if value < 0:
        return [_error(path, value, "should be a non-negative integer")]
    if value > INT32_MAX:
        return [_error(path, value, f"should be less than or equal to {INT32_MAX}")]
    return []


def scale_of(document: Mapping[str, Any], scale: Mapping[str, str]) -> dict[str, Any]:
    """Return the Scale of an object (autoscaling/v1). Raises WrongScale if it has no spec.replicas."""
    metadata = document["metadata"]
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    replicas = value_at(document, scale["specReplicasPath"])
    if replicas is None:
        raise WrongScale(f"the spec replicas field {fields.quoted(scale['specReplicasPath'])} does not exist")
    if isinstance(replicas, bool) or not isinstance(replicas, int):
        raise WrongScale(_not_a(scale["specReplicasPath"], replicas, "int64"))
    status: dict[str, Any] = {"replicas": value_at(document, scale["statusReplicasPath"]) or 0}
    selector = value_at(document, scale["labelSelectorPath"]) if scale.get("labelSelectorPath") else None
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in names if name in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }
