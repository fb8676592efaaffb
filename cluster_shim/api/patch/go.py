"""How Go names and prints JSON values: the words that stand in the texts of upstream's errors."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from cluster_shim.api.fields import quoted

_TYPES = {
    dict: "map[string]interface {}",
    list: "[]interface {}",
    str: "string",
    bool: "bool",
    int: "int64",
    float: "float64",
    type(None): "%!s(<nil>)",
}

_KINDS = {dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number"}


def type_name(value: Any) -> str:
    """Return the Go type of a decoded value: ``[]interface {}``."""
    return _TYPES[type(value)]


def json_kind(value: Any) -> str:
    """Return what a JSON decoder calls a value that it did not expect: ``array``."""
    return _KINDS[type(value)]


def printed(value: Any) -> str:
    """Return a value as ``%v`` prints it: ``map[a:1 b:[x y]]``."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{printed(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(printed, value))}]"
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    return number(value) if isinstance(value, float) else str(value)


def represented(value: Any) -> str:
    """Return a value as ``%#v`` prints it: ``map[string]interface {}{"a":1}``."""
    if isinstance(value, dict):
        members = ", ".join(f"{quoted(key)}:{represented(value[key])}" for key in sorted(value))
        return f"map[string]interface {{}}{{{members}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(represented, value))}}}"
    if value is None:
        return "interface {}(nil)"
    return quoted(value) if isinstance(value, str) else printed(value)


def json_number(value: float) -> str:
    """Return a float as Go writes it in JSON: 1.0 is 1, an exponent only for what is very small or large."""
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        return format(Decimal(repr(value)), "f")
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa}e{exponent[0]}{exponent[1:].lstrip('0')}"


def number(value: float) -> str:
    """Return a float as ``%v`` prints it: shortest digits, an exponent for what is very small or has seven digits."""
    if value == 0:
        return "-0" if str(value).startswith("-") else "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    size = len(digits) + exponent - 1
    if -4 <= size < 6:
        return format(Decimal(repr(value)).normalize(), "f")
    text = "".join(map(str, digits))
    mantissa = f"{text[0]}.{text[1:]}" if text[1:] else text
    return f"{'-' * sign}{mantissa}e{'-' if size < 0 else '+'}{abs(size):02d}"
