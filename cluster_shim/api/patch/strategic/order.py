"""The order of a merged list: what the patch names comes in the order of the patch, the rest where it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cluster_shim.api.patch.go import printed, type_name
from cluster_shim.api.patch.strategic.errors import failed, lists_of_lists, no_merge_key, wrong_type

Elements = list[Any]


def same(left: Any, right: Any) -> bool:
    """Say whether two scalars are equal and of one type: 1 is neither 1.0 nor true."""
    return type(left) is type(right) and bool(left == right)


def element_type(*lists: Sequence[Any]) -> type:
    """Return the type that all elements have; an error if there is none or more than one."""
    found: type | None = None
    for elements in lists:
        for each in elements:
            if found is None:
                found = type(each)
                if found is list:
                    raise lists_of_lists()
            elif type(each) is not found:
                raise failed(f"list element types are not identical: {printed([list(each) for each in lists])}")
    if found is None:
        raise failed("no elements in any of the given slices")
    return found


def identity(value: Any) -> Any:
    """Return what tells a scalar from all others: 1 is neither 1.0 nor true."""
    if isinstance(value, dict | list):
        raise failed(f"comparing uncomparable type {type_name(value)}")
    return value.__class__, value


def find(elements: Sequence[Any], key: str, value: Any) -> int:
    """Return the place of the first element with that value of the merge key; -1 if there is none."""
    return places(elements, key).get(identity(value), -1)


def places(elements: Sequence[Any], key: str) -> dict[Any, int]:
    """Return the place of the first element with each value of the merge key; elements without one have none."""
    found: dict[Any, int] = {}
    for index, each in enumerate(elements):
        if not isinstance(each, dict):
            raise failed(f"value for key {index} is not a map")
        if key in each:
            found.setdefault(identity(each[key]), index)
    return found


def partition(elements: Sequence[Any], by: Sequence[Any], key: str) -> tuple[Elements, Elements]:
    """Return the elements that another list names, and those that it does not."""
    named: Elements = []
    others: Elements = []
    if not key:
        present = {identity(each) for each in by}
        for each in elements:
            (named if identity(each) in present else others).append(each)
        return named, others
    known = places(by, key) if elements else {}
    for each in elements:
        if not isinstance(each, dict):
            raise wrong_type({}, each)
        if key not in each:
            raise no_merge_key(each, key)
        (named if identity(each[key]) in known else others).append(each)
    return named, others


def normalise(named: Elements, others: Elements, order: Sequence[Any], live: Sequence[Any], key: str) -> Elements:
    """Return both parts in one list, each in its own order, interleaved as the live list has them."""
    left = _sorted(others, live, key)
    right = _sorted(named, order, key)
    if not left or not right:
        return left + right
    place = _places(live, key)
    merged: Elements = []
    while left and right:
        ahead, behind = place(left[0]), place(right[0])
        merged.append(left.pop(0) if 0 <= ahead < behind else right.pop(0))
    return merged + left + right


def _places(order: Sequence[Any], key: str) -> Callable[[Any], int]:
    known: dict[Any, int] = {}
    for index, each in enumerate(order):
        known.setdefault(identity(each[key] if key else each), index)

    def place(element: Any) -> int:
        return known.get(identity(element[key] if key else element), -1)

    return place


def _sorted(elements: Elements, order: Sequence[Any], key: str) -> Elements:
    if key:
        for each in (*elements, *order):
            if not isinstance(each, dict):
                raise wrong_type({}, each)
            if key not in each:
                raise no_merge_key(each, key)
    if not elements:
        return elements
    deleted = [each for each in elements if isinstance(each, dict) and each.get("$patch") == "delete"]
    kept = [each for each in elements if not (isinstance(each, dict) and each.get("$patch") == "delete")]
    return _inserted(kept, _places(order, key)) + deleted


def _inserted(elements: Elements, place: Callable[[Any], int]) -> Elements:
    """Return the elements sorted by their places, as upstream's insertion sort leaves them.

    What has no place counts as less than everything, and everything as less than it: it goes to the front.
    """
    result: Elements = []
    places: list[int] = []
    for each in elements:
        own = place(each)
        index = len(result)
        while index > 0 and (own < 0 or places[index - 1] < 0 or own < places[index - 1]):
            index -= 1
        result.insert(index, each)
        places.insert(index, own)
    return result


def live_order(live: Sequence[Any], patch: Sequence[Any], key: str) -> Elements:
    """Return the live list as upstream finds it when it puts the merged list in order.

    Merging works in place there: what is deleted closes the gap, and what is new fills the end that became free. So a
    new element stands behind those that stay if something was deleted, before them if nothing was.
    """
    order = list(live)
    size = len(order)
    for each in patch:
        while each.get("$patch") == "delete" and (index := find(order[:size], key, each[key])) >= 0:
            order[index : size - 1] = order[index + 1 : size]
            size -= 1
    if any(each.get("$patch") == "replace" for each in patch):
        return order
    for each in patch:
        if "$patch" not in each and find(order[:size], key, each[key]) < 0:
            if size == len(order):
                break
            order[size] = each
            size += 1
    return order


def without_repetitions(scalars: Elements) -> Elements:
    """Return each scalar once. As upstream does it: what repeats gives its place to the last of the list."""
    found = list(scalars)
    index = 0
    while index < len(found) - 1:
        other = index + 1
        while other < len(found):
            if same(found[index], found[other]):
                found[other] = found[-1]
                found.pop()
            else:
                other += 1
        index += 1
    return found
