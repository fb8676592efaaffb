"""One JSON object to one record, the slow way: with everything that can be wrong named.

The fast way stands in ``load``; this is what it falls back to when an object does not decode at once.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from sched_core.objects.check_affinity import Finding
from sched_core.objects.records import KINDS, AnyObject

_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`(?: - at `(.*)`)?$", re.DOTALL)
_AT = re.compile(r"^(.*) - at `(?:key in )?(.*)`$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_TYPES = {"int": "integer", "float": "number", "str": "string", "bool": "boolean", "array": "list", "dict": "object"}
_TEXT_MAPS = ("labels", "annotations", "matchLabels", "nodeSelector")
_QUANTITY_MAPS = ("requests", "limits", "capacity", "allocatable", "overhead", "allocatedResources")
_DECODERS = {name: msgspec.json.Decoder(kind.record) for name, kind in KINDS.items()}


def decode_slowly(kind: str, value: dict[str, Any], *, strict: bool) -> tuple[AnyObject | None, list[Finding]]:
    """Decode an object of a known kind; return the record (None if it cannot be read) and what is wrong.

    A null stands for a field that is not there, as upstream. Unknown fields are all named if ``strict``, else left out.
    """
    value = without_nulls(value)
    found: list[Finding] = []
    while True:
        try:
            return _DECODERS[kind].decode(msgspec.json.encode(value)), found
        except msgspec.ValidationError as error:
            message = str(error)
        unknown = _UNKNOWN.fullmatch(message)
        if unknown is None:
            found.append(_finding(message, value))
            return None, found
        name, path = unknown[1], unknown[2] or "$"
        parent, steps = _follow(value, path)
        if not isinstance(parent, dict) or name not in parent:
            found.append((".".join([*steps, name]), "unknown field"))
            return None, found
        del parent[name]
        if strict:
            found.append((_join([*steps, name]), "unknown field"))


def without_nulls(value: Any, parent: str = "") -> Any:
    """Return a copy as upstream understands nulls: absent, or empty text or zero in maps of text or quantities."""
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    if not isinstance(value, dict):
        return value
    if parent in _TEXT_MAPS:
        return {key: "" if each is None else each for key, each in value.items()}
    if parent in _QUANTITY_MAPS:
        return {key: "0" if each is None else each for key, each in value.items()}
    return {key: without_nulls(each, key) for key, each in value.items() if each is not None}


def type_name(value: Any) -> str:
    """Name the JSON type of a decoded value."""
    if value is None:
        return "null"
    return {"list": "list", "dict": "object"}.get(type(value).__name__, _TYPES.get(type(value).__name__, "value"))


def _finding(message: str, value: Any) -> Finding:
    at = _AT.fullmatch(message)
    reason, path = (at[1], at[2]) if at else (message, "$")
    _, steps = _follow(value, path, expected=reason)
    reason = re.sub(r"`([^`]*)`", lambda match: _types(match[1]), reason)
    return _join(steps), reason[:1].lower() + reason[1:]


def _types(text: str) -> str:
    names = [_TYPES.get(name, name) for name in text.split(" | ")]
    return " or ".join(sorted(set(names)))


def _follow(value: Any, path: str, expected: str = "") -> tuple[Any, list[str]]:
    """Walk along a path of msgspec; return what is there and the steps, with the key where the path has ``[...]``."""
    steps: list[str] = []
    for match in _STEP.finditer(path.removeprefix("$")):
        name, index = match[1], match[2]
        if name is not None:
            steps.append(name)
            value = value.get(name) if isinstance(value, dict) else None
        elif index == "...":
            key = _bad_key(value, expected)
            steps.append(f"[{key}]")
            value = value.get(key) if isinstance(value, dict) else None
        else:
            steps.append(f"[{index}]")
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
    return value, steps


def _bad_key(value: Any, expected: str) -> str:
    """Find the entry of a map that is not of the expected type."""
    if isinstance(value, dict):
        wanted = re.match(r"Expected `([^`]*)`", expected)
        names = {_TYPES.get(name, name) for name in wanted[1].split(" | ")} if wanted else set()
        for key, each in value.items():
            if type_name(each) not in names:
                return str(key)
    return "..."


def _join(steps: list[str]) -> str:
    path = ""
    for step in steps:
        path += step if step.startswith("[") or not path else f".{step}"
    return path
