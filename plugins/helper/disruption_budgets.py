"""Disruption budgets: which of some victims would break one, counting as preemption does (a best effort)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core import LabelSelector, matches_label_selector, read_label_selector

if TYPE_CHECKING:
    from sched_core import PlacedPods, Pod


class _Budget(NamedTuple):
    selector: LabelSelector
    allowed: int
    disrupted: Mapping[str, Any]
    """Names of pods that are being disrupted, which charge nothing."""


class Budgets:
    """The PodDisruptionBudgets of a cluster, as long as none of them changes."""

    def __init__(self, budgets: Mapping[str, Any]) -> None:
        self._of: dict[str, list[_Budget]] = {}
        for budget in budgets.values():
            selector = read_label_selector(budget.spec.get("selector"))
            if selector is None or not (selector.match_labels or selector.match_expressions):
                continue  # matches nothing, upstream too
            allowed = int(budget.status.get("disruptionsAllowed") or 0)
            disrupted = budget.status.get("disruptedPods") or {}
            self._of.setdefault(budget.metadata.namespace, []).append(_Budget(selector, allowed, disrupted))
        self._known: dict[int, tuple[_Budget, ...]] = {}

    def breaking(self, placed: PlacedPods, at: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which pods, bool[P], break a budget if all of their node are evicted in this order.

        ``at`` int64[P] tells nodes apart, those of one node come together; ``numbers`` int64[P] are the pods. Every
        budget that matches a pod is charged, also when another one is broken already.
        """
        broken = np.zeros(len(at), np.bool_)
        if not self._of:
            return broken
        classes, which = np.unique(placed.classes(numbers), return_inverse=True)
        charged: dict[int, tuple[_Budget, list[NDArray[np.int64]]]] = {}
        for index, pod_class in enumerate(classes.tolist()):
            for budget in self._matching(pod_class, placed):
                charged.setdefault(id(budget), (budget, []))[1].append(np.flatnonzero(which == index))
        for budget, parts in charged.values():
            pods = np.sort(np.concatenate(parts))
            if budget.disrupted:
                names = [placed.placed(number).key.partition("/")[2] for number in numbers[pods].tolist()]
                pods = pods[[name not in budget.disrupted for name in names]]
            nodes = at[pods]
            before = np.arange(len(pods)) - np.searchsorted(nodes, nodes)
            broken[pods[before >= budget.allowed]] = True
        return broken

    def _matching(self, pod_class: int, placed: PlacedPods) -> tuple[_Budget, ...]:
        """Return the budgets that the pods of a class charge."""
        if pod_class not in self._known:
            pod: Pod = placed.pod_of(pod_class)
            meta = pod.metadata
            mine = self._of.get(meta.namespace or "default", ()) if meta.labels else ()
            self._known[pod_class] = tuple(each for each in mine if matches_label_selector(each.selector, meta.labels))
        return self._known[pod_class]
