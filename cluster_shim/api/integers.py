"""Integers of texts, as Go's strconv reads them; what clients see of its errors.

Python's own int() is no substitute: it takes underscores, spaces and digits of other scripts, and gives an error of
another kind for some thousand digits.
"""

from __future__ import annotations

from cluster_shim.api.fields import quoted

INT64_MIN, INT64_MAX, UINT64_MAX = -(2**63), 2**63 - 1, 2**64 - 1
_MOST_DIGITS = 20
"""Of a number of 64 bits."""


class IntegerError(ValueError):
    """A text that is no integer, or none of 64 bits; the message is Go's."""


def parse_int(text: str, function: str = "ParseInt") -> int:
    """Return a signed integer; `function` is the one of Go that messages name. Raises IntegerError."""
    sign, digits = (text[0], text[1:]) if text[:1] in ("+", "-") else ("", text)
    number = _magnitude(text, digits, function)
    number = -number if sign == "-" else number
    if not INT64_MIN <= number <= INT64_MAX:
        raise _error(text, function, "value out of range")
    return number


def parse_uint(text: str) -> int:
    """Return an integer without a sign. Raises IntegerError."""
    number = _magnitude(text, text, "ParseUint")
    if number > UINT64_MAX:
        raise _error(text, "ParseUint", "value out of range")
    return number


def _magnitude(text: str, digits: str, function: str) -> int:
    if not (digits.isascii() and digits.isdigit()):
        raise _error(text, function, "invalid syntax")
    digits = digits.lstrip("0")
    if len(digits) > _MOST_DIGITS:
        raise _error(text, function, "value out of range")
    return int(digits or "0")


def _error(text: str, function: str, problem: str) -> IntegerError:
    return IntegerError(f"strconv.{function}: parsing {quoted(text)}: {problem}")
