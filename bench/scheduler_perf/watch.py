"""Counting pods as they change, without listing them: the conditions that operations wait for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from sched_core import Pod


class Watch(Protocol):
    """Who is told of every change of a pod."""

    def changed(self, olds: Sequence[Pod | None], news: Sequence[Pod | None], now: int) -> None:
        """Take over changes; None is a pod that is not there (yet, or any more). ``now`` is in nanoseconds."""


class Selection:
    """Some namespaces (all, if None) and labels."""

    def __init__(self, namespaces: Iterable[str] | None, labels: Mapping[str, str]) -> None:
        self._namespaces = None if namespaces is None else frozenset(namespaces)
        self._labels = labels.items()

    def __contains__(self, pod: Pod) -> bool:
        meta = pod.metadata
        if self._namespaces is not None and meta.namespace not in self._namespaces:
            return False
        return not self._labels or self._labels <= meta.labels.items()


def is_attempted(pod: Pod) -> bool:
    """Tell whether a pod without a node was tried, or is gated: it has the condition PodScheduled."""
    return any(condition.type == "PodScheduled" for condition in pod.status.conditions)


class Tally:
    """How many of some pods are scheduled, and how many at least attempted."""

    def __init__(self, selection: Selection, pods: Iterable[Pod]) -> None:
        """Begin with the pods that there are."""
        self._selection = selection
        self.scheduled = self.attempted = 0
        for pod in pods:
            self._count(pod, 1)

    def changed(self, olds: Sequence[Pod | None], news: Sequence[Pod | None], now: int) -> None:
        """Take over changes."""
        for old in olds:
            if old is not None:
                self._count(old, -1)
        for new in news:
            if new is not None:
                self._count(new, 1)

    def _count(self, pod: Pod, sign: int) -> None:
        if pod not in self._selection:
            return
        if pod.spec.node_name:
            self.scheduled += sign
            self.attempted += sign
        elif pod.status.conditions and is_attempted(pod):
            self.attempted += sign
