"""The nominations of a queue: only of pods that are still there, and counting for others only while they wait.

Upstream: backend/queue/nominator.go, and NominatedPodsForNode of scheduling_queue.go.
"""

from __future__ import annotations

from collections.abc import Callable

from sched_core.columns.classes import PodInfo, pod_key, pod_uid
from sched_core.framework.nominator import Nominator
from sched_core.objects.meta import ObjectMeta
from sched_core.objects.records import Pod


class QueueNominator(Nominator):
    """Nominations of pods that ``find`` knows (as the informer last reported them, by key) to have no node.

    ``queued`` returns a pod as it stands in the queue, by key; ``info_of`` turns a record into what plugins see. The
    event handlers and the queue set the first two.
    """

    def __init__(self, info_of: Callable[[Pod], PodInfo]) -> None:
        super().__init__()
        self.find: Callable[[str], Pod | None] | None = None
        self.queued: Callable[[str], PodInfo | None] = lambda key: None
        self._info_of = info_of

    def touch(self, key: str) -> None:
        """Note that a pod came into the queue, left it or has changed: if it is nominated, it counts in another way."""
        if key in self._pods:
            self._changes += 1

    def nominate(self, pod: PodInfo, node: str | None = None) -> None:
        """Nominate a pod to a node instead of what was before; None leaves it to ``status.nominatedNodeName``.

        A pod that is gone or has a node is not nominated; an empty name means no node.
        """
        self.withdraw(pod.pod)
        name = pod.pod.status.nominated_node_name if node is None else node
        if not name:
            return
        if self.find is not None:
            known = self.find(pod.key)
            if known is None or known.spec.node_name:
                return
        self.add(pod, name)

    def update(self, old: Pod, new: PodInfo) -> None:
        """Take over a changed pod; a nomination that its status does not show yet stays."""
        if not self._pods and not new.pod.status.nominated_node_name:
            return
        known = self._pods.get(pod_key(old))
        hidden = not old.status.nominated_node_name and not new.pod.status.nominated_node_name
        kept = known[1] if hidden and known is not None and pod_uid(known[0].pod) == pod_uid(old) else None
        self.withdraw(old)
        self.nominate(new, kept)

    def withdraw(self, pod: Pod) -> None:
        """Take the nomination of a pod away, if it has one; that of another pod of its name stays."""
        if not self._pods:
            return
        key = pod_key(pod)
        known = self._pods.get(key)
        if known is not None and pod_uid(known[0].pod) == pod_uid(pod):
            self.remove(key)

    def node_of(self, pod: PodInfo) -> str:
        """Return what the pod's own status says: that alone counts when it is tried."""
        return pod.pod.status.nominated_node_name

    def current(self, pod: PodInfo) -> PodInfo:
        """Return a nominated pod as it stands in the queue.

        One that is in no queue counts by its name alone: without requests, labels or a priority.
        """
        queued = self.queued(pod.key)
        if queued is not None:
            return queued
        meta = pod.pod.metadata
        return self._info_of(Pod(metadata=ObjectMeta(name=meta.name, namespace=meta.namespace, uid=meta.uid)))
