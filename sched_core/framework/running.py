"""Running: what a scheduler does for its plugins. This one stands for an engine alone, which does nothing of it."""

from __future__ import annotations

from collections.abc import Iterable

from sched_core.errors import NotSupported
from sched_core.framework.status import Status
from sched_core.framework.waiting_pods import WaitingPods
from sched_core.objects.records import AnyObject, Pod


class Running:
    """The other side of `Handle`, which describes the methods; a scheduler overrides them."""

    has_scheduler = False

    def __init__(self) -> None:
        self.now = 0
        self.waiting = WaitingPods()

    def pod(self, key: str) -> Pod | None:
        return None

    def pods_labelled(self, namespace: str, label: str, value: str) -> list[Pod]:
        return []

    def is_assumed(self, pod: Pod) -> bool:
        return False

    def activate(self, pods: Iterable[Pod]) -> None:
        return

    def is_preempting(self, pod: Pod) -> bool:
        return False

    def reported(self, kind: str, key: str) -> AnyObject | None:
        return None

    def write(self, record: AnyObject) -> Status:
        raise NotSupported("an engine without a scheduler writes no objects")
