"""Sets of fields as FieldsV1 writes them: nested dicts, keyed by path elements (``f:spec``, ``k:{"name":"x"}``).

A node is a member of the set if it is empty or has the key ``.``; otherwise it only leads to members below. Sets are
never changed in place, so that they may share parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from cluster_shim.api.integers import parse_int
from cluster_shim.api.patch.go import number
from cluster_shim.api.remembered import remembered

FieldSet = dict[str, Any]

SELF = "."
EMPTY: FieldSet = {}

_ESCAPED = re.compile(r"[<>&\u2028\u2029]")


def value_element(value: Any) -> str:
    """Return the path element of an element of a set."""
    return f"v:{_json(value)}"


def key_element(pairs: Sequence[tuple[str, Any]]) -> str:
    """Return the path element of an element of a list by keys; the pairs are sorted by name."""
    return "k:{" + ",".join([f'"{name}":{_json(value)}' for name, value in pairs]) + "}"


def _json(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", text) if _ESCAPED.search(text) else text


def is_member(node: FieldSet) -> bool:
    """Say whether the field of a node belongs to the set."""
    return not node or SELF in node


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    """Return the fields that are in one of two sets."""
    if not left or left is right:
        return right
    if not right:
        return left
    merged = dict(left)
    for key, node in right.items():
        own = merged.get(key)
        merged[key] = node if own is None or key == SELF else _join(own, node)
    return merged


def _join(left: FieldSet, right: FieldSet) -> FieldSet:
    if left is right:
        return left
    if left and right:
        return union(left, right)
    node = left or right
    return node if is_member(node) else {SELF: EMPTY, **node}


def difference(left: FieldSet, right: FieldSet, recursive: bool = False) -> FieldSet:
    """Return the fields that are in the first set only; `recursive`: nor below a member of the second.

    The first set itself if it has nothing of the second; what stays keeps its order.
    """
    if not left or not right:
        return left
    changed: FieldSet | None = None
    for key, other in right.items():
        node = left.get(key)
        if node is None or key == SELF:
            continue
        was = is_member(node)
        stays = was and not is_member(other)
        below = EMPTY if recursive and is_member(other) else difference(node, other, recursive)
        if stays == was and below is node:
            continue
        changed = changed if changed is not None else dict(left)
        below = _below(below)
        if below or stays:
            put(changed, key, stays, below)
        else:
            del changed[key]
    return left if changed is None else changed


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    """Return the fields that are in both sets."""
    common: FieldSet = {}
    for key, node in left.items():
        other = right.get(key)
        if other is not None and key != SELF:
            below = intersection(node, other)
            put(common, key, is_member(node) and is_member(other), below)
    return common


def _below(node: FieldSet) -> FieldSet:
    return {key: each for key, each in node.items() if key != SELF} if SELF in node else node


def put(into: FieldSet, key: str, member: bool, below: FieldSet) -> None:
    """Add to a set that is being made: a field, if it is a member, and what is below it."""
    if below:
        into[key] = {SELF: EMPTY, **below} if member else below
    elif member:
        into[key] = EMPTY


def has(fields: FieldSet, path: Sequence[str]) -> bool:
    """Say whether a path belongs to a set."""
    node: FieldSet | None = fields
    for element in path:
        node = node.get(element) if node is not None else None
    return node is not None and bool(path) and is_member(node)


def of_path(*path: str) -> FieldSet:
    """Return the set of one path."""
    fields: FieldSet = {}
    for element in reversed(path):
        fields = {element: fields}
    return fields


def paths(fields: FieldSet, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the members, those of one level before those below it, each level sorted."""
    ordered_keys = sorted((key for key in fields if key != SELF), key=_rank)
    for key in ordered_keys:
        if is_member(fields[key]):
            yield (*prefix, key)
    for key in ordered_keys:
        yield from paths(fields[key], (*prefix, key))


def ordered(fields: FieldSet) -> FieldSet:
    """Return the same set with its keys in upstream's order: fields, keys, values, indexes."""
    if not fields:
        return fields
    return {key: ordered(fields[key]) for key in (sorted(fields, key=_rank) if len(fields) > 1 else fields)}


@remembered(65536)
def _rank(element: str) -> tuple[Any, ...]:
    kind, text = element[:2], element[2:]
    if element == SELF:
        return (0,)
    if kind == "f:":
        return (1, text.encode("utf-8", "surrogatepass"))
    if kind == "k:":
        pairs = msgspec.json.decode(text)
        return (2, *((name, _value_rank(pairs[name])) for name in sorted(pairs)))
    if kind == "v:":
        return (3, _value_rank(msgspec.json.decode(text)))
    return (4, int(text))


def _value_rank(value: Any) -> tuple[Any, ...]:
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, int | float):
        return (0, value)
    if isinstance(value, str):
        return (1, value)
    return (3, repr(value))


@remembered(65536)
def shown(element: str) -> str:
    """Return a path element as messages show it: ``.spec``, ``[name="x"]``, ``[="x"]``."""
    kind, text = element[:2], element[2:]
    if kind == "f:":
        return f".{text}"
    if kind == "k:":
        pairs = msgspec.json.decode(text)
        return f"[{','.join(f'{name}={_shown_value(pairs[name])}' for name in sorted(pairs))}]"
    return f"[={_shown_value(msgspec.json.decode(text))}]" if kind == "v:" else f"[{text}]"


def _shown_value(value: Any) -> str:
    if isinstance(value, float):
        return number(value)
    return msgspec.json.encode(value).decode()


def shown_path(path: Sequence[str]) -> str:
    """Return a path as messages show it: ``.spec.containers[name="x"].image``."""
    return "".join(map(shown, path))


def parse(fields: Any) -> FieldSet:
    """Return the set that a FieldsV1 document means, or raise ValueError; elements of unknown kinds are dropped."""
    if not isinstance(fields, Mapping):
        raise ValueError("not an object")
    parsed: FieldSet = {}
    for key, node in fields.items():
        element = SELF if key == SELF else canonical(key)
        if element:
            parsed[element] = EMPTY if element == SELF else parse(node)
    return parsed


@remembered(65536)
def canonical(element: str) -> str:
    """Return a path element as this server writes it, or raise ValueError; nothing if its kind is not known."""
    if len(element) < 2:
        raise ValueError("key must be 2 characters long:")
    if element[1] != ":":
        raise ValueError(f"missing colon: {element}")
    text = element[2:]
    try:
        match element[0]:
            case "f":
                return element
            case "v":
                return value_element(msgspec.json.decode(text))
            case "k":
                return key_element(sorted(msgspec.json.decode(text, type=dict[str, Any]).items()))
            case "i":
                return f"i:{parse_int(text)}"
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    return ""
