"""Read JSON as Go's encoding/json does: the same documents, the same errors, no recursion.

The slow way: codec/json.py comes here when the fast parser cannot tell what Go would (a syntax error and its words, a
repeated key, a number's own spelling, half a surrogate pair). Objects become Pairs, numbers keep their text.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any

from cluster_shim.api.fields import quoted

DEPTH_LIMIT = 10_000
"""How deep Go's scanner follows nested objects and arrays."""
END_OF_INPUT = "unexpected end of JSON input"

_SPACE = re.compile(rb"[ \t\r\n]*")
_PLAIN_STRING = re.compile(rb'"[^"\\\x00-\x1f]*"')
_STRING_START = re.compile(rb'"(?:[^"\\\x00-\x1f]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')
_HEX = re.compile(rb"[0-9a-fA-F]*")
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_LITERALS = {b"t": (b"true", True), b"f": (b"false", False), b"n": (b"null", None)}
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def _each_byte(error: UnicodeError) -> tuple[str, int]:
    """Put one replacement character for each byte that is wrong, as Go does."""
    assert isinstance(error, UnicodeDecodeError)
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error("each-byte", _each_byte)


class Malformed(ValueError):
    """The text is not JSON; what it says is what Go says."""


class Pairs(list[tuple[str, Any]]):
    """An object: its members in order, repeated keys included."""


class Number(str):
    """A number as it was written."""

    __slots__ = ()


class _Open:
    """An object or an array that is not complete yet."""

    __slots__ = ("key", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.key = ""  # of an object: the key whose value is being read


def scan(data: bytes) -> Any:
    """Return the document. Raise Malformed."""
    position = _skip(data, 0)
    stack: list[_Open] = []
    while True:
        value, position = _begin(data, position, len(stack))
        complete = value.__class__ is not _Open
        if not complete:
            stack.append(value)
            position, complete = _first(data, position, value)
            if complete:
                value = stack.pop().value
        while complete and stack:
            position, complete = _next(data, position, stack[-1], value)
            if complete:
                value = stack.pop().value
        if complete:
            position = _skip(data, position)
            if position < len(data):
                raise _invalid(data, position, "after top-level value")
            return value


def _begin(data: bytes, position: int, depth: int) -> tuple[Any, int]:
    """Read a scalar, or open an object or an array."""
    start = data[position : position + 1]
    if start == b'"':
        return _string(data, position)
    if start in (b"{", b"["):
        if depth >= DEPTH_LIMIT:
            raise _invalid(data, position, "exceeded max depth")
        return _Open(Pairs() if start == b"{" else []), position + 1
    if start in _LITERALS:
        return _literal(data, position)
    if start and start in b"-0123456789":
        return _number(data, position)
    raise _invalid(data, position, "looking for beginning of value")


def _first(data: bytes, position: int, top: _Open) -> tuple[int, bool]:
    """Return where the first value begins; or, if there is none, where the container ends and that it does."""
    is_object = top.value.__class__ is Pairs
    position = _skip(data, position)
    if data[position : position + 1] == (b"}" if is_object else b"]"):
        return position + 1, True
    return (_key(data, position, top) if is_object else position), False


def _next(data: bytes, position: int, top: _Open, value: Any) -> tuple[int, bool]:
    """Add a value; return where the next one begins, or where the container ends and that it does."""
    position = _skip(data, position)
    separator = data[position : position + 1]
    if top.value.__class__ is Pairs:
        top.value.append((top.key, value))
        if separator == b",":
            return _key(data, _skip(data, position + 1), top), False
        if separator != b"}":
            raise _invalid(data, position, "after object key:value pair")
    else:
        top.value.append(value)
        if separator == b",":
            return _skip(data, position + 1), False
        if separator != b"]":
            raise _invalid(data, position, "after array element")
    return position + 1, True


def _key(data: bytes, position: int, top: _Open) -> int:
    """Read a key and its colon; return where the value begins."""
    if data[position : position + 1] != b'"':
        raise _invalid(data, position, "looking for beginning of object key string")
    top.key, position = _string(data, position)
    position = _skip(data, position)
    if data[position : position + 1] != b":":
        raise _invalid(data, position, "after object key")
    return _skip(data, position + 1)


def _skip(data: bytes, position: int) -> int:
    return _SPACE.match(data, position).end()  # type: ignore[union-attr]


def _string(data: bytes, position: int) -> tuple[str, int]:
    found = _PLAIN_STRING.match(data, position)
    if found is not None:
        return found[0][1:-1].decode("utf-8", "each-byte"), found.end()
    end = _STRING_START.match(data, position).end()  # type: ignore[union-attr]
    if data[end : end + 1] != b'"':
        raise _bad_string(data, end)
    text = json.loads(data[position : end + 1].decode("utf-8", "each-byte"))
    return _LONE_SURROGATE.sub("\ufffd", text), end + 1


def _bad_string(data: bytes, position: int) -> Malformed:
    if data[position : position + 1] != b"\\":
        return _invalid(data, position, "in string literal")
    if data[position + 1 : position + 2] != b"u":
        return _invalid(data, position + 1, "in string escape code")
    end = _HEX.match(data, position + 2).end()  # type: ignore[union-attr]
    return _invalid(data, end, "in \\u hexadecimal character escape")


def _literal(data: bytes, position: int) -> tuple[Any, int]:
    word, value = _LITERALS[data[position : position + 1]]
    for offset, expected in enumerate(word):
        if data[position + offset : position + offset + 1] != bytes((expected,)):
            raise _invalid(data, position + offset, f"in literal {word.decode()} (expecting {chr(expected)!r})")
    return value, position + len(word)


def _number(data: bytes, position: int) -> tuple[Number, int]:
    found = _NUMBER.match(data, position)
    if found is None:
        raise _invalid(data, position + 1, "in numeric literal")
    end = found.end()
    following = data[end : end + 1]
    if following == b"." and not found[1] and not found[2]:
        raise _invalid(data, end + 1, "after decimal point in numeric literal")
    if following in (b"e", b"E") and not found[2]:
        end += 1 + (data[end + 1 : end + 2] in (b"+", b"-"))
        raise _invalid(data, end, "in exponent of numeric literal")
    return Number(found[0].decode()), end


def _invalid(data: bytes, position: int, context: str) -> Malformed:
    if position >= len(data):
        return Malformed(END_OF_INPUT)
    return Malformed(f"invalid character {quoted_character(chr(data[position]))} {context}")


def quoted_character(character: str) -> str:
    """Return a character as Go shows it in an error: in single quotes."""
    if character == "'":
        return r"'\''"
    if character == '"':
        return "'\"'"
    return f"'{quoted(character)[1:-1]}'"
