"""Terms of pod classes: what plugins in domain form say of each, as compiled batches read it.

A plugin is asked once a shape, and again when a class with affinity to pods came: its terms may be about pods of any
other class.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sched_core.cluster import Cluster
from sched_core.engine.tallies import TallyStore
from sched_core.framework.domains import Apart, DomainTerms, Near, Spread, Weighted
from sched_core.framework.plugin import Plugin
from sched_core.framework.profile import Profile
from sched_core.rows.terms import APART, NEAR, SPREAD
from sched_core.rows.tuples import Terms

NONE = -1
UNKNOWN = -2
IRREGULAR = -3
"""A class that a plugin cannot judge in this form."""
_COLUMNS = {
    "filter_start": "i", "rule": "b", "filter_tally": "i", "filter_domain": "i", "slack": "q", "group_start": "i",
    "group_end": "i", "present_start": "i", "present": "i", "score_start": "i", "score_tally": "i",
    "score_domain": "i", "weight": "d", "constant": "d", "table": "q", "tables": "d", "counted": "i",
    "counted_size": "i", "mask": "i",
}  # fmt: skip
"""The fields of `Terms` that grow term by term, and their type codes."""


class TermPlans:
    """The terms of one profile's pod classes, and the tallies that they ask for."""

    def __init__(
        self, profile: Profile, cluster: Cluster, scoring: Sequence[Plugin],
        order: Callable[[], NDArray[np.int32]] | None = None,
    ) -> None:  # fmt: skip
        self.classes, self.nodes = cluster.classes, cluster.nodes
        self._order = order or cluster.nodes.order
        filtering = profile.points["filter"]
        both = dict.fromkeys((*filtering, *profile.points["score"]))
        self._plugins = [each for each in both if hasattr(each, "domain_terms")]
        self._filtering = frozenset(each.name for each in filtering)
        self._place = {plugin.name: y for y, plugin in enumerate(scoring)}
        self._weights = np.array([profile.weights[plugin.name] for plugin in scoring], np.int64)
        self._by_shape = not any(plugin.reads_amounts for plugin in self._plugins)
        self.tallies = TallyStore(cluster, self._order)
        self._of = np.zeros(0, np.int32)
        self.clear()

    def clear(self) -> None:
        """Forget everything: a node object or another object has changed, or memory is short."""
        self._of[:] = UNKNOWN
        self._asked_at = -1
        self._row_of: dict[int, tuple[list[DomainTerms], int]] = {}
        """Shape (or class) -> what plugins said of it when they were asked last, and its row."""
        self._fresh: set[int] = set()
        self._columns: dict[str, array[Any]] = {name: array(code) for name, code in _COLUMNS.items()}
        for name in ("filter_start", "present_start", "score_start"):
            self._columns[name].append(0)
        self._table_of: dict[int, tuple[int, NDArray[np.float64]]] = {}
        self._masks: dict[bytes, int] = {}
        self._scored: list[NDArray[np.uint8]] = []
        self.tallies.clear()
        self._terms: Terms | None = None

    def plan(self, distinct: NDArray[np.int32]) -> NDArray[np.int32]:
        """Find the terms of classes int32[D]; return for each its row, NONE or IRREGULAR."""
        total = len(self.classes)
        if total > len(self._of):
            more = max(total, 2 * len(self._of), 64) - len(self._of)
            self._of = np.concatenate([self._of, np.full(more, UNKNOWN, np.int32)])
            self._terms = None
        if self._asked_at != len(self.classes.with_affinity):
            self._asked_at = len(self.classes.with_affinity)
            self._of[:] = UNKNOWN
            self._fresh.clear()
        unknown = distinct[self._of[distinct] == UNKNOWN]
        if len(unknown):
            keys = self.classes.shape_of[unknown] if self._by_shape else unknown
            keys, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
            rows = [self._row(key, int(unknown[at])) for key, at in zip(keys.tolist(), first.tolist(), strict=True)]
            self._of[unknown] = np.array(rows, np.int32)[inverse]
        return self._of[distinct]

    def filter(self, classes: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Tell which classes int32[D], all of them planned, have terms by which nodes are filtered; bool[D]."""
        start, x = np.array(self._columns["filter_start"]), self._of[classes]
        return (x >= 0) & (start[x + 1] > start[np.maximum(x, 0)])

    def terms(self) -> Terms:
        """Return all terms as compiled batches receive them."""
        if self._terms is None:
            columns = {name: np.array(column) for name, column in self._columns.items()}
            size = self._scored[0].shape[0] if self._scored else 0
            self._terms = Terms(
                of=self._of, limits=np.zeros((len(columns["rule"]), 3), np.int64),
                scored=np.array(self._scored, np.uint8).reshape(len(self._scored), size),
                plugin_weight=self._weights, **columns,
            )  # fmt: skip
        return self._terms

    def _row(self, key: int, pod_class: int) -> int:
        """Return the row of a class; NONE without terms, IRREGULAR where a plugin has no answer."""
        known = self._row_of.get(key)
        if known is not None and key in self._fresh:
            return known[1]
        pod = self.classes.info_of(pod_class)
        try:
            said = [plugin.domain_terms(pod, self.nodes) for plugin in self._plugins]
        except Exception:  # whatever a plugin raised, the cycle meets it again and words it
            return IRREGULAR
        if any(each is None for each in said):
            return IRREGULAR
        self._fresh.add(key)
        if known is None or any(new is not old for new, old in zip(said, known[0], strict=True)):
            known = self._row_of[key] = (said, self._add(said))
        return known[1]

    def _add(self, said: list[DomainTerms]) -> int:
        """Append the terms of a class and return their row."""
        by_plugin = list(zip(self._plugins, said, strict=True))
        if not any(terms.filters or terms.scores for terms in said):
            return NONE
        columns = self._columns
        for plugin, terms in by_plugin:
            for rule in terms.filters if plugin.name in self._filtering else ():
                self._add_rule(plugin.name, rule)
        columns["filter_start"].append(len(columns["rule"]))
        scoring = sorted((self._place[plugin.name], terms) for plugin, terms in by_plugin if plugin.name in self._place)
        names = list(self._place)
        for y, terms in scoring:
            for term in terms.scores:
                self._add_score(names[y], term)
            columns["score_start"].append(len(columns["weight"]))
            columns["mask"].append(self._mask(terms.scored))
        self._terms = None
        return len(columns["filter_start"]) - 2

    def _add_rule(self, plugin: str, rule: Near | Apart | Spread) -> None:
        columns = self._columns
        first = len(columns["rule"])
        if isinstance(rule, Near):
            for tally in rule.tallies:
                group = (first, first + len(rule.tallies)) if rule.alone else (first, first)
                domain = self.tallies.domain(tally.domains)
                self._append_rule(NEAR, self.tallies.add(plugin, tally), domain, 0, group)
        elif isinstance(rule, Apart):
            domain = self.tallies.domain(rule.tally.domains)
            self._append_rule(APART, self.tallies.add(plugin, rule.tally), domain, 0, (first, first))
        else:
            if len(rule.present) >= rule.min_domains:
                columns["present"].extend(rule.present.tolist())
            slack, domain = rule.max_skew - rule.itself, self.tallies.domain(rule.domains)
            self._append_rule(SPREAD, self.tallies.add(plugin, rule.tally), domain, slack, (first, first))

    def _append_rule(self, rule: int, tally: int, domain: int, slack: int, group: tuple[int, int]) -> None:
        columns = self._columns
        columns["rule"].append(rule)
        columns["filter_tally"].append(tally)
        columns["filter_domain"].append(domain)
        columns["slack"].append(slack)
        columns["group_start"].append(group[0])
        columns["group_end"].append(group[1])
        columns["present_start"].append(len(columns["present"]))

    def _add_score(self, plugin: str, term: Weighted) -> None:
        columns, tallies = self._columns, self.tallies
        columns["score_tally"].append(tallies.add(plugin, term.tally))
        columns["score_domain"].append(tallies.domain(term.domains))
        columns["weight"].append(term.weight)
        columns["constant"].append(term.constant)
        table, counted, size = -1, -1, 0
        if term.by_count is not None and term.counted is not None:
            table, counted = self._table(term.by_count), tallies.domain(term.counted)
            size = tallies.used(counted)
            if size == len(self._order()):  # nobody shares a domain: nodes are counted
                counted = -1
        columns["table"].append(table)
        columns["counted"].append(counted)
        columns["counted_size"].append(size)

    def _table(self, weights: NDArray[np.float64]) -> int:
        known = self._table_of.get(id(weights))
        if known is None:
            known = self._table_of[id(weights)] = (len(self._columns["tables"]), weights)
            self._columns["tables"].extend(weights.tolist())
        return known[0]

    def _mask(self, scored: NDArray[np.bool_] | None) -> int:
        if scored is None:
            return -1
        by_position = scored[self._order()].astype(np.uint8)
        if by_position.all():
            return -1
        number = self._masks.setdefault(by_position.tobytes(), len(self._scored))
        if number == len(self._scored):
            self._scored.append(by_position)
        return number
