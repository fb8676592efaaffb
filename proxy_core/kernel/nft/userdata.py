"""User data: what nft leaves in the kernel for itself, so that it can list a table in the words in which it was made.

The kernel stores it and never looks. nft aborts when it lists a map with a part of its key that has no type of its own
(an INDEX) and no ``typeof`` in the user data.
Source: libnftnl/udata.h; the user data of nft's own messages.
"""

from __future__ import annotations

from functools import lru_cache

from proxy_core.errors import KernelError
from proxy_core.nft.transaction import EXAMPLES, INDEX

KEY_BYTE_ORDER, DATA_BYTE_ORDER, MERGE, KEY_TYPEOF, DATA_TYPEOF, _, DATA_INTERVAL, COMMENT = range(8)
HOST_ORDER, BIG_ENDIAN = 1, 2
_VERDICT_EXPR, _PAYLOAD, _META, _CONCAT, _NUMGEN = 1, 7, 9, 13, 23
_LONGEST = 256
_LONGEST_COMMENT = 251
"""The user data of an element have at most 254 bytes: two before the comment, and a zero behind it."""


def entry(tag: int, value: bytes) -> bytes:
    """Return one entry."""
    return bytes((tag, len(value))) + value


def number(tag: int, value: int) -> bytes:
    """Return an entry that is a number."""
    return entry(tag, value.to_bytes(4, "little"))


def comment(text: str, tag: int = 0) -> bytes:
    """Return a comment; of rules, chains, tables and elements the tag is 0. Raises KernelError if it is too long."""
    data = text.encode()
    if len(data) > _LONGEST_COMMENT or b"\0" in data:
        raise KernelError(f"nft: comment {text!r}: longer than {_LONGEST_COMMENT} bytes, or with a zero in it")
    return entry(tag, data + b"\0")


def _typeof(kind: int, *numbers: int) -> bytes:
    """Return an expression: its kind, and what it needs to be known again."""
    return number(0, kind) + entry(1, b"".join(number(tag, value) for tag, value in enumerate(numbers)))


_TYPEOF = {
    "ip saddr": _typeof(_PAYLOAD, 12, 11),
    "ip daddr": _typeof(_PAYLOAD, 12, 12),
    "ip6 saddr": _typeof(_PAYLOAD, 13, 8),
    "ip6 daddr": _typeof(_PAYLOAD, 13, 9),
    "meta l4proto": _typeof(_META, 16),
    "th dport": _typeof(_PAYLOAD, 11, 2),
    "numgen random mod 2": _typeof(_NUMGEN, 1, 2, 0),
    "verdict": _typeof(_VERDICT_EXPR),
}


def typeof(words: tuple[str, ...]) -> bytes:
    """Return an expression, or a concatenation of some."""
    if len(words) == 1:
        return _TYPEOF[words[0]]
    return number(0, _CONCAT) + entry(1, b"".join(entry(tag, _TYPEOF[word]) for tag, word in enumerate(words)))


@lru_cache(maxsize=256)
def of_container(key: tuple[str, ...], value: tuple[str, ...], text: str) -> bytes:
    """Return the user data of a named set (no `value`) or map of some types, with its comment."""
    by_example = key[-1] == INDEX
    data = number(KEY_BYTE_ORDER, _byte_order(key))
    if value:
        data += number(DATA_BYTE_ORDER, 0 if value == ("verdict",) else _byte_order(value))
    if by_example:
        data += entry(KEY_TYPEOF, typeof(tuple(EXAMPLES[each] for each in key)))
        data += entry(DATA_TYPEOF, typeof(tuple(EXAMPLES[each] for each in value))) if value else b""
    else:
        data += entry(KEY_TYPEOF, _typeof(_CONCAT)) if len(key) > 1 else b""
        data += entry(DATA_TYPEOF, _typeof(_CONCAT)) if len(value) > 1 else b""
    if value:
        data += number(DATA_INTERVAL, 0)
    data += comment(text, COMMENT) if text else b""
    if len(data) > _LONGEST:
        raise KernelError(f"nft: comment {text!r}: longer than there is room for beside the types")
    return data


def _byte_order(types: tuple[str, ...]) -> int:
    """Return the byte order of a type; a concatenation has none."""
    if len(types) > 1:
        return 0
    return HOST_ORDER if types[0] in (INDEX, "inet_proto") else BIG_ENDIAN


def of_addresses(expression: str, *, interval: bool) -> bytes:
    """Return the user data of an anonymous set of addresses (or networks) that are compared with an expression."""
    merge = number(MERGE, 1) if interval else b""
    return number(KEY_BYTE_ORDER, BIG_ENDIAN) + merge + entry(KEY_TYPEOF, typeof((expression,)))


OF_CHOICES = number(KEY_BYTE_ORDER, HOST_ORDER) + number(DATA_BYTE_ORDER, 0) + number(DATA_INTERVAL, 0)
"""The user data of an anonymous map from a number to an endpoint."""
OF_BRANCHES = (
    number(KEY_BYTE_ORDER, HOST_ORDER)
    + number(DATA_BYTE_ORDER, 0)
    + entry(DATA_TYPEOF, _typeof(_VERDICT_EXPR))
    + number(DATA_INTERVAL, 0)
)
"""The user data of an anonymous map from a number to a verdict."""
