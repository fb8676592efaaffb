"""Correlation of a new value with the old one at the same place, for transition rules and ratcheting.

What an update leaves as it was is not refused, even if it would be now. Elements of lists are the same if the list is
of type map and their keys are equal; elements of other lists are not compared one by one.
Upstream: apiserver/pkg/cel/common/equality.go.
"""

from __future__ import annotations

from typing import Any

from cluster_shim.api.custom.structural import Schema


class Correlation:
    """A place that an object had before an update and has after it."""

    __slots__ = ("_by_key", "_unchanged", "new", "old", "schema")

    def __init__(self, new: Any, old: Any, schema: Schema) -> None:
        self.new = new
        self.old = old
        self.schema = schema
        self._unchanged: bool | None = None
        self._by_key: dict[tuple[Any, ...], Any] | None = None

    def unchanged(self) -> bool:
        """Tell whether the value is what it was."""
        if self._unchanged is None:
            self._unchanged = self.new is not None and self.new == self.old
        return self._unchanged

    def member(self, name: str) -> Correlation | None:
        """Return the same for a member, or None if it cannot be compared."""
        below = self.schema.of(name)
        if below is None or not isinstance(self.old, dict) or not isinstance(self.new, dict):
            return None
        if name not in self.old or name not in self.new:
            return None
        return Correlation(self.new[name], self.old[name], below)

    def element(self, index: int) -> Correlation | None:
        """Return the same for an element, or None if it cannot be compared."""
        schema = self.schema
        if schema.list_type != "map" or schema.items is None or not isinstance(self.old, list):
            return None
        if self._by_key is None:
            self._by_key = by_keys(self.old, schema.map_keys)
        value = self.new[index]
        old = self._by_key.get(key_of(value, schema.map_keys)) if isinstance(value, dict) else None
        return None if old is None else Correlation(value, old, schema.items)


def key_of(element: dict[str, Any], names: tuple[str, ...]) -> tuple[Any, ...]:
    """Return what identifies an element of a list of type map."""
    return tuple(_hashable(element.get(name)) for name in names)


def by_keys(elements: list[Any], names: tuple[str, ...]) -> dict[tuple[Any, ...], Any]:
    """Return the elements of a list of type map by what identifies them; of two with one key, the first."""
    found: dict[tuple[Any, ...], Any] = {}
    for each in elements:
        if isinstance(each, dict):
            found.setdefault(key_of(each, names), each)
    return found


def _hashable(value: Any) -> Any:
    return repr(value) if isinstance(value, (dict, list)) else value
