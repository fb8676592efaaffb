"""Merges a strategic merge patch into a document, field by field, as the types of the fields say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api.patch.merge_patch import not_a_map
from cluster_shim.api.patch.schema import Field, Node
from cluster_shim.api.patch.strategic import errors, order
from cluster_shim.api.patch.strategic.directives import (
    DELETE_FROM_PRIMITIVE_LIST,
    DIRECTIVE,
    REPLACE,
    SET_ELEMENT_ORDER,
    check_element_order,
    field_of,
    retain_keys,
    without_directives,
    without_nulls,
)

Document = dict[str, Any]


def decoded(value: Any) -> Document:
    """Return the parsed body of a strategic merge patch, or raise 400 if it is none."""
    if not isinstance(value, dict | None):
        raise not_a_map("", value)
    return value or {}


def apply(document: Mapping[str, Any], patch: Mapping[str, Any], node: Node) -> Document:
    """Return the document with the patch merged in; `node` is the type of the document."""
    return _merge(document, patch, node)


def _merge(live: Mapping[str, Any], patch: Mapping[str, Any], node: Node) -> Document:
    if DIRECTIVE in patch:
        return _whole(patch)
    merged, rest = dict(live), dict(patch)
    retain_keys(merged, rest)
    for key in patch:
        if key.startswith(SET_ELEMENT_ORDER):
            _merge_in_order(merged, rest, key, node)
    for key, value in rest.items():
        deletes = key.startswith(DELETE_FROM_PRIMITIVE_LIST)
        name = field_of(key, DELETE_FROM_PRIMITIVE_LIST, errors.BAD_PRIMITIVE_LIST) if deletes else key
        if value is None:
            merged.pop(name, None)
        elif name in merged and type(merged[name]) is type(value) and isinstance(value, dict | list):
            merged[name] = _merge_values(merged[name], value, name, node, deletes)
        elif not deletes:
            kept = without_directives(without_nulls(value))
            if kept is None:
                merged.pop(name, None)
            else:
                merged[name] = kept
    return merged


def _whole(patch: Mapping[str, Any]) -> Document:
    match patch[DIRECTIVE]:
        case "replace":
            return {key: value for key, value in patch.items() if key != DIRECTIVE}
        case "delete":
            return {}
    raise errors.unknown_directive(patch[DIRECTIVE], dict(patch))


def _merge_values(live: Any, value: Any, name: str, node: Node, deletes: bool) -> Any:
    field = _field(node, name)
    strategy = _strategy(field)
    if isinstance(value, dict):
        return value if strategy == REPLACE else _merge(live, value, field.node)
    if not deletes and strategy != "merge":
        return value
    return _merge_lists(live, value, field, deletes)


def _field(node: Node, name: str) -> Field:
    """Return the field of a struct; that there is none is an error of upstream, too."""
    shape = node.map
    if shape is None or not shape.struct:
        kind = "map" if shape is not None else "slice" if node.list is not None else node.scalar
        raise errors.failed(f"merging an object in json but data type is not struct, instead is: {kind}")
    field = shape.fields.get(name)
    if field is None:
        raise errors.failed(f'unable to find api field in struct {shape.name} for the json field "{name}"')
    return field


def _strategy(field: Field) -> str:
    return next((each for each in field.strategies if each != "retainKeys"), "")


def _merge_in_order(merged: Document, rest: Document, directive: str, node: Node) -> None:
    """Merge the list that a directive orders, and take both out of the rest of the patch."""
    wanted = rest.pop(directive)
    if not isinstance(wanted, list):
        raise errors.wrong_type([], wanted)
    name = field_of(directive, SET_ELEMENT_ORDER, errors.BAD_ELEMENT_ORDER)
    live, patch = merged.get(name), rest.get(name)
    for each, present in ((live, name in merged), (patch, name in rest)):
        if present and not isinstance(each, list):
            raise errors.wrong_type([], each)
    field = _field(node, name)
    check_element_order(patch or [], wanted, field.merge_key)
    if live is None and patch is None:
        return
    if patch is None:
        result = live
    elif live is None:
        result = without_directives(patch)
    elif _strategy(field) == "merge":
        result = _merge_lists(live, patch, field, deletes=False)
    else:
        result = patch
    named, others = order.partition(result or [], wanted, field.merge_key)
    kind = order.element_type(live or [], patch or [])
    key = field.merge_key if kind is dict else ""
    if key and live and patch and _strategy(field) == "merge":
        live = order.live_order(live, patch, key)
    merged[name] = order.normalise(named, others, wanted, live or [], key)
    rest.pop(name, None)


def _merge_lists(live: list[Any], patch: list[Any], field: Field, deletes: bool) -> list[Any]:
    if not live and not patch:
        return live
    kind = order.element_type(live, patch)
    if kind is not dict:
        if deletes:
            return [each for each in live if not any(order.same(each, gone) for gone in patch)]
        merged = order.without_repetitions([*live, *patch])
        named, others = order.partition(merged, patch, field.merge_key)
        return order.normalise(named, others, patch, live, "")
    key = field.merge_key
    if not key:
        raise errors.failed(f"cannot merge lists without merge key for {_kind_name(field)}")
    live, elements = _without_special(live, patch, key)
    merged = _merge_elements(live, elements, key, field.node)
    named, others = order.partition(merged, elements, key)
    return order.normalise(named, others, elements, live, key)


def _kind_name(field: Field) -> str:
    element = field.node.list.element if field.node.list is not None else field.node
    return "struct" if element.map is not None and element.map.struct else "map"


def _without_special(live: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Any]]:
    """Do what elements with a directive say; return what is left of the live list and of the patch."""
    ordinary = []
    replace = False
    for each in patch:
        if DIRECTIVE not in each:
            ordinary.append(each)
            continue
        match each[DIRECTIVE]:
            case "delete":
                if key not in each:
                    raise errors.no_merge_key(each, key)
                live = _without(live, key, each[key])
            case "replace":
                replace = True
            case "merge":
                raise errors.failed("merging lists cannot yet be specified in the patch")
            case other:
                raise errors.unknown_directive(other, each)
    return (ordinary, []) if replace else (live, ordinary)


def _without(elements: list[Any], key: str, value: Any) -> list[Any]:
    order.find(elements, key, value)
    return [each for each in elements if not (key in each and order.same(each[key], value))]


def _merge_elements(live: list[Any], patch: list[Any], key: str, node: Node) -> list[Any]:
    merged = list(live)
    known = order.places(live, key)
    element = node.list.element if node.list is not None else node
    for each in patch:
        if key not in each:
            raise errors.no_merge_key(each, key)
        index = known.setdefault(order.identity(each[key]), len(merged))
        if index < len(merged):
            merged[index] = _merge(merged[index], each, element)
        else:
            merged.append(each)
    return merged
