"""What the scheduler does for its plugins: the other side of their handle."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sched_core.columns.classes import pod_uid
from sched_core.framework.running import Running
from sched_core.framework.status import Status
from sched_core.objects.records import AnyObject, Pod
from sched_core.queue.event_handlers import EventHandlers
from sched_core.scheduler.client import SchedulerClient


class SchedulerRunning(Running):
    """Answers from what the informers reported; see `Handle` for what the methods mean.

    ``handlers`` and ``preempting`` are set once they exist, which is before the first call of a plugin.
    """

    has_scheduler = True
    handlers: EventHandlers
    preempting: Callable[[str], bool]

    def __init__(self, client: SchedulerClient, start: int) -> None:
        super().__init__()
        self.client, self.now = client, start

    def pod(self, key: str) -> Pod | None:
        return self.handlers.pod(key)

    def pods_labelled(self, namespace: str, label: str, value: str) -> list[Pod]:
        return self.handlers.pods_by_label.find(namespace, label, value)

    def is_assumed(self, pod: Pod) -> bool:
        return pod_uid(pod) in self.handlers.assumed

    def activate(self, pods: Iterable[Pod]) -> None:
        self.handlers.queue.activate(pods, self.now)

    def is_preempting(self, pod: Pod) -> bool:
        return self.preempting(pod_uid(pod))

    def reported(self, kind: str, key: str) -> AnyObject | None:
        return self.handlers.objects.get(kind, {}).get(key)

    def write(self, record: AnyObject) -> Status:
        return self.client.write(record)
