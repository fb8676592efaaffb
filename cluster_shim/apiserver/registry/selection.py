"""Selection: whether an entry is what selectors of labels and fields ask for; what they look at is remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cluster_shim.api.resources import Resource
from cluster_shim.api.selectors import FieldTerm, Matches, label_selector
from cluster_shim.apiserver.options import ListOptions
from cluster_shim.apiserver.registry import objects
from cluster_shim.apiserver.registry.selectable import Extract, extractors
from cluster_shim.storage.store import Entry

_NOTHING: Mapping[str, str] = {}


class Selection:
    """Selectors of labels and fields over entries of a resource."""

    __slots__ = ("_extract", "_labels", "_terms")

    def __init__(self, labels: Matches | None, terms: Sequence[FieldTerm], extract: Mapping[str, Extract]) -> None:
        self._labels = labels
        self._terms = terms
        self._extract = extract

    def matches(self, entry: Entry) -> bool:
        """Tell whether an entry is selected."""
        memo = objects.memo_of(entry)
        if memo.labels is None:
            memo.labels = self._document(entry, memo)["metadata"].get("labels") or _NOTHING
        if self._labels is not None and not self._labels(memo.labels):
            return False
        return all((self._value(entry, memo, field) == value) == equal for field, equal, value in self._terms)

    def _value(self, entry: Entry, memo: objects.Memo, field: str) -> str:
        """Return what a field is; only fields that somebody selects by are remembered."""
        if memo.fields is None:
            memo.fields = {}
        value = memo.fields.get(field)
        if value is None:
            value = memo.fields[field] = self._extract[field](self._document(entry, memo))
        return value

    def _document(self, entry: Entry, memo: objects.Memo) -> Mapping[str, Any]:
        return memo.object or objects.decode(entry.value)


def selection(resource: Resource, options: ListOptions) -> Selection | None:
    """Return what a request selects; None if that is everything. The field selector must have been checked."""
    labels = label_selector(options.label_selector) if options.label_selector else None
    if labels is None and not options.field_terms:
        return None
    return Selection(labels, options.field_terms, extractors(resource))
