"""Pods that wait at Permit until their plugins allow them, one rejects them, or time is up (upstream:
runtime/waiting_pods_map.go).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping
from itertools import count

from sched_core.columns.classes import PodInfo, pod_uid
from sched_core.config.duration import format_duration
from sched_core.framework.status import SUCCESS, Code, Status
from sched_core.objects.records import Pod


class WaitingPod:
    """A pod that waits; what is said first counts."""

    def __init__(self, pod: PodInfo, node_name: str, waits: Mapping[str, int], decided: deque[WaitingPod]) -> None:
        self.info, self.node_name = pod, node_name
        self.status: Status | None = None
        """What was decided, once it has been."""
        self._waits, self._decided = dict(waits), decided

    @property
    def pod(self) -> Pod:
        return self.info.pod

    @property
    def pending_plugins(self) -> list[str]:
        """The plugins that have not allowed it yet."""
        return list(self._waits)

    def allow(self, plugin: str) -> None:
        """Let it go on as far as this plugin is concerned."""
        self._waits.pop(plugin, None)
        if not self._waits:
            self._decide(SUCCESS)

    def reject(self, plugin: str, message: str) -> bool:
        """End its attempt: the pod is unschedulable. False if it was decided before."""
        return self._decide(Status(Code.Unschedulable, (message,), plugin))

    def preempt(self, plugin: str, message: str) -> bool:
        """End its attempt with an error, so that it is tried again after its back-off. False as of `reject`."""
        return self._decide(Status(Code.Error, (message,), plugin))

    def waits_for(self, plugin: str) -> bool:
        """Tell whether it is undecided because of a plugin."""
        return self.status is None and plugin in self._waits

    def time_is_up(self, plugin: str, waited: int) -> None:
        """Reject it if the plugin has not allowed it by now."""
        if self.waits_for(plugin):
            self.reject(plugin, f"rejected due to timeout after waiting {format_duration(waited)} at plugin {plugin}")

    def _decide(self, status: Status) -> bool:
        if self.status is not None:
            return False
        self.status = status
        self._decided.append(self)
        return True


class WaitingPods:
    """The waiting pods by uid, and when their time is up."""

    def __init__(self) -> None:
        self._pods: dict[str, WaitingPod] = {}
        self._timers: list[tuple[int, int, WaitingPod, str, int]] = []
        self._numbers = count()
        self.decided: deque[WaitingPod] = deque()
        """Those of which it was decided what becomes of them, in that order."""

    def __len__(self) -> int:
        return len(self._pods)

    def add(self, pod: PodInfo, node_name: str, waits: Mapping[str, int], now: int) -> WaitingPod:
        """Let a pod wait for plugins, for so many nanoseconds each."""
        waiting = self._pods[pod_uid(pod.pod)] = WaitingPod(pod, node_name, waits, self.decided)
        for plugin, wait in waits.items():
            heapq.heappush(self._timers, (now + wait, next(self._numbers), waiting, plugin, wait))
        return waiting

    def get(self, pod: Pod) -> WaitingPod | None:
        return self._pods.get(pod_uid(pod))

    def list(self) -> list[WaitingPod]:
        """Return all, in the order in which they came."""
        return list(self._pods.values())

    def remove(self, waiting: WaitingPod) -> None:
        """Forget a pod that goes on or has failed."""
        del self._pods[pod_uid(waiting.pod)]

    @property
    def next_due(self) -> int | None:
        """When the next pod has waited for long enough."""
        while self._timers and not self._timers[0][2].waits_for(self._timers[0][3]):
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def advance_to(self, now: int) -> None:
        """Reject those whose time is up."""
        while (due := self.next_due) is not None and due <= now:
            _, _, waiting, plugin, waited = heapq.heappop(self._timers)
            waiting.time_is_up(plugin, waited)
