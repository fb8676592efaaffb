"""The method format: ``'%s is %d'.format([name, size])``. Upstream: cel-go/ext/formatting.go."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from cluster_shim.api.cel.errors import EvaluationError
from cluster_shim.api.cel.functions.conversions import to_string
from cluster_shim.api.cel.values import Duration, Timestamp, TypeValue, Uint, type_name
from cluster_shim.api.fields import quoted

DEFAULT_PRECISION = 6
MAX_PRECISION = 1000

_CLAUSE = re.compile(r"%(?:(%)|(?:\.([0-9]*))?(.)|)", re.S)
_SPECIALS = ("NaN", "Infinity", "-Infinity")
_SHOWN_SPECIALS = {"nan": "NaN", "inf": "∞", "-inf": "-∞"}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+")

REFUSALS = {
    "s": "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, "
    "and timestamps, was given {}",
    "d": "decimal clause can only be used on integers, was given {}",
    "f": "fixed-point clause can only be used on doubles, was given {}",
    "e": "scientific clause can only be used on doubles, was given {}",
    "b": "only integers and bools can be formatted as binary, was given {}",
    "x": "only integers, byte buffers, and strings can be formatted as hex, was given {}",
    "o": "octal clause can only be used on integers, was given {}",
}
"""What is said of an argument that a clause cannot take."""


class Clause(NamedTuple):
    """What stands for an argument."""

    verb: str
    precision: int


def clauses(text: str, arguments: int) -> Iterator[str | Clause]:
    """Yield the pieces of a text with a number of arguments. Raises EvaluationError where one cannot be used."""
    position = used = 0
    for match in _CLAUSE.finditer(text):
        yield text[position : match.start()]
        position = match.end()
        if match[1]:
            yield "%"
            continue
        if match.start() + 1 >= len(text):
            raise EvaluationError("unexpected end of string")
        if used >= arguments:
            raise EvaluationError(f"index {used} out of range")
        yield _clause(match)
        used += 1
    yield text[position:]


def _clause(match: re.Match[str]) -> Clause:
    wrong = "could not parse formatting clause"
    if match[3] is None:
        raise EvaluationError(f"{wrong}: error while parsing precision: could not find end of precision specifier")
    if match[2] == "":
        text = 'error while converting precision to integer: strconv.Atoi: parsing "": invalid syntax'
        raise EvaluationError(f"{wrong}: error while parsing precision: {text}")
    if match[3].lower() not in REFUSALS or match[3] in "SDFEBO":
        raise EvaluationError(f'{wrong}: unrecognized formatting clause "{match[3]}"')
    return Clause(match[3], min(int(match[2]), MAX_PRECISION) if match[2] else DEFAULT_PRECISION)


def formatted(text: str, args: list[Any]) -> str:
    """Return a text with its clauses replaced by arguments. Raises EvaluationError."""
    left = iter(args)
    return "".join(each if isinstance(each, str) else _shown(each, next(left)) for each in clauses(text, len(args)))


def refusal(verb: str, name: str) -> EvaluationError:
    """Return what is said of an argument of a type that a clause cannot take."""
    return EvaluationError(f"error during formatting: {REFUSALS[verb.lower()].format(name)}")


def _shown(clause: Clause, value: Any) -> str:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    match clause.verb:
        case "s":
            return shown(value)
        case "d" if is_number:
            return str(int(value))
        case "f" | "e" if isinstance(value, float) or value in _SPECIALS:
            return _floating(float(value), clause)
        case "b" if isinstance(value, int):
            return f"{int(value):b}"
        case "o" if is_number:
            return f"{int(value):o}"
        case "x" | "X" if is_number or isinstance(value, (str, bytes)):
            data = value.encode() if isinstance(value, str) else value
            digits = data.hex() if isinstance(data, bytes) else f"{int(data):x}"
            return digits.upper() if clause.verb == "X" else digits
    raise refusal(clause.verb, type_name(value))


def _floating(number: float, clause: Clause) -> str:
    """Return a number as it is written in English; upstream's scientific clause takes its precision as a width."""
    if not math.isfinite(number):
        return _SHOWN_SPECIALS[str(number)]
    if clause.verb == "f":
        return f"{number:,.{clause.precision}f}"
    mantissa, _, exponent = f"{number:.{DEFAULT_PRECISION}e}".partition("e")
    return f"{mantissa}×10{exponent.translate(_SUPERSCRIPTS)}"


def shown(value: Any) -> str:
    """Return a value as the clause %s writes it. Raises EvaluationError."""
    match value:
        case None:
            return "null"
        case list():
            return f"[{', '.join(map(_literal, value))}]"
        case dict():
            pairs = sorted((_key(key), _literal(each)) for key, each in value.items())
            return "{" + ", ".join(f"{key}:{each}" for key, each in pairs) + "}"
        case str() | bool() | int() | Uint() | float() | bytes() | Timestamp() | Duration() | TypeValue():
            return to_string(value)
        case _:
            raise refusal("s", type_name(value))


def _key(key: Any) -> str:
    if isinstance(key, float):
        raise EvaluationError("error during formatting: no formatting function for map key of type double")
    return _literal(key)


def _literal(value: Any) -> str:
    """Return a value within a list or a map: as it would be written in an expression."""
    match value:
        case str():
            return quoted(value)
        case bytes():
            return f"b{quoted(to_string(value))}"
        case float():
            return f"{value:.{DEFAULT_PRECISION}f}" if math.isfinite(value) else f'"{to_string(value)}"'
        case Timestamp():
            return f"timestamp({quoted(to_string(value))})"
        case Duration():
            return f"duration({quoted(to_string(value))})"
        case None | list() | dict() | bool() | int() | Uint() | TypeValue():
            return shown(value)
        case _:
            raise EvaluationError(f"error during formatting: no formatting function for {type_name(value)}")
