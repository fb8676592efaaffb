"""Fill a type from an object that is parsed already, the way upstream takes over the result of a strategic merge patch.

Upstream: runtime's unstructured converter. It is laxer with numbers than JSON decoding, has words of its own for what
does not fit, and finds the first complaint in the order of the type's fields, not of the document.
"""

from __future__ import annotations

from typing import Any

from cluster_shim.api.codec.document import Decoded
from cluster_shim.api.codec.unmarshal import Unmarshalable, custom, zero_element
from cluster_shim.api.codec.wire import signed
from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.api.types import Type, model, normaliser, type_of

_BITS = {model.INT32: 32, model.INT64: 64}
_UNSET = object()


def from_unstructured(parsed: dict[str, Any], gvk: GroupVersionKind) -> Decoded:
    """Return the object; its complaints are sorted. Raise Unmarshalable."""
    found = type_of(gvk)
    if found is None:
        raise KeyError(gvk)
    unknown: list[str] = []
    try:
        obj = normaliser(found)(_value(found, parsed, "", unknown))
    except RecursionError:
        raise Unmarshalable("exceeded max depth") from None
    obj["kind"], obj["apiVersion"] = gvk.kind, gvk.api_version
    return Decoded(obj, gvk, sorted(f'unknown field "{each}"' for each in unknown))


def _value(of: Type, item: Any, path: str, unknown: list[str]) -> Any:
    """Return the value that a variable of a type takes; _UNSET for its zero value."""
    if item is None:
        return _UNSET
    if of.kind == model.STRUCT:
        return _struct(of, item, path, unknown)
    if of.kind == model.LIST:
        return _list(of, item, path, unknown)
    if of.kind == model.MAP:
        return _map(of, item, path, unknown)
    if of.kind in model.SCALARS:
        return _scalar(of, item)
    if of.kind == model.BYTES:
        if not isinstance(item, str):
            raise Unmarshalable(f"cannot restore slice from {_kind(item)}")
        return _own(of, item, "error decoding from json: ")
    return item if of.kind == model.ANY else _own(of, item)


def _own(of: Type, item: Any, prefix: str = "") -> Any:
    """Return the value of a type that reads JSON its own way."""
    try:
        return custom(of, item)
    except Unmarshalable as error:
        raise Unmarshalable(f"{prefix}{error}") from None


def _struct(of: Type, item: Any, path: str, unknown: list[str]) -> Any:
    if not isinstance(item, dict):
        raise Unmarshalable(f"cannot restore struct from: {_kind(item)}")
    result = {}
    for name, field in of.fields.items():
        if name in item:
            made = _value(field.type, item[name], f"{path}.{name}" if path else name, unknown)
            if made is not _UNSET:
                result[name] = made
    unknown.extend(f"{path}.{name}" if path else name for name in item if name not in of.fields)
    return result


def _list(of: Type, item: Any, path: str, unknown: list[str]) -> Any:
    if not isinstance(item, list):
        raise Unmarshalable(f"cannot restore slice from {_kind(item)}")
    assert of.element is not None
    values = [_value(of.element, each, f"{path}[{index}]", unknown) for index, each in enumerate(item)]
    return [zero_element(of) if each is _UNSET else each for each in values]


def _map(of: Type, item: Any, path: str, unknown: list[str]) -> Any:
    if not isinstance(item, dict):
        raise Unmarshalable(f"cannot restore map from {_kind(item)}")
    assert of.element is not None
    values = {key: _value(of.element, each, path, unknown) for key, each in item.items()}
    return {key: zero_element(of) if each is _UNSET else each for key, each in values.items()}


def _scalar(of: Type, item: Any) -> Any:
    kind = _kind(item)
    if kind == of.kind or (kind, of.kind) == ("int64", model.FLOAT64):
        return item
    if of.kind in _BITS and kind in ("int64", "float64"):
        if item != int(item):
            raise Unmarshalable(f"cannot convert {kind} to {of.name}")
        return signed(int(item), _BITS[of.kind])
    if (kind, of.kind) == ("int64", model.STRING):
        raise Unmarshalable(f"cannot convert {kind} to {of.name}")
    raise Unmarshalable(f"unrecognized type: {of.kind}")


def _kind(item: Any) -> str:
    """Return what Go calls the kind of a value."""
    if isinstance(item, bool):
        return "bool"
    if isinstance(item, int):
        return "int64"
    if isinstance(item, float):
        return "float64"
    if isinstance(item, str):
        return "string"
    return "map" if isinstance(item, dict) else "slice"
