"""Nominations: pods for which room is kept on a node until they are placed (upstream: nominator.go)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sched_core.columns.classes import pod_key, pod_uid
from sched_core.objects.records import Pod


class PodRef(NamedTuple):
    """What is kept of a nominated pod: all else is looked up in the queue when it is needed."""

    key: str
    uid: str


class Nominator:
    """Node to nominated pods, in the order of their nominations.

    ``find`` returns a pod as the informer last reported it, None if it is gone; without it every pod is taken for
    there.
    """

    def __init__(self, find: Callable[[str], Pod | None] | None = None) -> None:
        self.find = find
        self._pods: dict[str, list[PodRef]] = {}
        self._node_of: dict[str, str] = {}

    def add(self, pod: Pod, node_name: str | None = None) -> None:
        """Nominate a pod to a node instead of what was before; None leaves it to ``status.nominatedNodeName``.

        A pod that is gone or has a node is not nominated; an empty name is kept and means no node.
        """
        self.delete(pod)
        if node_name is None:
            node_name = pod.status.nominated_node_name
            if not node_name:
                return
        key = pod_key(pod)
        if self.find is not None:
            known = self.find(key)
            if known is None or known.spec.node_name:
                return
        self._node_of[pod_uid(pod)] = node_name
        self._pods.setdefault(node_name, []).append(PodRef(key, pod_uid(pod)))

    def update(self, old: Pod, new: Pod) -> None:
        """Take over a changed pod; a nomination that its status does not show yet stays."""
        node_name = None
        if not old.status.nominated_node_name and not new.status.nominated_node_name:
            node_name = self._node_of.get(pod_uid(old))
        self.delete(old)
        self.add(new, node_name)

    def delete(self, pod: Pod) -> None:
        """Take the nomination of a pod away, if it has one."""
        uid = pod_uid(pod)
        node_name = self._node_of.pop(uid, None)
        if node_name is None:
            return
        left = [each for each in self._pods[node_name] if each.uid != uid]
        if left:
            self._pods[node_name] = left
        else:
            del self._pods[node_name]

    def node_of(self, pod: Pod) -> str | None:
        """Return the node that a pod is nominated to, None without a nomination."""
        return self._node_of.get(pod_uid(pod))

    def nominated_pods_for_node(self, node_name: str) -> list[PodRef]:
        return list(self._pods.get(node_name, ()))
