"""QueuedPodInfo: a pod in the queue with the record of its attempts (upstream: framework.QueuedPodInfo)."""

from __future__ import annotations

from msgspec import Struct

from sched_core.columns.classes import PodInfo, pod_uid
from sched_core.framework.events import ClusterEvent
from sched_core.objects.records import Pod


class QueuedPodInfo(Struct, eq=False, gc=False):
    """A pod on its way through the queue; times are nanoseconds since the Unix epoch."""

    pod_info: PodInfo
    timestamp: int
    """When it was added, or when its last attempt failed. Moving it does not change this."""
    number: int
    """The how-manieth pod that was ever queued: decides between pods that the order of the queue leaves equal."""
    attempts: int = 0
    initial_attempt_timestamp: int | None = None
    """When it first entered the active queue: a gated pod has none."""
    unschedulable_count: int = 0
    consecutive_errors_count: int = 0
    failures_at_once: int = 0
    """How often its attempts have failed at the moment of the last failure."""
    backoff_expiration: int | None = None
    """End of the back-off, worked out when it is first asked for; None again after each failure."""
    unschedulable_plugins: frozenset[str] = frozenset()
    pending_plugins: frozenset[str] = frozenset()
    gating_plugin: str = ""
    gating_plugin_events: tuple[ClusterEvent, ...] = ()
    was_flushed_from_unschedulable: bool = False

    @property
    def pod(self) -> Pod:
        return self.pod_info.pod

    @property
    def key(self) -> str:
        return self.pod_info.key

    @property
    def uid(self) -> str:
        return pod_uid(self.pod_info.pod)

    @property
    def gated(self) -> bool:
        return bool(self.gating_plugin)

    @property
    def rejector_plugins(self) -> frozenset[str]:
        """The plugins because of which it waits."""
        return self.unschedulable_plugins | self.pending_plugins
