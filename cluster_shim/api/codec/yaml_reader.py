"""Read YAML as the server does: version 1.1 as go-yaml resolves it, of several documents the first, turned into JSON.

libyaml (PyYAML's C parser) makes the events; what a scalar means, what aliases may cost and how errors read is
go-yaml's.
What comes out is what JSON can say: members sorted by name, of repeated ones the last.
"""

from __future__ import annotations

import math
import re
import struct
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

from cluster_shim.api.fields import quoted

_PREFIX = "tag:yaml.org,2002:"
_STR, _BINARY, _INT, _FLOAT, _TIMESTAMP = (_PREFIX + each for each in ("str", "binary", "int", "float", "timestamp"))
_BOOL, _NULL, _MERGE = (_PREFIX + each for each in ("bool", "null", "merge"))
_RESOLVABLE = frozenset(("", _STR, _BOOL, _INT, _FLOAT, _NULL, _TIMESTAMP))
_WORDS: dict[str, tuple[str, Any]] = {
    **{word: (_BOOL, True) for each in ("y", "yes", "true", "on") for word in (each, each.title(), each.upper())},
    **{word: (_BOOL, False) for each in ("n", "no", "false", "off") for word in (each, each.title(), each.upper())},
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), (_NULL, None)),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), (_FLOAT, math.nan)),
    **{sign + word: (_FLOAT, math.inf) for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), (_FLOAT, -math.inf)),
}
_FLOAT_TEXT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INTEGER_TEXT = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]+|0[oO]?[0-7]*|0[bB][01]+|[1-9][0-9]*)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?:[Tt ]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d*)?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_DEPTH_LIMIT = 10_000
_SHOWN_DEPTH = 10
_EXPONENT_FROM = 6
# The parser takes time for each level that is open at a token: for so many of those, more than a second.
_EFFORT_LIMIT = 200_000_000

# How much of a document may come out of aliases: nearly all of a small one, a tenth of a large one.
_ALIASES_FREE, _DECODED_FREE = 100, 1000
_SMALL, _LARGE = 400_000, 4_000_000


class YAMLError(ValueError):
    """The text is no YAML, or YAML that JSON cannot say; what it says is what go-yaml says."""


class _Collection:
    """A mapping or sequence that is being read."""

    __slots__ = ("anchor", "is_map", "items", "key", "line", "size")

    def __init__(self, is_map: bool, anchor: str | None, line: int) -> None:
        self.is_map = is_map
        self.anchor = anchor
        self.line = line
        self.items: Any = {} if is_map else []
        self.key: Any = _NO_KEY
        self.size = 1  # how many nodes it is made of, aliases expanded


_STARTS = ("MappingStartEvent", "SequenceStartEvent")
_ENDS = ("MappingEndEvent", "SequenceEndEvent")
_NO_KEY = object()
_MERGE_KEY = object()
_OPEN = object()


def read(data: bytes) -> tuple[Any, str]:
    """Return the first document, and the complaint of strict decoding (of repeated keys), or nothing.

    Raise YAMLError.
    """
    reader = _Reader()
    failure: YAMLError | None = None
    for event, name in _events(data):
        reader.check(event, name)
        try:
            if failure is None:
                reader.take(event, name)
        except YAMLError as error:
            failure = error  # go-yaml looks at what it means when all is parsed: errors of the rest come first
        if name == "DocumentEndEvent":
            break
    if failure is not None:
        raise failure
    complaint = "\n  ".join(["yaml: unmarshal errors:", *reader.complaints]) if reader.complaints else ""
    return reader.result, complaint


def _events(data: bytes) -> Iterator[tuple[Any, str]]:
    import yaml  # it takes a while, and few bodies are YAML

    try:
        for event in yaml.parse(data, Loader=yaml.CSafeLoader):
            yield event, event.__class__.__name__
    except yaml.scanner.ScannerError as error:
        raise YAMLError(_failure(error, 1)) from None
    except yaml.MarkedYAMLError as error:
        raise YAMLError(_failure(error, 0)) from None
    except yaml.reader.ReaderError as error:
        raise YAMLError(f"yaml: {error.reason}") from None
    except UnicodeDecodeError:
        raise YAMLError("yaml: invalid leading UTF-8 octet") from None


def _failure(error: Any, offset: int) -> str:
    line = 0
    if error.problem_mark is not None and error.problem_mark.line:
        line = error.problem_mark.line + offset
    elif error.context_mark is not None:
        line = error.context_mark.line
    where = f"line {line}: " if line else ""
    return f"yaml: {where}{error.problem or 'unknown problem parsing YAML content'}"


class _Reader:
    """Puts events together, without recursion."""

    def __init__(self) -> None:
        self.result: Any = None
        self.complaints: list[str] = []
        self._stack: list[_Collection] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._known: set[str] = set()
        self._depth = self._effort = 0
        self._decoded = self._aliased = 0

    def check(self, event: Any, name: str) -> None:
        """Raise the errors that go-yaml finds while it parses."""
        if name in _STARTS:
            self._depth += 1
            if self._depth > _DEPTH_LIMIT:
                line = event.start_mark.line
                raise YAMLError(f"yaml: {f'line {line + 1}: ' if line else ''}exceeded max depth of {_DEPTH_LIMIT}")
        elif name in _ENDS:
            self._depth -= 1
        self._effort += self._depth
        if self._effort > _EFFORT_LIMIT:
            raise YAMLError("yaml: the document is too deep for its length")
        anchor = getattr(event, "anchor", None)
        if name == "AliasEvent" and anchor not in self._known:
            raise YAMLError(f"yaml: unknown anchor '{anchor}' referenced")
        if anchor:
            self._known.add(anchor)
        if name == "DocumentStartEvent" and event.version not in (None, (1, 1)):
            raise YAMLError("yaml: found incompatible YAML document")

    def take(self, event: Any, name: str) -> None:
        """Take an event."""
        if name == "ScalarEvent":
            value = _scalar(event, self._expects_key())
            if event.anchor:
                self._anchors[event.anchor] = value, 1
            self._add(value, 1, event.start_mark.line)
        elif name in _STARTS:
            self._stack.append(_Collection(name == "MappingStartEvent", event.anchor, event.start_mark.line))
            if event.anchor:
                self._anchors[event.anchor] = _OPEN, 0
        elif name in _ENDS:
            done = self._stack.pop()
            value = _as_json(done.items) if done.is_map else done.items
            if done.anchor:
                self._anchors[done.anchor] = value, done.size
            self._add(value, done.size, done.line)
        elif name == "AliasEvent":
            self._alias(event)

    def _expects_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].is_map and self._stack[-1].key is _NO_KEY

    def _alias(self, event: Any) -> None:
        value, size = self._anchors[event.anchor]
        if value is _OPEN:
            raise YAMLError(f"yaml: anchor '{event.anchor}' value contains itself")
        self._aliased += size
        self._add(value, size + 1, event.start_mark.line)
        if (
            self._aliased > _ALIASES_FREE
            and self._decoded > _DECODED_FREE
            and self._aliased > self._decoded * _allowed_ratio(self._decoded)
        ):
            raise YAMLError("yaml: document contains excessive aliasing")

    def _add(self, value: Any, size: int, line: int) -> None:
        """Put a value where it belongs: into the document, a sequence, or a mapping as key or value."""
        self._decoded += size
        if not self._stack:
            self.result = value
            return
        top = self._stack[-1]
        top.size += size
        if not top.is_map:
            top.items.append(value)
        elif top.key is _NO_KEY:
            if isinstance(value, dict | list):
                raise YAMLError("yaml: invalid map key")
            top.key = value
        elif top.key is None:
            raise YAMLError(f"unsupported map key of type: %!s(<nil>), key: <nil>, value: {_shown(value)}")
        else:
            key, top.key = top.key, _NO_KEY
            for name, each in _merged(value) if key is _MERGE_KEY else ((key, value),):
                self._member(top, name, each, line)

    def _member(self, top: _Collection, key: Any, value: Any, line: int) -> None:
        place = key.__class__, key  # 1, 1.0 and true are different keys
        if place in top.items:
            self.complaints.append(f"line {line + 1}: key {_shown(key)} already set in map")
        top.items[place] = value


def _merged(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield what the key ``<<`` brings in; of several mappings, the first has the last word."""
    for each in reversed(value) if isinstance(value, list) else [value]:
        if not isinstance(each, dict):
            raise YAMLError("yaml: map merge requires map or sequence of maps as the value")
        yield from each.items()


def _allowed_ratio(decoded: int) -> float:
    share = min(max((decoded - _SMALL) / (_LARGE - _SMALL), 0), 1)
    return 0.99 - 0.89 * share


def _as_json(items: dict[tuple[type, Any], Any]) -> dict[str, Any]:
    """Return a mapping with texts as keys, sorted."""
    return dict(sorted((_key_text(key), value) for (_, key), value in items.items()))


def _key_text(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int):
        return str(key)
    return _shortest(key)


def _shortest(key: float) -> str:
    """Return a number of single precision as Go writes it: as few digits as tell it from its neighbours."""
    try:
        exact = struct.pack("<f", key)
    except OverflowError:
        key = math.copysign(math.inf, key)
    if math.isnan(key):
        return ".nan"
    if math.isinf(key):
        return ".inf" if key > 0 else "-.inf"
    single = struct.unpack("<f", exact)[0]
    texts = (f"{single:.{digits}e}" for digits in range(9))
    digits, power = next(text for text in texts if struct.pack("<f", float(text)) == exact).split("e")
    if -4 <= int(power) < _EXPONENT_FROM:
        return f"{single:.{max(len(digits.lstrip('-').replace('.', '')) - 1 - int(power), 0)}f}"
    return f"{digits}e{power}"


def _shown(value: Any, depth: int = 0) -> str:
    """Return a value as Go shows it with its types."""
    if isinstance(value, str):
        return quoted(value)
    if value is None:
        return "interface {}(nil)" if depth else "<nil>"
    if not isinstance(value, dict | list):
        return _key_text(value)
    if depth > _SHOWN_DEPTH:
        return "..."
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(_shown(each, depth + 1) for each in value)}}}"
    inner = ", ".join(f"{_shown(name)}:{_shown(each, depth + 1)}" for name, each in value.items())
    return f"map[interface {{}}]interface {{}}{{{inner}}}"


def _scalar(event: Any, is_key: bool) -> Any:
    plain = event.implicit[0]
    tag = event.tag or ""
    if tag == "!":
        tag = ""
    if is_key and event.value == "<<" and (plain or tag == _MERGE):
        return _MERGE_KEY
    if not tag and not plain:
        return event.value
    found, value = resolve(tag, event.value)
    if found == _BINARY:
        try:
            return b64decode("".join(event.value.split()), validate=True).decode("utf-8", "replace")
        except ValueError:
            raise YAMLError("yaml: !!binary value contains invalid base64 data") from None
    if found == _TIMESTAMP:
        return event.value
    if isinstance(value, float) and not is_key:
        return _as_number(value)
    return value


def _as_number(value: float) -> int | float:
    """Return a number as it is after a way through JSON."""
    if math.isnan(value) or math.isinf(value):
        raise YAMLError(f"json: unsupported value: {'NaN' if math.isnan(value) else '+Inf' if value > 0 else '-Inf'}")
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


def resolve(tag: str, text: str) -> tuple[str, Any]:
    """Return tag and value of a plain scalar with a tag, or none."""
    if tag not in _RESOLVABLE:
        return tag, text
    if tag == _STR:
        return _STR, text
    found, value = _guess(tag, text)
    if tag in ("", found):
        return found, value
    if tag == _FLOAT and found == _INT:
        return _FLOAT, float(value)
    raise YAMLError(f"yaml: cannot decode {_short(found)} `{text}` as a {_short(tag)}")


def _short(tag: str) -> str:
    return f"!!{tag.removeprefix(_PREFIX)}"


def _guess(tag: str, text: str) -> tuple[str, Any]:
    if text in _WORDS:
        return _WORDS[text]
    start = text[:1]
    if start not in "+-.0123456789":
        return _STR, text
    if start != "." and tag in ("", _TIMESTAMP) and _DATE.fullmatch(text):
        return _TIMESTAMP, text
    plain = text.replace("_", "") if start != "." else text
    number = _integer(plain) if start != "." else None
    if number is not None:
        return _INT, number
    if _FLOAT_TEXT.fullmatch(plain):
        value = float(plain)
        if not math.isinf(value):
            return _FLOAT, value
    return _STR, text


def _integer(text: str) -> int | None:
    """Return a whole number as Go reads it with any base: ``0x``, ``0o``, ``0b``, and a leading zero is octal."""
    found = _INTEGER_TEXT.fullmatch(text)
    if found is None or len(text) > 70:
        return None
    digits = found[2]
    base = {"x": 16, "b": 2, "o": 8}.get(digits[1:2].lower(), 8 if digits[0] == "0" and len(digits) > 1 else 10)
    number = int(digits, base)
    number = -number if found[1] == "-" else number
    if number >= 1 << 63 and found[1]:
        return None
    return number if -(1 << 63) <= number < 1 << 64 else None
