"""Disruption budgets: which of some victims would break one, counting as preemption does (a best effort)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sched_core import LabelSelector, matches_label_selector, read_label_selector

if TYPE_CHECKING:
    from sched_core import PlacedPod


class Budgets:
    """The PodDisruptionBudgets of a cluster."""

    def __init__(self, budgets: Mapping[str, Any]) -> None:
        self._of: dict[str, list[tuple[LabelSelector, int, Mapping[str, Any]]]] = {}
        for budget in budgets.values():
            selector = read_label_selector(budget.spec.get("selector"))
            if selector is None or not (selector.match_labels or selector.match_expressions):
                continue  # matches nothing, upstream too
            allowed = int(budget.status.get("disruptionsAllowed") or 0)
            disrupted = budget.status.get("disruptedPods") or {}
            self._of.setdefault(budget.metadata.namespace, []).append((selector, allowed, disrupted))

    def split(self, pods: Sequence[PlacedPod]) -> tuple[list[PlacedPod], list[PlacedPod]]:
        """Return the pods that break a budget if all are evicted in this order, and the others.

        Every budget that matches a pod is charged, also when another one is broken already; pods that are being
        disrupted charge none.
        """
        if not self._of:
            return [], list(pods)
        left = {namespace: [allowed for _, allowed, _ in mine] for namespace, mine in self._of.items()}
        breaking: list[PlacedPod] = []
        others: list[PlacedPod] = []
        for placed in pods:
            meta, broken = placed.info.pod.metadata, False
            namespace, _, name = placed.key.partition("/")
            for number, (selector, _, disrupted) in enumerate(self._of.get(namespace, ()) if meta.labels else ()):
                if name not in disrupted and matches_label_selector(selector, meta.labels):
                    left[namespace][number] -= 1
                    broken |= left[namespace][number] < 0
            (breaking if broken else others).append(placed)
        return breaking, others
