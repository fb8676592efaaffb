"""Checks a value against its type before it is applied, with the texts of upstream."""

from __future__ import annotations

from typing import Any, NamedTuple

from cluster_shim.api.patch.apply.fieldset import shown
from cluster_shim.api.patch.apply.walk import NotTyped, element_of, shape_of
from cluster_shim.api.patch.go import printed, represented, type_name
from cluster_shim.api.patch.schema import List, Map, Node


class Complaint(NamedTuple):
    """What is wrong with the value at a path."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}" if self.path else self.text


def check(value: Any, node: Node, repetitions: bool = False) -> None:
    """Raise NotTyped if a type does not allow a value; `repetitions`: lists may name an element more than once."""
    complaints: list[Complaint] = []
    _check(value, node, "", repetitions, complaints)
    if len(complaints) == 1:
        raise NotTyped(str(complaints[0]))
    if complaints:
        raise NotTyped("\n".join(["errors:", *(f"  {each}" for each in complaints)]))


def _check(value: Any, node: Node, path: str, repetitions: bool, found: list[Complaint]) -> None:
    shape = shape_of(node, value)
    if value is None:
        return
    if isinstance(shape, Map):
        if isinstance(value, dict):
            _check_map(shape, value, path, repetitions, found)
        else:
            found.append(Complaint(path, f"expected map, got &{{{printed(value)}}}"))
    elif isinstance(shape, List):
        if isinstance(value, list):
            _check_list(shape, value, path, repetitions, found)
        else:
            found.append(Complaint(path, f"expected list, got &{{{printed(value)}}}"))
    elif complaint := _scalar_complaint(shape, value):
        found.append(Complaint(path, complaint))


def _check_map(shape: Map, value: dict[str, Any], path: str, repetitions: bool, found: list[Complaint]) -> None:
    for key, each in value.items():
        child = shape.child(key)
        if child is None:
            found.append(Complaint(f"{path}.{key}", "field not declared in schema"))
            return
        _check(each, child, f"{path}.{key}", repetitions, found)


def _check_list(shape: List, value: list[Any], path: str, repetitions: bool, found: list[Complaint]) -> None:
    seen: set[str] = set()
    element = shape.element
    for index, each in enumerate(value):
        name = f"i:{index}"
        if not shape.atomic:
            try:
                name = element_of(shape, each)
            except NotTyped as complaint:
                found.append(Complaint(path, f"element {index}: {complaint}"))
                return
            if name in seen and not repetitions:
                found.append(Complaint(path, f"duplicate entries for key {shown(name)}"))
            seen.add(name)
        _check(each, element, path + shown(name), repetitions, found)


def _scalar_complaint(kind: str, value: Any) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match kind:
        case "numeric" if not number:
            return f"expected numeric (int or float), got {type_name(value)}"
        case "string" if not isinstance(value, str):
            return f"expected string, got &value.valueUnstructured{{Value:{represented(value)}}}"
        case "boolean" if not isinstance(value, bool):
            return f"expected boolean, got &{{{printed(value)}}}"
        case "untyped" if isinstance(value, dict | list):
            return f"expected any scalar, got &{{{printed(value)}}}"
    return ""
