"""From the bytes of an answer to its record, as Go's encoding/json reads it.

The fast way takes answers that are just so; all others are read again slowly: names in another case, unknown fields,
nulls, something behind the first value, and whatever ends the attempt with Go's words.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, TypeVar

import msgspec

from sched_core.config.decode import decode_loosely
from sched_core.errors import ExtenderError

Answer = TypeVar("Answer")

_WHERE = {
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Expecting ':' delimiter": "after object key",
    "Expecting ',' delimiter": "after a value",
    "Illegal trailing comma before end of object": "looking for beginning of object key string",
    "Illegal trailing comma before end of array": "looking for beginning of value",
}
"""What Python's decoder says, and what Go's says after the character."""


def understand(kind: Any, body: bytes) -> Any:
    """Return the record of an answer; raises ExtenderError. ``kind`` is a type of ``records``; null gives its zero."""
    try:
        return _decoder(kind).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    except RecursionError:
        raise ExtenderError("exceeded max depth") from None
    value, problem = decode_loosely(kind, _first_value(body.decode(errors="replace")))
    if problem:
        raise ExtenderError(problem)
    return value if value is not None else _zero(kind)


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _zero(kind: Any) -> Any:
    return kind() if isinstance(kind, type) else ()


def _first_value(text: str) -> Any:
    """Return the first JSON value of a text; what follows it is nobody's business."""
    start = len(text) - len(text.lstrip(" \t\r\n"))
    if start == len(text):
        raise ExtenderError("EOF")
    try:
        return json.JSONDecoder(parse_constant=_refuse_constant).raw_decode(text, start)[0]
    except json.JSONDecodeError as reason:
        rest = text[reason.pos :].strip(" \t\r\n")
        if not rest or reason.msg.startswith("Unterminated string"):
            raise ExtenderError("unexpected EOF") from None
        place = _WHERE.get(reason.msg, "looking for beginning of value")
        raise ExtenderError(f"invalid character {_quoted(rest[0])} {place}") from None
    except RecursionError:
        raise ExtenderError("exceeded max depth") from None


def _refuse_constant(name: str) -> Any:
    """Refuse NaN and the infinities, which Python's decoder would take."""
    first = name.lstrip("-")[0]
    place = "in numeric literal" if name.startswith("-") else "looking for beginning of value"
    raise ExtenderError(f"invalid character {_quoted(first)} {place}")


def _quoted(character: str) -> str:
    """Return a character as Go's quoteChar prints it."""
    return {"'": "'\\''", '"': "'\"'"}.get(character, f"'{character}'")
