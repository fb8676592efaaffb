"""Nominator: the pods that have no node yet but a claim to one, because pods were preempted for them there.

Upstream: backend/queue/nominator.go. Nobody is placed and nothing is decided here. What an engine of its own has; the
one of a queue (`sched_core.queue.nominator`) also knows what the informer and the queue say of these pods.
"""

from __future__ import annotations

from collections.abc import Iterable

from sched_core.columns.classes import PodInfo


class Nominator:
    """Nominated pods by key, in the order in which they were nominated."""

    def __init__(self) -> None:
        self._pods: dict[str, tuple[PodInfo, str]] = {}
        self._changes = 0
        self._by_node: tuple[int, dict[str, list[PodInfo]]] = (-1, {})

    def __len__(self) -> int:
        return len(self._pods)

    def __contains__(self, key: str) -> bool:
        return key in self._pods

    @property
    def version(self) -> int:
        """What changes whenever the nominated pods do, or what they count for."""
        return self._changes

    def add(self, pod: PodInfo, node: str) -> None:
        """Nominate a pod to a node, which need not exist; an earlier nomination is gone."""
        self.remove(pod.key)
        if node:
            self._pods[pod.key] = (pod, node)
            self._changes += 1

    def remove(self, key: str) -> None:
        """Take the nomination from a pod (``namespace/name``) if it has one."""
        if self._pods.pop(key, None) is not None:
            self._changes += 1

    def node_of(self, pod: PodInfo) -> str:
        """Return the node that a pod is nominated to, here or in its status; empty if there is none."""
        known = self._pods.get(pod.key)
        return known[1] if known is not None else pod.pod.status.nominated_node_name

    def current(self, pod: PodInfo) -> PodInfo:
        """Return a nominated pod as it counts for others."""
        return pod

    def nodes(self) -> Iterable[str]:
        """Return the names of the nodes that pods are nominated to."""
        return self._on_nodes().keys()

    def on(self, node: str) -> list[PodInfo]:
        """Return the pods nominated to a node, as they count for others."""
        return [self.current(pod) for pod in self._on_nodes().get(node, ())]

    def rivals(self, node: str, pod: PodInfo) -> list[PodInfo]:
        """Return the other pods nominated to a node that count for a pod: those of its priority or a higher one."""
        return [other for other in self.on(node) if other.priority >= pod.priority and other.key != pod.key]

    def lower(self, node: str, priority: int) -> list[str]:
        """Return the keys of the pods of a lower priority that are nominated to a node."""
        return [pod.key for pod in self.on(node) if pod.priority < priority]

    def state(self) -> dict[str, tuple[PodInfo, str]]:
        """Return a copy of all nominations, for `restore`."""
        return dict(self._pods)

    def restore(self, state: dict[str, tuple[PodInfo, str]]) -> None:
        """Go back to what `state` returned."""
        self._pods = dict(state)
        self._changes += 1

    def _on_nodes(self) -> dict[str, list[PodInfo]]:
        if self._by_node[0] != self._changes:
            found: dict[str, list[PodInfo]] = {}
            for pod, node in self._pods.values():
                found.setdefault(node, []).append(pod)
            self._by_node = (self._changes, found)
        return self._by_node[1]
