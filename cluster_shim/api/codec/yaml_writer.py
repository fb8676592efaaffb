"""Write objects as YAML the way the server does: members sorted, texts in quotes where they would be read as more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cmp_to_key
from typing import Any

from cluster_shim.api.codec import yaml_reader

_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)
_OPEN_END = "...\n"  # what libyaml, unlike go-yaml, puts behind a text whose end it cannot see
_TEXT = "tag:yaml.org,2002:str"


def encode(obj: Any) -> bytes:
    """Return an object as a YAML document."""
    import yaml  # it takes a while, and few answers are YAML

    text: str = yaml.emit(_document(yaml, obj), Dumper=yaml.CSafeDumper, allow_unicode=True)
    return text.removesuffix(_OPEN_END).encode()


def _document(yaml: Any, obj: Any) -> Iterator[Any]:
    yield yaml.StreamStartEvent()
    yield yaml.DocumentStartEvent(explicit=False)
    yield from _value(yaml, obj)
    yield yaml.DocumentEndEvent(explicit=False)
    yield yaml.StreamEndEvent()


def _value(yaml: Any, value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield yaml.MappingStartEvent(None, None, True, flow_style=False)
        for key in sorted(value, key=_IN_ORDER):
            yield _text(yaml, key)
            yield from _value(yaml, value[key])
        yield yaml.MappingEndEvent()
    elif isinstance(value, list):
        yield yaml.SequenceStartEvent(None, None, True, flow_style=False)
        for each in value:
            yield from _value(yaml, each)
        yield yaml.SequenceEndEvent()
    elif isinstance(value, str):
        yield _text(yaml, value)
    else:
        yield yaml.ScalarEvent(None, None, (True, True), _plain(value), style=None)


def _plain(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def _text(yaml: Any, text: str) -> Any:
    if "\n" in text:
        style = "|"
    elif yaml_reader.resolve("", text)[0] == _TEXT and not _SEXAGESIMAL.fullmatch(text):
        style = None
    else:
        style = '"'
    return yaml.ScalarEvent(None, None, (True, True), text, style=style)


def _compare(one: str, other: str) -> int:
    """Compare names as go-yaml does: letters behind everything else, runs of digits by their number."""
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a == b:
            continue
        if a.isalpha() and b.isalpha():
            return -1 if a < b else 1
        if a.isalpha() or b.isalpha():
            return -1 if b.isalpha() else 1
        return _compare_numbers(one, other, index)
    return len(one) - len(other)


def _compare_numbers(one: str, other: str, index: int) -> int:
    lead = ""
    if "0" in (one[index], other[index]):
        digits = re.search(r"[0-9]*$", one[:index])
        lead = "1" if digits is not None and digits[0].strip("0") else ""
    first, second = (re.match(r"[0-9]*", each[index:], re.ASCII) for each in (one, other))
    assert first is not None and second is not None
    by_number = int(lead + first[0] or "0") - int(lead + second[0] or "0")
    by_length = len(first[0]) - len(second[0])
    return by_number or by_length or (-1 if one[index] < other[index] else 1)


_IN_ORDER = cmp_to_key(_compare)
