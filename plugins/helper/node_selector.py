"""Which nodes a node selector matches, for all nodes at once.

A requirement is looked up among the distinct values of its label, then gathered by node. What a requirement matches is
kept until a node object changes: thousands of pods share few requirements. Nothing here is about scores or reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from plugins.helper.selector_errors import term_errors
from sched_core import parse_int64

if TYPE_CHECKING:
    from sched_core import NodeColumns, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm

Mask = NDArray[np.bool_]

KEPT_BYTES = 64 << 20
"""Masks are forgotten, all at once, when they take more than this."""


class NodeSelectorMasks:
    """Nodes by requirement, bool[N], kept for one state of the node objects."""

    def __init__(self) -> None:
        self._nodes: NodeColumns | None = None
        self._version = -1
        self._masks: dict[Hashable, Mask] = {}
        self._value_ids: dict[str, dict[str, int]] = {}

    def of_labels(self, nodes: NodeColumns, labels: Mapping[str, str]) -> Mask:
        """Return the nodes that have all of these labels."""
        mask = np.ones(nodes.count, np.bool_)
        for key, value in labels.items():
            mask &= self._of_expression(nodes, key, "In", (value,))
        return mask

    def of_selector(self, nodes: NodeColumns, selector: NodeSelector, *, by_name: bool = True) -> Mask:
        """Return the nodes that match one of the terms; see `of_term`."""
        mask = np.zeros(nodes.count, np.bool_)
        for term in selector.node_selector_terms:
            mask |= self.of_term(nodes, term, by_name=by_name)
        return mask

    def of_term(self, nodes: NodeColumns, term: NodeSelectorTerm, *, by_name: bool = True) -> Mask:
        """Return the nodes that match all of a term; one that is empty or does not parse matches nothing.

        Without ``by_name`` fields are compared with nodes that have no name, as upstream does for volumes.
        """
        if not (term.match_expressions or term.match_fields) or term_errors(term):
            return np.zeros(nodes.count, np.bool_)
        mask = np.ones(nodes.count, np.bool_)
        for each in term.match_expressions:
            mask &= self._of_expression(nodes, each.key, each.operator, each.values)
        for each in term.match_fields:
            mask &= _of_field(nodes, each, by_name)
        return mask

    def _of_expression(self, nodes: NodeColumns, key: str, operator: str, values: tuple[str, ...]) -> Mask:
        if nodes is not self._nodes or nodes.object_version != self._version:
            self._nodes, self._version = nodes, nodes.object_version
            self._masks.clear()
            self._value_ids.clear()
        wanted = (key, operator, values)
        mask = self._masks.get(wanted)
        if mask is None:
            if len(self._masks) * nodes.count > KEPT_BYTES:
                self._masks.clear()
            mask = self._masks[wanted] = self._evaluate(nodes, key, operator, values)
        return mask

    def _evaluate(self, nodes: NodeColumns, key: str, operator: str, values: tuple[str, ...]) -> Mask:
        column = nodes.label(key)
        match operator:
            case "In":
                return self._in(nodes, key, values)
            case "NotIn":
                return ~self._in(nodes, key, values)
            case "Exists":
                return column.ids >= 0
            case "DoesNotExist":
                return column.ids < 0
        matches = _compare(operator, values[0])
        return np.array([*map(matches, column.values), False], np.bool_)[column.ids]  # -1 takes the last entry

    def _in(self, nodes: NodeColumns, key: str, values: tuple[str, ...]) -> Mask:
        column = nodes.label(key)
        ids = self._value_ids.get(key)
        if ids is None:
            ids = self._value_ids[key] = {value: number for number, value in enumerate(column.values)}
        matching = np.zeros(len(ids) + 1, np.bool_)  # the last entry is for nodes without the label: their id is -1
        matching[[ids[value] for value in values if value in ids]] = True
        return matching[column.ids]


def _compare(operator: str, bound: str) -> Callable[[str], bool]:
    """Return the test of Gt or Lt; the bound is known to be an integer, a label that is none does not match."""
    right = parse_int64(bound)

    def matches(value: str) -> bool:
        left = parse_int64(value)
        if left is None or right is None:
            return False
        return left > right if operator == "Gt" else left < right

    return matches


def _of_field(nodes: NodeColumns, requirement: NodeSelectorRequirement, by_name: bool) -> Mask:
    value = requirement.values[0]
    if requirement.key == "metadata.name" and by_name:
        equal = np.zeros(nodes.count, np.bool_)
        if value in nodes.row_of:
            equal[nodes.row_of[value]] = True
    else:
        equal = np.full(nodes.count, value == "")  # a field that no node has reads as empty
    return equal if requirement.operator == "In" else ~equal
