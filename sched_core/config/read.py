"""Where a configuration comes from: path, stdin, bytes or mapping, turned into one plain tree of dicts and lists.

Scalars of YAML are read as upstream reads them (go.yaml.in/yaml/v2: 1.1 booleans, octal ``010``, no sexagesimal
numbers, dates stay text). Duplicate keys, aliases that contain themselves and alias bombs are refused here, where they
can still be seen. This module knows no field of a configuration.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from sched_core.config.findings import Findings, child, shown
from sched_core.errors import InvalidConfig

MAX_BYTES = 1 << 20
"""Longest configuration that is read; thousands of profiles fit."""
MAX_VALUES = 100_000
"""Most values in a configuration after its aliases are written out."""
MAX_DEPTH = 64
"""Deepest nesting; a configuration needs about ten levels."""

Source = str | Path | bytes | Mapping[str, Any]

_TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"
_TOO_LARGE = f"more than {MAX_VALUES} values: document contains excessive aliasing"


class _Stop(Exception):
    """Nothing after this point can be read: path and reason."""


def read(source: Source) -> tuple[dict[str, Any], Findings]:
    """Return the tree of a configuration and the findings so far (duplicate keys).

    Raises InvalidConfig if there is no tree: unreadable file, broken syntax, empty, several documents, cyclic.
    """
    findings = Findings(_label(source))
    try:
        if isinstance(source, Mapping):
            return _copy(source, findings), findings
        tree = _parse(source if isinstance(source, bytes) else _content(source), findings)
        if not isinstance(tree, dict):
            raise _Stop("", "the configuration is empty" if tree is None else "a configuration is a mapping of fields")
        return tree, findings
    except _Stop as stop:
        findings.add(*stop.args)
        raise InvalidConfig(findings.problems) from None


def _label(source: Source) -> str:
    if isinstance(source, bytes | Mapping):
        return "<memory>"
    return "<stdin>" if str(source) == "-" else str(source)


def _content(source: str | Path) -> bytes:
    try:
        if str(source) == "-":
            return _at_most(sys.stdin.buffer)
        with Path(source).open("rb") as file:
            return _at_most(file)
    except OSError as error:
        raise _Stop("", f"cannot be read: {error.strerror or error}") from None


def _at_most(file: IO[bytes]) -> bytes:
    # One byte more than allowed is enough to know; /dev/zero would never end.
    return file.read(MAX_BYTES + 1)


def _parse(content: bytes, findings: Findings) -> Any:
    if len(content) > MAX_BYTES:
        raise _Stop("", f"longer than {MAX_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Stop("", f"not UTF-8: {error.reason} at byte {error.start}") from None
    # Upstream takes what begins with a brace for JSON, too.
    return _parse_json(text, findings) if text.lstrip().startswith("{") else _Yaml(findings).parse(text)


class _Budget:
    """Count the values of one configuration, aliases written out."""

    def __init__(self) -> None:
        self.used = self.deepest = 0

    def spend(self, values: int, depth: int, path: str) -> None:
        self.used += values
        self.deepest = max(self.deepest, depth)
        if self.used > MAX_VALUES:
            raise _Stop(path, _TOO_LARGE)
        if depth > MAX_DEPTH:
            raise _Stop(path, _TOO_DEEP)


class _Anchored(NamedTuple):
    """What an anchor stands for: the value, how many values are in it, how many levels deep it is."""

    value: Any
    size: int
    height: int


class _Pairs(list[tuple[str, Any]]):
    """A JSON object whose keys may still repeat."""


def _parse_json(text: str, findings: Findings) -> Any:
    def constant(name: str) -> Any:
        raise _Stop("", f"json: unsupported value: {name}")

    try:
        raw = json.loads(text, object_pairs_hook=_Pairs, parse_constant=constant)
    except RecursionError:
        raise _Stop("", _TOO_DEEP) from None
    except ValueError as error:  # broken JSON, or an integer of more digits than Python reads
        raise _Stop("", f"broken JSON: {error}") from None
    budget = _Budget()

    def plain(value: Any, path: str, depth: int) -> Any:
        budget.spend(1, depth, path)
        if isinstance(value, _Pairs):
            fields: dict[str, Any] = {}
            for key, item in value:
                if key in fields:
                    findings.add(child(path, key), f"duplicate field {shown(child(path, key))}")
                fields[key] = plain(item, child(path, key), depth + 1)
            return fields
        if isinstance(value, list):
            return [plain(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)]
        return value

    return plain(raw, "", 0)


def _copy(source: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """Return a plain copy of a mapping in memory, refusing what JSON could not hold."""
    budget = _Budget()
    open_ids: set[int] = set()

    def plain(value: Any, path: str, depth: int) -> Any:
        if value is None or isinstance(value, bool | int | float | str):
            budget.spend(1, depth, path)
            return value
        if id(value) in open_ids:
            raise _Stop(path, "cyclic configuration: the value contains itself")
        budget.spend(1, depth, path)
        open_ids.add(id(value))
        try:
            if isinstance(value, Mapping):
                for key in value:
                    if not isinstance(key, str):
                        findings.add(child(path, str(key)), f"the name of a field is a text, not {type(key).__name__}")
                return {str(key): plain(item, child(path, str(key)), depth + 1) for key, item in value.items()}
            if isinstance(value, list | tuple):
                return [plain(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)]
        finally:
            open_ids.discard(id(value))
        findings.add(path, f"a value of type {type(value).__name__} cannot stand in a configuration")
        return None

    copy = plain(source, "", 0)
    assert isinstance(copy, dict)
    return copy


class _Yaml:
    """Build the tree from the events of libyaml, which (unlike its composer) needs no recursion in C."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.budget = _Budget()
        self.anchors: dict[str, _Anchored | None] = {}  # None while the value is still open

    def parse(self, text: str) -> Any:
        import yaml

        documents = []
        try:
            events = iter(yaml.parse(text, Loader=yaml.CSafeLoader))
            for event in events:
                if isinstance(event, yaml.DocumentStartEvent):
                    self.anchors.clear()
                    documents.append(self.node(next(events), events, "", 0))
        except yaml.MarkedYAMLError as error:
            line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
            raise _Stop("", f"broken YAML: {line}{error.problem}") from None
        except yaml.YAMLError as error:
            raise _Stop("", f"broken YAML: {error}".splitlines()[0]) from None
        documents = [document for document in documents if document is not None]
        if len(documents) > 1:
            raise _Stop("", f"{len(documents)} YAML documents; a configuration is exactly one")
        return documents[0] if documents else None

    def node(self, event: Any, events: Iterator[Any], path: str, depth: int) -> Any:
        import yaml

        if isinstance(event, yaml.AliasEvent):
            return self.alias(str(event.anchor), path, depth)
        before, deepest = self.budget.used, self.budget.deepest
        self.budget.deepest = depth
        self.budget.spend(1, depth, path)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            value = self.scalar(event, path)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = []
            while not isinstance(item := next(events), yaml.SequenceEndEvent):
                value.append(self.node(item, events, f"{path}[{len(value)}]", depth + 1))
        else:
            value = self.mapping(events, path, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(value, self.budget.used - before, self.budget.deepest - depth)
        self.budget.deepest = max(self.budget.deepest, deepest)
        return value

    def alias(self, anchor: str, path: str, depth: int) -> Any:
        if anchor not in self.anchors:
            raise _Stop(path, f"unknown anchor {shown(anchor)} referenced")
        known = self.anchors[anchor]
        if known is None:
            raise _Stop(path, f"cyclic configuration: anchor {shown(anchor)} value contains itself")
        self.budget.spend(known.size, depth + known.height, path)
        return known.value

    def mapping(self, events: Iterator[Any], path: str, depth: int) -> dict[str, Any]:
        import yaml

        fields: dict[str, Any] = {}
        while not isinstance(key := next(events), yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent):
                raise _Stop(path, f"line {_line(key)}: the name of a field is a text")
            if key.value == "<<" and key.implicit[0]:
                pairs = self.merged(self.node(next(events), events, path, depth + 1), path)
            else:
                pairs = [(key.value, self.node(next(events), events, child(path, key.value), depth + 1))]
            for name, value in pairs:
                if name in fields:  # upstream's strict reading lets not even a merge key override
                    self.findings.add(child(path, name), f"line {_line(key)}: key {shown(name)} already set in map")
                fields[name] = value
        return fields

    def merged(self, value: Any, path: str) -> list[tuple[str, Any]]:
        maps = value if isinstance(value, list) else [value]
        if not all(isinstance(item, dict) for item in maps):
            raise _Stop(path, "map merge requires map or sequence of maps as the value")
        return [pair for item in maps for pair in item.items()]

    def scalar(self, event: Any, path: str) -> Any:
        tag = (event.tag or "").removeprefix("tag:yaml.org,2002:")
        if tag in ("str", "!") or (not tag and not event.implicit[0]):
            return event.value
        value = _resolve(event.value)
        if isinstance(value, float) and not math.isfinite(value):
            self.findings.add(path, f"json: unsupported value: {event.value}")
            return None
        kind = {bool: "bool", int: "int", float: "float", str: "str", type(None): "null"}[type(value)]
        if tag and tag != kind and (tag, kind) != ("float", "int"):
            self.findings.add(path, f"cannot decode !!{kind} `{event.value}` as a !!{tag}")
            return None
        return value


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


_WORDS: dict[str, Any] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
_WORDS |= {form: True for word in ("y", "yes", "true", "on") for form in (word, word.capitalize(), word.upper())}
_WORDS |= {form: False for word in ("n", "no", "false", "off") for form in (word, word.capitalize(), word.upper())}
_WORDS |= dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan)
_WORDS |= {sign + form: float(f"{sign}inf") for sign in ("", "+", "-") for form in (".inf", ".Inf", ".INF")}
_OCTAL = re.compile(r"[-+]?0[0-7]+")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*|0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def _resolve(text: str) -> Any:
    """Return the value of a plain scalar (go.yaml.in/yaml/v2 resolve.go)."""
    if text in _WORDS:
        return _WORDS[text]
    plain = text.replace("_", "") if text[0] in "+-0123456789" else text
    if len(plain) > 4_000:  # more digits than Python turns into a number; no number of a configuration is so long
        return text
    if _OCTAL.fullmatch(plain):
        return int(plain, 8)
    if _INTEGER.fullmatch(plain):
        return int(plain, 0)
    if _FLOAT.fullmatch(plain):
        value = float(plain)
        # On its way to the decoder upstream writes numbers as JSON, where 16.0 is 16.
        return int(value) if value.is_integer() and abs(value) < 1e21 else value
    return text
