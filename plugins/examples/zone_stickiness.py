"""ZoneStickiness: a score for the zone where most pods of the same application run already (caches, traffic costs).

Which pods are of one application is told by a label, ``app`` unless the arguments name another one:

``pluginConfig: [{name: ZoneStickiness, args: {label: app.kubernetes.io/name}}]``

The array form counts placed pods for the cycle; the domain form says the same to compiled batches, which keep count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sched_core import NO_TERMS, Domains, DomainTerms, Plugin, Tally, Weighted, percent

if TYPE_CHECKING:
    from sched_core import CycleState, NodeColumns, Pod, PodInfo

ZONE = "topology.kubernetes.io/zone"


class ZoneStickiness(Plugin):
    """Prefer zones by how many pods of the application run there: 100 for the zone with most of them."""

    name = "ZoneStickiness"

    def __init__(self, args: Mapping[str, Any] | None = None) -> None:
        super().__init__(args)
        self.label = str((args or {}).get("label", "app"))
        self._terms: dict[tuple[str, str], DomainTerms] = {}
        self._version = -1

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> NDArray[np.int64]:
        zones, app = _zones(nodes), self._app(pod.pod)
        alike = np.array([bool(app[1]) and self._app(each) == app for each in self.handle.classes.pods], np.bool_)
        placed = nodes.pods.node_of >= 0
        rows = nodes.pods.node_of[placed][alike[nodes.pods.class_of[placed]]]
        counts = np.bincount(zones.of[rows], minlength=zones.size + 1)
        counts[zones.size] = 0  # nodes without a zone
        return counts[zones.of]

    def domain_terms(self, pod: PodInfo, nodes: NodeColumns) -> DomainTerms:
        app = self._app(pod.pod)
        if not app[1]:
            return NO_TERMS
        if self._version != nodes.object_version:
            self._version = nodes.object_version
            self._terms.clear()
        if app not in self._terms:
            zones = _zones(nodes)
            tally = Tally((self.label, *app), lambda first, end: self._weigh(app, first, end), zones)
            self._terms[app] = DomainTerms(scores=(Weighted(tally, zones),))
        return self._terms[app]

    @staticmethod
    def normalize_row(score: Any, lowest: Any, highest: Any) -> Any:
        return percent(score, max(highest, 1))

    def _weigh(self, app: tuple[str, str], first: int, end: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the kinds of pods that are of an application, each with a weight of 1."""
        kinds = [kind for kind in range(first, end) if self._app(self.handle.kinds.pods[kind]) == app]
        return np.array(kinds, np.int64), np.ones(len(kinds), np.int64)

    def _app(self, pod: Pod) -> tuple[str, str]:
        return pod.metadata.namespace or "default", pod.metadata.labels.get(self.label, "")


def _zones(nodes: NodeColumns) -> Domains:
    ids, values = nodes.label(ZONE)
    return Domains("zone", np.where(ids < 0, len(values), ids).astype(np.int64), len(values))
