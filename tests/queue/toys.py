"""Pods, nodes and plugins for the tests of the queue: a profile whose plugins have hints that are easy to see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from plugins.priority_sort import PrioritySort
from sched_core import (
    SUCCESS,
    ActionType,
    Cluster,
    ClusterEvent,
    ClusterEventWithHint,
    EventResource,
    Handle,
    Node,
    Plugin,
    Pod,
    PodInfo,
    Profile,
    QueueingHint,
    Status,
    pod_key,
    queue_if,
    unresolvable,
)
from sched_core.framework.plugin import EXTENSION_POINTS
from sched_core.queue import EventHandlers, PriorityQueue

SECOND = 10**9
NAME = "default-scheduler"


def registration(resource: str, actions: ActionType, hint: Any = None) -> ClusterEventWithHint:
    return ClusterEventWithHint(ClusterEvent(resource, actions), hint)


class Gate(Plugin):
    """Holds back pods with scheduling gates."""

    name = "Gate"

    def pre_enqueue(self, pod: PodInfo) -> Status:
        return unresolvable("gated") if pod.pod.spec.scheduling_gates else SUCCESS

    def events_to_register(self) -> Sequence[ClusterEventWithHint]:
        return (registration(EventResource.Pod, ActionType.UpdatePodSchedulingGatesEliminated, self.own),)

    @staticmethod
    def own(pod: Pod, old: Pod, new: Pod) -> QueueingHint:
        return queue_if(pod_key(pod) == pod_key(new))


class Zones(Plugin):
    """Wants a node whose zone is that of the pod's labels."""

    name = "Zones"

    def filter(self, state: Any, pod: PodInfo, nodes: Any) -> Any:
        raise AssertionError("nothing is scheduled here")

    def events_to_register(self) -> Sequence[ClusterEventWithHint]:
        actions = ActionType.Add | ActionType.UpdateNodeLabel
        return (
            registration(EventResource.Node, actions, self.zone),
            registration(EventResource.Node, ActionType.UpdateNodeTaint, self.zone),
        )

    @staticmethod
    def zone(pod: Pod, old: Node | None, new: Node) -> QueueingHint:
        return queue_if(pod.metadata.labels.get("zone") == new.metadata.labels.get("zone"))


class Crowded(Plugin):
    """Wants a pod to leave, or the pod itself to have other labels."""

    name = "Crowded"

    def filter(self, state: Any, pod: PodInfo, nodes: Any) -> Any:
        raise AssertionError("nothing is scheduled here")

    def events_to_register(self) -> Sequence[ClusterEventWithHint]:
        return (registration(EventResource.Pod, ActionType.Delete | ActionType.UpdatePodLabel),)


class Eager(Plugin):
    """Wants any node to come or go."""

    name = "Eager"

    def filter(self, state: Any, pod: PodInfo, nodes: Any) -> Any:
        raise AssertionError("nothing is scheduled here")

    def events_to_register(self) -> Sequence[ClusterEventWithHint]:
        return (registration(EventResource.Node, ActionType.Add | ActionType.Delete | ActionType.UpdateNodeTaint),)


PLUGINS = (Gate(), PrioritySort(), Zones(), Crowded(), Eager())


def profile(*plugins: Plugin) -> Profile:
    """Return a profile of plugin instances."""
    points = {
        point: tuple(plugin for plugin in plugins if any(hasattr(plugin, method) for method in methods))
        for point, methods in EXTENSION_POINTS.items()
    }
    return Profile(NAME, points, {}, {}, 0, Handle(Cluster()))


def handlers(*plugins: Plugin) -> EventHandlers:
    """Return a queue for such a profile, with what tells it about a cluster."""
    cluster = Cluster()
    queue = PriorityQueue({NAME: profile(*(plugins or PLUGINS))}, cluster.classes.info)
    return EventHandlers(queue, cluster, frozenset({NAME}))


def pod(name: str = "a", *, uid: str = "", version: str = "1", labels: dict[str, str] | None = None,
        status: Any = None, **spec: Any) -> Pod:  # fmt: skip
    metadata = {"name": name, "namespace": "default", "uid": uid or f"uid-{name}", "resourceVersion": version}
    metadata["labels"] = labels or {}  # type: ignore[assignment]
    return msgspec.convert({"kind": "Pod", "metadata": metadata, "spec": spec, "status": status or {}}, Pod)


def node(name: str = "n", *, labels: dict[str, str] | None = None, spec: Any = None, status: Any = None) -> Node:
    metadata = {"name": name, "labels": labels or {}}
    return msgspec.convert({"kind": "Node", "metadata": metadata, "spec": spec or {}, "status": status or {}}, Node)


def places(told: EventHandlers) -> dict[str, list[str]]:
    """Return the names of the pods in each place; places without any are left out."""
    queue = told.queue
    waiting = list(queue.unschedulable_pods)
    found = {
        "active": queue.active_q.list(),
        "backoff": queue.backoff_q.pod_backoff_q.list(),
        "errorBackoff": queue.backoff_q.pod_error_backoff_q.list(),
        "unschedulable": [info for info in waiting if not info.gated],
        "gated": [info for info in waiting if info.gated],
    }
    state = {place: [info.pod.metadata.name for info in infos] for place, infos in found.items()}
    state["inFlight"] = [each.metadata.name for each in queue.in_flight.pods()]
    return {place: names for place, names in state.items() if names}
