"""Handle: what a plugin can see of the cluster beside the node columns (upstream: framework.Handle and its listers)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sched_core.columns.classes import PodInfo
from sched_core.columns.kinds import PodKinds
from sched_core.framework.cycle_state import CycleState
from sched_core.framework.nominator import Nominator
from sched_core.framework.preemption import DryRuns, PodsByRow
from sched_core.objects.records import AnyObject, Pod

if TYPE_CHECKING:
    from sched_core.cluster import Cluster
    from sched_core.columns.nodes import NodeColumns


class Handle:
    """Read access to the cluster that an engine decides on; given to every plugin as ``plugin.handle``."""

    def __init__(self, cluster: Cluster, nominator: Nominator | None = None) -> None:
        self._cluster = cluster
        self._nominator = nominator or Nominator()
        self.dry_runs: Callable[[CycleState, PodInfo], DryRuns]
        """Returns the dry runs of an attempt; set once the profile of the plugin is complete."""

    @property
    def nodes(self) -> NodeColumns:
        """The nodes, as extension points receive them."""
        return self._cluster.nodes

    @property
    def namespaces(self) -> Mapping[str, Mapping[str, str]]:
        """Labels of each namespace that is known."""
        return self._cluster.namespaces

    def objects(self, kind: str) -> Mapping[str, AnyObject]:
        """Return the objects of a kind by ``namespace/name``, or by name if the kind has no namespaces."""
        return self._cluster.others.get(kind, {})

    def version(self, kind: str, *, assumed: bool = True) -> int:
        """Return a number that grows with every change of an object of a kind; of those by `assume` only on request."""
        return (self._cluster.versions if assumed else self._cluster.told_versions)[kind]

    def assume(self, record: AnyObject) -> None:
        """Let all that is decided from now on see an object as ``record`` has it, until it changes again.

        For Reserve and Unreserve; ``concerns`` must not depend on what is assumed.
        """
        self._cluster.assume_object(record)

    @property
    def objects_version(self) -> int:
        """A number that changes whenever an object that is neither node nor pod comes, changes or goes."""
        return self._cluster.others_version

    @property
    def placed_with_affinity(self) -> bool:
        """Whether a pod with affinity or anti-affinity to pods was ever placed."""
        return self._cluster.placed_with_affinity

    def pods_on(self, row: int) -> Iterator[Pod]:
        """Yield a pod of the class of each pod on a node: all but name, uid and times are its own."""
        nodes, classes = self._cluster.nodes, self._cluster.classes
        for number in nodes.pods.on(row).tolist():
            yield classes.pods[nodes.pods.class_of[number]]

    def nominated_node(self, pod: PodInfo) -> str:
        """Return the node that a pod is nominated to; empty if there is none."""
        return self._nominator.node_of(pod)

    def lower_pods(self, priority: int) -> PodsByRow:
        """Return the pods of a lower priority than this by the row of their node."""
        pods = self._cluster.nodes.pods
        return PodsByRow(pods, self._cluster.classes, np.flatnonzero((pods.node_of >= 0) & (pods.priority < priority)))

    @property
    def classes(self) -> Any:
        """The table of pod classes; ``nodes.pods.class_of`` indexes it."""
        return self._cluster.classes

    @property
    def kinds(self) -> PodKinds:
        """The kinds of pods that a `Tally` weighs, as far as they are known."""
        return self._cluster.kinds
