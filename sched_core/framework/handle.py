"""Handle: what a plugin can see of the cluster beside the node columns (upstream: framework.Handle and its listers)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sched_core.columns.classes import PodInfo
from sched_core.columns.kinds import PodKinds
from sched_core.framework.cycle_state import CycleState
from sched_core.framework.nominator import Nominator
from sched_core.framework.preemption import Candidate, DryRuns, PlacedPod, PlacedPods
from sched_core.framework.running import Running
from sched_core.framework.status import Status
from sched_core.framework.waiting_pods import WaitingPod
from sched_core.objects.records import AnyObject, Pod

if TYPE_CHECKING:
    from sched_core.cluster import Cluster
    from sched_core.columns.nodes import NodeColumns
    from sched_core.extender.chain import Extenders


class Handle:
    """What a plugin sees of the cluster and of the scheduler that it works for; it has one as ``plugin.handle``.

    Where an engine decides alone there is no scheduler: no pod waits, time stands still, and nothing is activated.
    """

    def __init__(
        self,
        cluster: Cluster,
        nominator: Nominator | None = None,
        running: Running | None = None,
        extenders: Extenders | None = None,
    ) -> None:
        self._cluster = cluster
        self._running = running or Running()
        self._nominator = nominator or Nominator()
        self._extenders = extenders
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

    def version(self, *kinds: str, assumed: bool = True) -> int:
        """Return a number that grows with every change of an object of these kinds, ``assumed`` ones too or not."""
        if assumed:
            return sum([self._cluster.versions[kind] for kind in kinds])
        return sum([self._cluster.changes[kind].version for kind in kinds])

    def changed(self, kind: str, since: int) -> Sequence[str] | None:
        """Return the keys of the objects of a kind that changed after a version without assumed ones; None: any may."""
        return self._cluster.changes[kind].since(since)

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

    def nominated_node(self, pod: PodInfo) -> str:
        """Return the node that a pod is nominated to; empty if there is none."""
        return self._nominator.node_of(pod)

    def placed(self, key: str) -> PlacedPod:
        """Return a placed pod by ``namespace/name``; raises KeyError if it is not there."""
        pods = self._cluster.nodes.pods
        number = pods.find(key)
        if number is None:
            raise KeyError(key)
        return PlacedPods(pods, self._cluster.classes, np.array([number])).placed(number)

    @property
    def has_extenders(self) -> bool:
        """Whether there are extenders."""
        return bool(self._extenders)

    def process_preemption(self, pod: PodInfo, found: Sequence[Candidate]) -> list[Candidate] | Status:
        """Return what extenders leave of the candidates for preemption, on nodes that exist; an error is a Status."""
        return self._extenders.preempt(pod, found) if self._extenders else list(found)

    def lower_pods(self, priority: int) -> PlacedPods:
        """Return the placed pods of a lower priority than this."""
        pods = self._cluster.nodes.pods
        lower = np.flatnonzero((pods.node_of >= 0) & (pods.priority < priority))
        return PlacedPods(pods, self._cluster.classes, lower)

    @property
    def now(self) -> int:
        """The time, in nanoseconds since the Unix epoch."""
        return self._running.now

    def pod(self, key: str) -> Pod | None:
        """Return a pod (``namespace/name``) as it was last reported, placed or not; None if it is gone."""
        return self._running.pod(key)

    def pods_labelled(self, namespace: str, label: str, value: str) -> list[Pod]:
        """Return the pods of a namespace with a label, as last reported, in the order in which they came."""
        return self._running.pods_labelled(namespace, label, value)

    def is_assumed(self, pod: Pod) -> bool:
        """Tell whether a pod has a node that is not reported yet."""
        return self._running.is_assumed(pod)

    def waiting_pods(self) -> list[WaitingPod]:
        """Return the pods that wait at Permit, in the order in which they came."""
        return self._running.waiting.list()

    def waiting_pod(self, pod: Pod) -> WaitingPod | None:
        """Return a pod if it waits at Permit; `WaitingPod.allow` and `reject` let it go on or end its attempt."""
        return self._running.waiting.get(pod)

    def activate(self, pods: Iterable[Pod]) -> None:
        """Have pods tried again that wait in the queue, whatever rejected them; see also `pods_to_activate`."""
        self._running.activate(pods)

    def is_preempting(self, pod: Pod) -> bool:
        """Tell whether victims of a pod are still to be deleted."""
        return self._running.is_preempting(pod)

    @property
    def has_scheduler(self) -> bool:
        """Whether a scheduler binds the pods, so that a plugin can wait and write; False where an engine is alone."""
        return self._running.has_scheduler

    def reported(self, kind: str, key: str) -> AnyObject | None:
        """Return an object as it was last reported to the scheduler, without what is assumed; None if it is gone."""
        return self._running.reported(kind, key)

    def write(self, record: AnyObject) -> Status:
        """Ask the API server to write an object that is neither node nor pod; for PreBind."""
        return self._running.write(record)

    @property
    def classes(self) -> Any:
        """The table of pod classes; ``nodes.pods.class_of`` indexes it."""
        return self._cluster.classes

    @property
    def kinds(self) -> PodKinds:
        """The kinds of pods that a `Tally` weighs, as far as they are known."""
        return self._cluster.kinds
