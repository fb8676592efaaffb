"""JSONPath as printer columns of custom resources use it: fields, indices, slices, wildcards, filters, descent.

::

    compile_path(".status.conditions[?(@.type=='Ready')].status")(obj)  # ["True"]

A compiled path gives all values that it finds, none where something is absent or of another type. It is client-go's
dialect without what prints (texts, ranges): upstream puts a column's path between braces.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

Step = Callable[[list[Any]], list[Any]]
Path = Callable[[Any], list[Any]]

FIELD = re.compile(r"(?:\\.|[^\s.,\[\]$@{}\\])*")
KEY = re.compile(r"'([^']*)'")
INDEX = re.compile(r"(-?\d*)(:-?\d*)?(:-?\d*)?")
COMPARISON = re.compile(r"([^!<>=]+)([!<>=]+)(.+)")
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
COMPARABLE = (str, bool, int, float)
"""Types of which two values can be compared, if both are of the same: 1 and 1.5 cannot."""
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class BadPath(ValueError):
    """A path that cannot be read."""


class _NotApplicable(Exception):
    """A step that met a value of the wrong type: the path finds nothing."""


def compile_path(text: str) -> Path:
    """Return the function that finds the values of a path in a document; BadPath if it cannot be read."""
    steps = list(_steps(text))

    def find(document: Any) -> list[Any]:
        try:
            return _walk(steps, [document])
        except (_NotApplicable, RecursionError):
            return []

    return find


def _walk(steps: list[Step], values: list[Any]) -> list[Any]:
    for step in steps:
        values = step(values)
    return values


def _steps(text: str) -> Iterator[Step]:
    position = 0
    while position < len(text):
        if text.startswith("[?(", position):
            end = _end_of_filter(text, position)
            yield _filter(text[position + 3 : end])
            position = end + 2
        elif text.startswith("..", position):
            yield _descend
            position += 2
            if position < len(text) and (text[position].isalnum() or text[position] == "_"):
                position, step = _field(text, position)
                yield step
        elif text[position] == ".":
            position, step = _field(text, position + 1)
            yield step
        elif text[position] == "[":
            end = text.find("]", position)
            if end < 0:
                raise BadPath("unterminated array")
            yield _brackets(text[position + 1 : end])
            position = end + 1
        elif text[position] in " @$":
            position += 1
        else:
            raise BadPath(f"unexpected character {text[position]!r}")


def _field(text: str, position: int) -> tuple[int, Step]:
    found = FIELD.match(text, position)
    name = found[0] if found else ""
    return position + len(name), _every if name == "*" else _member(name.replace("\\", ""))


def _member(name: str) -> Step:
    return lambda values: [value[name] for value in values if isinstance(value, dict) and name in value]


def _chain(steps: list[Step]) -> Step:
    return lambda values: _walk(steps, values)


def _every(values: list[Any]) -> list[Any]:
    return [each for value in values for each in _children(value)]


def _children(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _descend(values: list[Any]) -> list[Any]:
    found = []
    for value in values:
        if children := _children(value):
            found += [value, *_descend(children)]
    return found


def _brackets(text: str) -> Step:
    parts = text.split(",")
    if len(parts) > 1:
        union = [_brackets(part.strip()) for part in parts]
        return lambda values: [each for step in union for each in step(values)]
    if key := KEY.fullmatch(text):
        return _chain(list(_steps(f".{key[1]}")))  # a dot in a key needs a backslash here, too
    if text == "*":
        return _sliced(slice(None))
    index = INDEX.fullmatch(text)
    if index is None or not text:
        raise BadPath(f"invalid array index {text}")
    start = int(index[1]) if index[1] else None
    if index[2] is None:
        return _indexed(start or 0)
    bounds = [int(part[1:]) if part and part[1:] else None for part in index.groups()[1:]]
    return _sliced(slice(start, *bounds))


def _indexed(index: int) -> Step:
    def step(values: list[Any]) -> list[Any]:
        found = []
        for value in _lists(values):
            if not -len(value) <= index < len(value):
                raise _NotApplicable
            found.append(value[index])
        return found

    return step


def _sliced(part: slice) -> Step:
    return lambda values: [each for value in _lists(values) for each in value[part]]


def _lists(values: list[Any]) -> list[list[Any]]:
    present = [value for value in values if value is not None]
    if not all(isinstance(value, list) for value in present):
        raise _NotApplicable
    return present


def _end_of_filter(text: str, position: int) -> int:
    quote = ""
    for at in range(position + 3, len(text)):
        if text[at] in "'\"" and text[at] == (quote or text[at]) and text[at - 1] != "\\":
            quote = "" if quote else text[at]
        elif text.startswith(")]", at) and not quote:
            return at
    raise BadPath("unterminated filter")


def _filter(text: str) -> Step:
    comparison = COMPARISON.fullmatch(text)
    if comparison is None:
        wanted = list(_steps(text))
        return lambda values: [each for value in _lists(values) for each in value if _walk(wanted, [each])]
    left, right = list(_steps(comparison[1])), _operand(comparison[3].strip())
    if (compare := OPERATORS.get(comparison[2])) is None:
        raise BadPath(f"unrecognized filter operator {comparison[2]}")

    def passes(value: Any) -> bool:
        lefts, rights = _walk(left, [value]), right([value])
        if not lefts or not rights:
            return False
        if len(lefts) > 1 or len(rights) > 1 or type(lefts[0]) is not type(rights[0]):
            raise _NotApplicable
        return isinstance(lefts[0], COMPARABLE) and compare(lefts[0], rights[0])

    return lambda values: [each for value in _lists(values) for each in value if passes(each)]


def _operand(text: str) -> Step:
    if text[:1] in ("'", '"') and text[-1:] == text[:1] and len(text) > 1:
        return _constant(re.sub(r"\\(.)", r"\1", text[1:-1]))
    if text in ("true", "false"):
        return _constant(text == "true")
    if NUMBER.fullmatch(text):
        return _constant(float(text) if "." in text else int(text))
    return _chain(list(_steps(text)))


def _constant(value: Any) -> Step:
    return lambda _values: [value]
