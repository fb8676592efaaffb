"""The method format: ``'%s is %d'.format([name, size])``. Upstream: cel-go/ext/formatting.go."""

from __future__ import annotations

import math
import re
from typing import Any

from cluster_shim.api.cel.errors import EvaluationError
from cluster_shim.api.cel.values import Duration, Timestamp, TypeValue, Uint, shown_double, type_name

_CLAUSE = re.compile(r"%(?:(%)|(\.([0-9]+))?(.)|$)", re.S)
DEFAULT_PRECISION = 6
MAX_PRECISION = 1000


def formatted(text: str, args: list[Any]) -> str:
    """Return a text with its clauses replaced by arguments. Raises EvaluationError."""
    pieces: list[str] = []
    position = used = 0
    for match in _CLAUSE.finditer(text):
        pieces.append(text[position : match.start()])
        position = match.end()
        if match[1]:
            pieces.append("%")
            continue
        if match[4] is None:
            raise EvaluationError("unexpected end of string")
        if used >= len(args):
            raise EvaluationError(f"index {used} out of range")
        precision = min(int(match[3]), MAX_PRECISION) if match[3] else DEFAULT_PRECISION
        pieces.append(_clause(match[4], args[used], precision))
        used += 1
    return "".join([*pieces, text[position:]])


def _clause(verb: str, value: Any, precision: int) -> str:
    match verb:
        case "s":
            return shown(value)
        case "d":
            return _decimal(value)
        case "f":
            number = _number(value, "fixed-point")
            return f"{number:.{precision}f}" if math.isfinite(number) else _special(number)
        case "e":
            number = _number(value, "scientific notation")
            return _scientific(f"{number:.{precision}e}") if math.isfinite(number) else _special(number)
        case "b":
            if isinstance(value, bool):
                return "1" if value else "0"
            return f"{_whole(value, 'binary'):b}"
        case "o":
            return f"{_whole(value, 'octal'):o}"
        case "x" | "X":
            return _hex(value, verb)
        case _:
            raise EvaluationError(f'could not parse formatting clause: unrecognized formatting clause "{verb}"')


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+")


def _scientific(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}×10{exponent.translate(_SUPERSCRIPTS)}"


def _special(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


def _error(verb: str, what: str, value: Any) -> EvaluationError:
    text = f"{what} clause can only be used on {verb}, was given {type_name(value)}"
    return EvaluationError(f"error during formatting: {text}")


def _decimal(value: Any) -> str:
    if isinstance(value, float):
        return shown_double(value) if math.isfinite(value) else _special(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _error("numbers", "decimal", value)
    return str(int(value))


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _error("doubles", what, value)
    return float(value)


def _whole(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _error("integers", what, value)
    return int(value)


def _hex(value: Any, verb: str) -> str:
    if isinstance(value, (str, bytes)):
        digits = (value.encode() if isinstance(value, str) else value).hex()
    else:
        digits = f"{_whole(value, 'hex'):x}"
    return digits.upper() if verb == "X" else digits


def shown(value: Any) -> str:
    """Return a value as the clause %s writes it."""
    match value:
        case str():
            return value
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Uint() | int():
            return str(int(value))
        case float():
            return shown_double(value) if math.isfinite(value) else _special(value)
        case bytes():
            return value.decode(errors="replace")
        case Timestamp():
            from cluster_shim.api.cel.times import shown_timestamp

            return shown_timestamp(value)
        case Duration():
            return str(value)
        case TypeValue():
            return value.name
        case list():
            return f"[{', '.join(map(shown, value))}]"
        case dict():
            pairs = sorted((shown(key), shown(each)) for key, each in value.items())
            return "{" + ", ".join(f"{key}: {each}" for key, each in pairs) + "}"
        case _:
            raise _error("strings, bools, integers, doubles, lists, maps, bytes and times", "string", value)
