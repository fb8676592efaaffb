"""Fill a Go type from a JSON document the way Go does: the exact way, for what types/normalise.py finds unusual.

It knows which values Go takes, what null does, what a second value for a field does, and the words of every complaint.
A value of the wrong type is remembered and the rest is still read, as in Go; a custom type's own complaint ends it.
What comes out is plain: no unknown fields, no nulls, numbers in range; normalise brings it into the final form.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from typing import Any

from cluster_shim.api import quantity, times
from cluster_shim.api.codec.scanner import Number, Pairs
from cluster_shim.api.fields import quoted
from cluster_shim.api.types import model
from cluster_shim.api.types.model import Field, Type

STRICT_ERRORS_LIMIT = 100
NESTING_LIMIT = 200
"""How deep the JSON within an object may be where its type says nothing (and Python would have to follow it)."""
TOO_DEEP = "exceeded max depth"

_DIGITS_LIMIT = 4000  # what Python turns into an integer without being told that it may
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_RANGES = {model.INT32: 1 << 31, model.INT64: 1 << 63, model.INT_OR_STRING: 1 << 31}
_BASE64 = re.compile(rb"[A-Za-z0-9+/]")
_UNSET = object()  # leave what is there
_NIL = object()  # take away what is there


class Unmarshalable(ValueError):
    """The document does not fit the type; what it says is what Go says."""


def unmarshal(document: Any, into: Type) -> tuple[dict[str, Any], list[str]]:
    """Return the object and the complaints of strict decoding, in the order of the document. Raise Unmarshalable."""
    state = _State()
    try:
        value = _value(state, into, document, _UNSET, "", (), "")
    except RecursionError:
        raise Unmarshalable(TOO_DEEP) from None
    if state.saved:
        raise Unmarshalable(state.saved)
    return (value if isinstance(value, dict) else {}), list(state.strict)


def unmarshal_any(document: Any) -> tuple[Any, list[str]]:
    """Return the plain value of a document without a type (a custom resource) and its repeated keys as complaints."""
    state = _State()
    value = _plain(state, document, "", 0)
    if state.saved:
        raise Unmarshalable(state.saved)
    return value, list(state.strict)


def custom(of: Type, item: Any) -> Any:
    """Return the value of a type that reads JSON its own way, by itself. Raise Unmarshalable."""
    state = _State()
    value = _value(state, of, item, _UNSET, "", (), "")
    if state.saved:
        raise Unmarshalable(state.saved)
    return zero_element(Type("", model.LIST, element=of)) if value is _UNSET or value is _NIL else value


def zero_element(of: Type) -> Any:
    """Return Go's zero value of an element of a list or a map."""
    assert of.element is not None
    return None if of.element_pointer else _nothing(of.element)


class _State:
    """What is remembered while a document is read."""

    def __init__(self) -> None:
        self.saved = ""
        self.strict: dict[str, None] = {}
        self.raw = False  # numbers stay as they are, however large
        self.lenient = False  # a type that reads JSON its own way complains of no field

    def complain(self, what: str, path: str) -> None:
        if not self.lenient and len(self.strict) < STRICT_ERRORS_LIMIT:
            self.strict.setdefault(f"{what} field {quoted(path)}")

    def mismatch(self, item: Any, of: Type, struct: str, stack: tuple[str, ...], value: str = "") -> None:
        self.saved = self.saved or _mismatch(value or word_of(item), of.name, struct, stack)


def _mismatch(value: str, type_name: str, struct: str, stack: tuple[str, ...]) -> str:
    into = f"struct field {struct}.{'.'.join(stack)}" if struct or stack else "value"
    return f"json: cannot unmarshal {value} into Go {into} of type {type_name}"


def word_of(item: Any) -> str:
    """Return what Go calls a JSON value."""
    if isinstance(item, bool):
        return "bool"
    if isinstance(item, Number | int | float):
        return "number"
    if isinstance(item, str):
        return "string"
    if item is None:
        return "null"
    return "object" if isinstance(item, Pairs | dict) else "array"


def members(item: Any) -> Iterable[tuple[str, Any]] | None:
    """Return the members of an object, None for what is none."""
    if isinstance(item, Pairs):
        return item
    return item.items() if isinstance(item, dict) else None


def _elements(item: Any) -> list[Any] | None:
    """Return the elements of an array, None for what is none."""
    return item if isinstance(item, list) and not isinstance(item, Pairs) else None


def _value(state: _State, of: Type, item: Any, there: Any, struct: str, stack: tuple[str, ...], path: str) -> Any:
    """Return the new value of a variable of a type that holds `there`."""
    if of.kind == model.STRUCT:
        return _struct(state, of, item, there, struct, stack, path)
    if of.kind == model.LIST:
        return _list(state, of, item, there, struct, stack, path)
    if of.kind == model.MAP:
        return _map(state, of, item, there, struct, stack, path)
    if item is None:
        return _NIL if of.kind in (model.BYTES, model.ANY) else _UNSET
    if of.kind in _CUSTOM:
        try:
            return _CUSTOM[of.kind](state, of, item, struct, stack)
        except (quantity.QuantityError, times.TimeError) as error:
            raise Unmarshalable(str(error)) from None
    if of.kind == model.ANY:
        return _plain(state, item, path, 0)
    if of.kind == model.BYTES and (elements := _elements(item)) is not None:
        return _bytes_of_numbers(state, elements, struct, stack)
    return _scalar(state, of, item, struct, stack)


def _struct(state: _State, of: Type, item: Any, there: Any, struct: str, stack: tuple[str, ...], path: str) -> Any:
    if item is None:
        return _UNSET
    found = members(item)
    if found is None:
        state.mismatch(item, of, struct, stack)
        return _UNSET
    result = dict(there) if isinstance(there, dict) else {}
    seen: set[str] = set()
    for name, each in found:
        here = f"{path}.{name}" if path else name
        field = of.fields.get(name) or (_folded(of, name) if state.lenient else None)
        if field is None:
            state.complain("unknown", here)
            continue
        if name in seen:
            state.complain("duplicate", here)
        seen.add(name)
        below = (*stack, *field.embedded, field.name)
        made = _field(state, field, each, result.get(field.name, _UNSET), of.base_name, below, here)
        if made is _NIL:
            result.pop(field.name, None)
        elif made is not _UNSET:
            result[field.name] = made
    return result


def _folded(of: Type, name: str) -> Field | None:
    """Return the field of a name in another case: types with their own way use Go's decoder, which takes it."""
    return next((each for key, each in of.fields.items() if key.lower() == name.lower()), None)


def _field(state: _State, field: Field, item: Any, there: Any, struct: str, stack: tuple[str, ...], path: str) -> Any:
    if item is None and field.pointer:
        return _NIL
    made = _value(state, field.type, item, there, struct, stack, path)
    if made is _UNSET and field.pointer and there is _UNSET and field.type.kind == model.STRUCT:
        return {}  # Go has made the struct before it sees that the value does not fit
    return made


def _list(state: _State, of: Type, item: Any, there: Any, struct: str, stack: tuple[str, ...], path: str) -> Any:
    if item is None:
        return _NIL
    elements = _elements(item)
    assert of.element is not None
    if elements is None:
        state.mismatch(item, of, struct, stack)
        return _UNSET
    old = there if isinstance(there, list) else []
    result: list[Any] = []
    for index, each in enumerate(elements):
        before = old[index] if index < len(old) else _UNSET
        if each is None and of.element_pointer:
            result.append(None)
            continue
        made = _value(state, of.element, each, before, struct, stack, f"{path}[{index}]")
        result.append(_nothing(of.element) if made is _UNSET or made is _NIL else made)
    return result


def _map(state: _State, of: Type, item: Any, there: Any, struct: str, stack: tuple[str, ...], path: str) -> Any:
    if item is None:
        return _NIL
    found = members(item)
    assert of.element is not None
    if found is None:
        state.mismatch(item, of, struct, stack)
        return _UNSET
    result = dict(there) if isinstance(there, dict) else {}
    seen: set[str] = set()
    for key, each in found:
        here = f"{path}.{key}" if path else key
        if key in seen:
            state.complain("duplicate", here)
        seen.add(key)
        made = _value(state, of.element, each, _UNSET, struct, stack, here)
        result[key] = _nothing(of.element) if made is _UNSET or made is _NIL else made
    return result


def _nothing(of: Type) -> Any:
    """Return Go's zero value as an element."""
    return _ZEROES[of.kind]() if of.kind in _ZEROES else None


_ZEROES: dict[str, Callable[[], Any]] = {
    model.STRUCT: dict,
    model.STRING: str,
    model.BYTES: str,
    model.BOOL: bool,
    model.INT32: int,
    model.INT64: int,
    model.FLOAT64: int,
    model.LIST: list,
    model.MAP: dict,
    model.QUANTITY: lambda: "0",
    model.INT_OR_STRING: int,
}


def _scalar(state: _State, of: Type, item: Any, struct: str, stack: tuple[str, ...]) -> Any:
    if of.kind == model.STRING and isinstance(item, str) and not isinstance(item, Number):
        return item
    if of.kind == model.BOOL and isinstance(item, bool):
        return item
    if of.kind == model.BYTES and isinstance(item, str) and not isinstance(item, Number):
        return _bytes(state, item)
    word = word_of(item)
    if word == "number" and of.kind in (model.INT32, model.INT64):
        number = _integer(item, of.kind)
        if number is not None:
            return number
        word = f"number {item}"
    if word == "number" and of.kind == model.FLOAT64:
        real = float(str(item))
        if abs(real) != float("inf"):
            return real
        word = f"number {item}"
    state.mismatch(item, of, struct, stack, word)
    return _UNSET


def _integer(item: Any, kind: str) -> int | None:
    text = str(item)
    if not _INTEGER.fullmatch(text) or len(text) > 20:
        return None
    number = int(text)
    return number if -_RANGES[kind] <= number < _RANGES[kind] else None


def _bytes(state: _State, text: str) -> Any:
    """Return base64 as Go writes it; line breaks are none of its business."""
    data = text.replace("\r", "").replace("\n", "").encode()
    try:
        return b64encode(b64decode(data, validate=True)).decode()
    except ValueError:
        state.saved = state.saved or f"illegal base64 data at input byte {_corrupt(text.encode())}"
        return _UNSET


def _bytes_of_numbers(state: _State, elements: list[Any], struct: str, stack: tuple[str, ...]) -> str:
    """Return base64 of an array of numbers, which Go takes for bytes too."""
    made = bytearray()
    for each in elements:
        number = _integer(each, model.INT32) if word_of(each) == "number" else None
        if number is None or not 0 <= number < 256:
            if each is not None:
                word = f"number {each}" if word_of(each) == "number" else word_of(each)
                state.saved = state.saved or _mismatch(word, "uint8", struct, stack)
            number = 0
        made.append(number)
    return b64encode(made).decode()


def _corrupt(data: bytes) -> int:
    """Return the place at which Go's decoder finds base64 to be corrupt."""
    count = 0
    for position, byte in enumerate(data):
        if byte in b"\r\n":
            continue
        if _BASE64.match(data, position):
            count += 1
            continue
        if byte != ord("=") or count % 4 < 2:
            return position
        rest = [index for index in range(position + 1, len(data)) if data[index] not in b"\r\n"]
        if count % 4 == 2:
            if not rest:
                return len(data)
            if data[rest[0]] != ord("="):
                return rest[0]
            rest = rest[1:]
        return rest[0] if rest else len(data)
    return len(data) - count % 4


def _raw(state: _State, of: Type, item: Any, struct: str, stack: tuple[str, ...]) -> Any:
    inner = _State()
    inner.lenient = inner.raw = True
    return _plain(inner, item, "", 0)


def _plain(state: _State, item: Any, path: str, depth: int) -> Any:
    """Return a value without a type; of members with the same name, the last counts."""
    if depth > NESTING_LIMIT:
        raise Unmarshalable(TOO_DEEP)
    if isinstance(item, Number):
        return _number(state, item)
    found = members(item)
    if found is not None:
        result: dict[str, Any] = {}
        for name, each in found:
            here = f"{path}.{name}" if path else name
            if name in result:
                state.complain("duplicate", here)
            result[name] = _plain(state, each, here, depth + 1)
        return result
    elements = _elements(item)
    if elements is not None:
        return [_plain(state, each, f"{path}[{index}]", depth + 1) for index, each in enumerate(elements)]
    if isinstance(item, int) and abs(item) >= _RANGES[model.INT64] and not state.raw:
        return float(item)
    return item


def _number(state: _State, text: Number) -> int | float:
    whole = _integer(text, model.INT64)
    if whole is not None:
        return whole
    if state.raw and _INTEGER.fullmatch(text) and len(text) < _DIGITS_LIMIT:
        return int(text)
    number = float(text)
    if abs(number) == float("inf"):
        complaint = _mismatch(f"number {text}", "float64", "", ())
        if state.raw:
            raise Unmarshalable(complaint)  # upstream keeps the text; better refused than changed
        state.saved = state.saved or complaint
        return 0
    return number


def _quantity(state: _State, of: Type, item: Any, struct: str, stack: tuple[str, ...]) -> Any:
    text = item if isinstance(item, str) else str(item) if word_of(item) == "number" else "{"
    return quantity.canonical(text.strip())


def _time(state: _State, of: Type, item: Any, struct: str, stack: tuple[str, ...]) -> Any:
    if not isinstance(item, str) or isinstance(item, Number):
        raise Unmarshalable(_mismatch(word_of(item), "string", struct, stack))
    made = times.canonical(item, of.kind == model.MICRO_TIME)
    return _NIL if made is None else made


def _int_or_string(state: _State, of: Type, item: Any, struct: str, stack: tuple[str, ...]) -> Any:
    word = word_of(item)
    if word == "string":
        return item
    number = _integer(item, model.INT_OR_STRING) if word == "number" else None
    if number is None:
        value = f"number {item}" if word == "number" else word
        raise Unmarshalable(_mismatch(value, "int32", struct, stack))
    return number


def _schema_or(state: _State, of: Type, item: Any, struct: str, stack: tuple[str, ...]) -> Any:
    """Read one of the unions of JSONSchemaProps; a value of the wrong type within it ends everything."""
    assert of.element is not None
    inner = _State()
    inner.lenient = True
    made: Any = _NIL
    if members(item) is not None:
        made = _struct(inner, of.element, item, _UNSET, struct, stack, "")
    elif of.kind == model.SCHEMA_OR_BOOL:
        if not isinstance(item, bool):
            raise Unmarshalable("boolean or JSON schema expected")
        made = item
    elif (elements := _elements(item)) is not None:
        wanted = Type("string", model.STRING) if of.kind == model.SCHEMA_OR_STRINGS else of.element
        made = [_value(inner, wanted, each, _UNSET, struct, stack, "") for each in elements]
        made = [_nothing(wanted) if each is _UNSET else each for each in made]
    if inner.saved:
        raise Unmarshalable(inner.saved)
    return made


_CUSTOM = {
    model.RAW: _raw,
    model.QUANTITY: _quantity,
    model.TIME: _time,
    model.MICRO_TIME: _time,
    model.INT_OR_STRING: _int_or_string,
    model.SCHEMA_OR_ARRAY: _schema_or,
    model.SCHEMA_OR_BOOL: _schema_or,
    model.SCHEMA_OR_STRINGS: _schema_or,
}
