"""Bring objects into the form in which Go writes the typed struct: the fast way, for what is well formed.

Compiled once per type into closures that know nothing of paths and errors. Whatever is out of the ordinary (an unknown
field, a value of another type, a number out of range, null in a list) makes them give up with Unusual; then the exact
decoder (codec/unmarshal.py), which knows all of Go's ways, says what is wrong or makes the object ordinary.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import Any

from cluster_shim.api import quantity, times
from cluster_shim.api.types import model
from cluster_shim.api.types.model import Field, Type

Normaliser = Callable[[Any], Any]


class Unusual(Exception):
    """The value is not one that the fast way takes."""


def normaliser(of: Type) -> Normaliser:
    """Return the function that normalises a value (not null) of a type; it returns a new value where it changes one."""
    found: Normaliser | None = of.compiled.get("normalise")
    if found is None:
        found = _compile(of)
    return found


def zero(field: Field) -> Any:
    """Return what Go writes for a field that is not set, or ABSENT."""
    kind = field.type.kind
    if field.pointer or kind in (model.LIST, model.MAP, model.BYTES, model.ANY):
        return ABSENT if field.omit_empty else None
    if kind in model.SCALARS:
        return ABSENT if field.omit_empty or field.omit_zero else _ZEROES[kind]
    if field.omit_zero:
        return ABSENT
    if kind == model.STRUCT:
        return normaliser(field.type)({})
    return _ZEROES.get(kind)


class _Absent:
    """The type of ABSENT."""


ABSENT = _Absent()
_ZEROES: dict[str, Any] = {
    model.STRING: "",
    model.BOOL: False,
    model.INT32: 0,
    model.INT64: 0,
    model.FLOAT64: 0,
    model.QUANTITY: "0",
    model.INT_OR_STRING: 0,
}
_KEEP, _DROP_EMPTY, _DROP_ZERO = range(3)


def _compile(of: Type) -> Normaliser:
    if of.kind == model.STRUCT:
        return _struct(of)
    if of.kind == model.LIST and of.element is not None:
        return _list(of, of.element)
    if of.kind == model.MAP and of.element is not None:
        return _map(of, of.element)
    made = _UNIONS[of.kind](of) if of.kind in _UNIONS else _SCALARS[of.kind]
    of.compiled["normalise"] = made
    return made


def _struct(of: Type) -> Normaliser:
    plain: dict[str, type] = {}
    rules: dict[str, tuple[Normaliser, int, Any]] = {}
    missing: list[tuple[str, Any]] = []
    missing_structs: list[tuple[str, Normaliser]] = []

    def normalise(value: Any) -> Any:
        if value.__class__ is not dict:
            raise Unusual
        result = {}
        for name, item in value.items():
            if item and plain.get(name) is item.__class__:
                result[name] = item
                continue
            rule = rules.get(name)
            if rule is None:
                raise Unusual
            if item is None:
                continue  # as if it were not there
            convert, how, nothing = rule
            item = convert(item)
            if how == _KEEP or (item if how == _DROP_EMPTY else item != nothing):
                result[name] = item
        for name, nothing in missing:
            if name not in result:
                result[name] = nothing
        for name, make in missing_structs:
            if name not in result:
                result[name] = make({})
        return result

    of.compiled["normalise"] = normalise  # before the fields, which may lead back here
    for name, field in of.fields.items():
        kind = field.type.kind
        if kind in (model.STRING, model.BOOL) and not (kind == model.BOOL and field.pointer):
            plain[name] = str if kind == model.STRING else bool
        rules[name] = (normaliser(field.type), *_rule(field))
        nothing = zero(field)
        if nothing is not ABSENT and nothing.__class__ is dict:
            missing_structs.append((name, normaliser(field.type)))
        elif nothing is not ABSENT:
            missing.append((name, nothing))
    return normalise


def _rule(field: Field) -> tuple[int, Any]:
    """Return what happens to an empty value, and what is empty."""
    kind = field.type.kind
    if field.pointer:
        return (_DROP_ZERO, None) if kind in (model.TIME, model.MICRO_TIME) else (_KEEP, None)
    if field.name == "managedFields":
        return _KEEP, None  # an empty list asks to forget them; whoever tracks fields puts others in its place
    if kind in (model.LIST, model.MAP, model.BYTES, *model.SCALARS):
        if field.omit_empty or (field.omit_zero and kind in model.SCALARS):
            return _DROP_EMPTY, None
        return _KEEP, None
    if not field.omit_zero:
        return _KEEP, None
    if kind == model.STRUCT:
        return _DROP_ZERO, normaliser(field.type)({})
    return _DROP_ZERO, _ZEROES.get(kind)


def _list(of: Type, element: Type) -> Normaliser:
    def normalise(value: Any) -> Any:
        if value.__class__ is not list:
            raise Unusual
        return [convert(item) for item in value]

    def strings(value: Any) -> Any:
        if value.__class__ is not list:
            raise Unusual
        for item in value:
            if item.__class__ is not str:
                raise Unusual
        return value

    of.compiled["normalise"] = made = strings if element.kind == model.STRING else normalise
    convert = normaliser(element)
    return made


def _map(of: Type, element: Type) -> Normaliser:
    def normalise(value: Any) -> Any:
        if value.__class__ is not dict:
            raise Unusual
        return {key: convert(item) for key, item in value.items()}

    def strings(value: Any) -> Any:
        if value.__class__ is not dict:
            raise Unusual
        for item in value.values():
            if item.__class__ is not str:
                raise Unusual
        return value

    of.compiled["normalise"] = made = strings if element.kind == model.STRING else normalise
    convert = normaliser(element)
    return made


def _string(value: Any) -> Any:
    if value.__class__ is not str:
        raise Unusual
    return value


def _bool(value: Any) -> Any:
    if value.__class__ is not bool:
        raise Unusual
    return value


def _int32(value: Any) -> Any:
    if value.__class__ is not int or not -0x80000000 <= value <= 0x7FFFFFFF:
        raise Unusual
    return value


def _int64(value: Any) -> Any:
    if value.__class__ is not int or not -0x8000000000000000 <= value <= 0x7FFFFFFFFFFFFFFF:
        raise Unusual
    return value


def _float64(value: Any) -> Any:
    if value.__class__ is float:
        return int(value) if value.is_integer() and abs(value) < 1e21 else value
    if value.__class__ is not int:
        raise Unusual
    return value if abs(value) < 1 << 53 else _float64(float(value))


def _bytes(value: Any) -> Any:
    if value.__class__ is not str:
        raise Unusual
    try:
        if b64encode(b64decode(value, validate=True)).decode() == value:
            return value
    except (Base64Error, ValueError):
        pass
    raise Unusual


def _any(value: Any) -> Any:
    return value


def _time(value: Any) -> Any:
    return _or_unusual(times.canonical, value)


def _micro_time(value: Any) -> Any:
    if value.__class__ is not str:
        raise Unusual
    try:
        return times.canonical(value, True)
    except ValueError:
        raise Unusual from None


def _quantity(value: Any) -> Any:
    return _or_unusual(quantity.canonical, str(value) if value.__class__ is int else value)


def _or_unusual(canonical: Callable[[str], Any], value: Any) -> Any:
    if value.__class__ is not str:
        raise Unusual
    try:
        return canonical(value)
    except ValueError:
        raise Unusual from None


def _int_or_string(value: Any) -> Any:
    return value if value.__class__ is str else _int32(value)


def _schema_or(other: Callable[[Any, Normaliser], Any]) -> Callable[[Type], Normaliser]:
    """Return the maker for a union of JSONSchemaProps and something else."""

    def make(of: Type) -> Normaliser:
        element = of.element
        assert element is not None

        def normalise(value: Any) -> Any:
            schema = normaliser(element)
            return schema(value) if value.__class__ is dict else other(value, schema)

        return normalise

    return make


def _array_of_schemas(value: Any, schema: Normaliser) -> Any:
    if value.__class__ is not list:
        raise Unusual
    return [schema(each) for each in value]


def _array_of_strings(value: Any, schema: Normaliser) -> Any:
    if value.__class__ is not list:
        raise Unusual
    return [_string(each) for each in value]


_UNIONS: dict[str, Callable[[Type], Normaliser]] = {
    model.SCHEMA_OR_ARRAY: _schema_or(_array_of_schemas),
    model.SCHEMA_OR_BOOL: _schema_or(lambda value, schema: _bool(value)),
    model.SCHEMA_OR_STRINGS: _schema_or(_array_of_strings),
}
_SCALARS: dict[str, Normaliser] = {
    model.STRING: _string,
    model.BOOL: _bool,
    model.INT32: _int32,
    model.INT64: _int64,
    model.FLOAT64: _float64,
    model.BYTES: _bytes,
    model.ANY: _any,
    model.RAW: _any,
    model.TIME: _time,
    model.MICRO_TIME: _micro_time,
    model.QUANTITY: _quantity,
    model.INT_OR_STRING: _int_or_string,
}
