"""Field names as Go's decoder takes them: in any case (``NodeTaintsPolicy`` for ``nodeTaintsPolicy``).

Upstream's files and templates are read by encoding/json, which matches names without regard to case; msgspec does not.
Keys of maps (labels, resources) are left alone. Unknown names are left too, so that decoding names them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from msgspec import inspect


def with_wire_names(value: Any, record: Any) -> Any:
    """Return a decoded value with the keys that stand for fields of ``record`` (a type) spelled as on the wire."""
    return _renamed(value, _shape(record))


@cache
def _shape(record: Any) -> inspect.Type:
    return inspect.type_info(record)


@cache
def _wire_names(struct: type) -> dict[str, tuple[str, inspect.Type]]:
    """Return what a struct has by lower-case name: the name on the wire and the type."""
    shape = _shape(struct)
    assert isinstance(shape, inspect.StructType)
    return {field.encode_name.lower(): (field.encode_name, field.type) for field in shape.fields}


def _renamed(value: Any, shape: inspect.Type) -> Any:
    if isinstance(value, list):
        for each in _alternatives(shape):
            if isinstance(each, inspect.ListType | inspect.VarTupleType):
                return [_renamed(item, each.item_type) for item in value]
        return value
    if not isinstance(value, dict):
        return value
    structs = [each for each in _alternatives(shape) if isinstance(each, inspect.StructType)]
    if structs:
        return _renamed_fields(value, structs)
    for each in _alternatives(shape):
        if isinstance(each, inspect.DictType):
            return {key: _renamed(item, each.value_type) for key, item in value.items()}
    return value


def _alternatives(shape: inspect.Type) -> tuple[inspect.Type, ...]:
    if isinstance(shape, inspect.Metadata):
        return _alternatives(shape.type)
    return shape.types if isinstance(shape, inspect.UnionType) else (shape,)


def _renamed_fields(value: dict[Any, Any], structs: list[inspect.StructType]) -> dict[Any, Any]:
    tag_field = structs[0].tag_field
    if tag_field is not None:
        value = {tag_field if str(key).lower() == tag_field.lower() else key: item for key, item in value.items()}
        structs = [each for each in structs if each.tag == value.get(tag_field)]
        if not structs:
            return value
    names = _wire_names(structs[0].cls)
    renamed: dict[Any, Any] = {}
    for key, item in value.items():
        name, shape = names.get(str(key).lower(), (key, inspect.AnyType()))
        if name in renamed:
            raise msgspec.ValidationError(f"Field `{name}` is set twice, in different cases")
        renamed[name] = _renamed(item, shape)
    return renamed
