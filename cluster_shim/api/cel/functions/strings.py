"""Texts: search, cut, replace, regular expressions, format. Upstream: cel-go/ext/strings.go and library/regex.go."""

from __future__ import annotations

from typing import Any

from cluster_shim.api.cel import regex
from cluster_shim.api.cel.errors import EvaluationError
from cluster_shim.api.cel.functions.formatting import formatted
from cluster_shim.api.cel.functions.lists import index_of as list_index_of
from cluster_shim.api.cel.functions.lists import last_index_of as list_last_index_of

_WIDE_SPACES = "".join(map(chr, (0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)))
_SPACES = f" \t\n\v\f\r\x85\xa0{_WIDE_SPACES}"
_QUOTES = str.maketrans(
    {
        "\a": "\\a",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\v": "\\v",
        "\\": "\\\\",
        '"': '\\"',
    }
)
_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _matches(text: str, pattern: str) -> bool:
    try:
        return regex.matches(pattern, text)
    except regex.PatternError as error:
        raise EvaluationError(str(error)) from None


def _find(text: str, pattern: str) -> str:
    found = _find_all(text, pattern, 1)
    return found[0] if found else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    try:
        compiled = regex.compiled(pattern)
    except regex.PatternError as error:
        raise EvaluationError(f"Illegal regex: {error}") from None
    found: list[str] = []
    for match in compiled.finditer(text):
        if 0 <= limit <= len(found):
            break
        found.append(match.group())
    return found


def _char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise EvaluationError(f"index out of range: {index}")
    return text[index : index + 1]


def _index_of(within: Any, what: Any, offset: int = 0) -> int:
    if isinstance(within, list):
        return list_index_of(within, what)
    if not what:
        return offset
    if offset < 0:
        raise EvaluationError(f"index out of range: {offset}")
    return int(within.find(what, offset))


def _last_index_of(within: Any, what: Any, offset: int | None = None) -> int:
    if isinstance(within, list):
        return list_last_index_of(within, what)
    if not what:
        return len(within) if offset is None else offset
    if offset is None:
        return int(within.rfind(what))
    if offset < 0:
        raise EvaluationError(f"index out of range: {offset}")
    return -1 if offset >= len(within) else int(within.rfind(what, 0, offset + len(what)))


def _replace(text: str, old: str, new: str, limit: int = -1) -> str:
    return text.replace(old, new, limit)


def _split(text: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    if separator:
        return text.split(separator, limit - 1 if limit > 0 else -1)
    if limit < 0 or limit >= len(text):
        return list(text)
    return [*text[: limit - 1], text[limit - 1 :]]


def _substring(text: str, start: int, end: int | None = None) -> str:
    if end is not None and start > end:
        raise EvaluationError(f"invalid substring range. start: {start}, end: {end}")
    for each in (start, len(text) if end is None else end):
        if not 0 <= each <= len(text):
            raise EvaluationError(f"index out of range: {each}")
    return text[start:end]


def _join(parts: list[Any], separator: str = "") -> str:
    for each in parts:
        if not isinstance(each, str):
            raise EvaluationError(f"join: invalid input: {each}")
    return separator.join(parts)


FUNCTIONS = {
    "contains": lambda text, part: part in text,
    "startsWith": lambda text, part: text.startswith(part),
    "endsWith": lambda text, part: text.endswith(part),
    "matches": _matches,
    "find": _find,
    "findAll": _find_all,
    "charAt": _char_at,
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "lowerAscii": lambda text: text.translate(_LOWER),
    "upperAscii": lambda text: text.translate(_UPPER),
    "trim": lambda text: text.strip(_SPACES),
    "replace": _replace,
    "split": _split,
    "substring": _substring,
    "format": formatted,
    "strings.quote": lambda text: f'"{text.translate(_QUOTES)}"',
    "join": _join,
    "jsonpatch.escapeKey": lambda key: key.replace("~", "~0").replace("/", "~1"),
}
