"""The directives of a strategic merge patch, and what becomes of those that meet nothing to work on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cluster_shim.api.patch.go import printed
from cluster_shim.api.patch.strategic import errors, order

DIRECTIVE = "$patch"
DELETE = "delete"
REPLACE = "replace"
RETAIN_KEYS = "$retainKeys"
DELETE_FROM_PRIMITIVE_LIST = "$deleteFromPrimitiveList"
SET_ELEMENT_ORDER = "$setElementOrder"


def field_of(key: str, directive: str, complaint: str) -> str:
    """Return the field that a directive is about: ``args`` for ``$setElementOrder/args``."""
    prefix, slash, name = key.partition("/")
    if not slash or prefix != directive:
        raise errors.bad_format(complaint)
    return name


def retain_keys(live: dict[str, Any], patch: dict[str, Any]) -> None:
    """Take out of the live map what ``$retainKeys`` does not name, and the directive out of the patch."""
    if RETAIN_KEYS not in patch:
        return
    retained = patch.pop(RETAIN_KEYS)
    if not isinstance(retained, list):
        raise errors.bad_format(errors.BAD_RETAIN_KEYS)
    names = {each for each in retained if isinstance(each, str)}
    for key, value in patch.items():
        if value is None or key.startswith((DELETE_FROM_PRIMITIVE_LIST, SET_ELEMENT_ORDER)):
            continue
        if key not in names:
            raise errors.bad_format(errors.BAD_RETAIN_KEYS)
    for key in live.keys() - names:
        del live[key]


def check_element_order(patch: Sequence[Any], wanted: Sequence[Any], key: str) -> None:
    """Refuse a patch whose list has other elements, or another order, than ``$setElementOrder`` says."""
    if not wanted or not patch:
        return
    pending = list(patch)
    if key:
        for each in pending:
            if not isinstance(each, dict):
                raise errors.wrong_type({}, each)
        pending = [each for each in pending if each.get(DIRECTIVE) != DELETE]
    place = 0
    for each in wanted:
        while place < len(pending) and isinstance(pending[place], dict) and DIRECTIVE in pending[place]:
            place += 1
        if place == len(pending):
            return
        if _same_element(pending[place], each, key):
            place += 1
    if place < len(pending):
        raise errors.failed(
            f"The order in patch list:\n{printed(list(patch))}\n doesn't match {SET_ELEMENT_ORDER} list:\n"
            f"{printed(list(wanted))}\n"
        )


def _same_element(left: Any, right: Any, key: str) -> bool:
    if not key:
        return order.same(left, right)
    for each in (left, right):
        if not isinstance(each, dict):
            raise errors.wrong_type({}, each)
        if key not in each:
            raise errors.no_merge_key(each, key)
    return order.same(left[key], right[key])


def without_directives(value: Any) -> Any:
    """Return a value without the maps that hold ``$patch``; None for such a map itself."""
    if isinstance(value, dict):
        if DIRECTIVE in value:
            return None
        kept = {key: without_directives(each) for key, each in value.items()}
        return {key: each for key, each in kept.items() if each is not None or value[key] is None}
    if isinstance(value, list):
        kept_elements = [(each, without_directives(each)) for each in value]
        return [kept for each, kept in kept_elements if kept is not None or each is None]
    return value


def without_nulls(value: Any) -> Any:
    """Return a value without the members that are null; elements that are null stay."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    return value
