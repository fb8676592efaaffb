"""Pods that come, wait and go, in plain Python: every pod that waits is tried again, one by one, whenever one has left.

Numbers are worked out anew at each instant from who is where. Where pods go is left to a cluster: kube-scheduler's own
cycle (`cycle.py`), or a policy that shares devices (`replay.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from .cycle import NaiveScheduler
from .nodes import PlacedPod
from .order import pre_order
from .replay import WHOLE, Node, Pod, Replay

Json = dict[str, Any]


class Times(NamedTuple):
    """When a pod comes, and when it goes (inf: never)."""

    created: float
    deleted: float


class Cluster(Protocol):
    """Nodes with pods on them, by number."""

    def place(self, pod: int) -> int | None:
        """Place a pod and return the number of its node."""

    def remove(self, pod: int) -> None:
        """Take a pod away."""


class Objects:
    """Kubernetes objects under a KubeSchedulerConfiguration; nodes without zones."""

    def __init__(self, nodes: list[Json], pods: list[Json], config: Json | None) -> None:
        self.scheduler, self.pods = NaiveScheduler(nodes, config), pods
        self.placed: dict[int, tuple[Any, PlacedPod]] = {}

    def place(self, pod: int) -> int | None:
        scheduler, manifest = self.scheduler, self.pods[pod]
        (profile,) = scheduler.profiles.values()
        found = scheduler.decide(profile, manifest)
        if not found["feasible"]:
            return None
        feasible = [number for number, node in enumerate(scheduler.nodes) if node.name in found["feasible"]]
        chosen = next(
            feasible[at] for at in pre_order(len(feasible)) if scheduler.nodes[feasible[at]].name in found["best"]
        )
        node, placed = scheduler.nodes[chosen], PlacedPod.of(manifest)
        node.pods.append(placed)
        self.placed[pod] = node, placed
        return chosen

    def remove(self, pod: int) -> None:
        node, placed = self.placed.pop(pod)
        node.pods = [one for one in node.pods if one is not placed]


class Devices:
    """Nodes with devices in parts; nodes are by rank."""

    def __init__(self, nodes: list[Node], pods: list[Pod], policy: str) -> None:
        self.pods, self.replay = pods, Replay(nodes, pods, [node.name for node in nodes], policy)
        self.placed: dict[int, tuple[Node, list[int]]] = {}

    def place(self, pod: int) -> int | None:
        node, devices = self.replay.choose(self.pods[pod])
        if node is None:
            return None
        self.replay.place(self.pods[pod], node, devices)
        self.placed[pod] = node, devices
        return self.replay.nodes.index(node)

    def remove(self, pod: int) -> None:
        (node, devices), asked = self.placed.pop(pod), self.pods[pod]
        node.cpu += asked.cpu
        node.memory += asked.memory
        for device in devices:
            node.gpus[device] += asked.milli
        if asked.total:
            node.tags[asked.tag] -= 1
        node.version += 1

    def is_empty(self) -> bool:
        return all(free == WHOLE for node in self.replay.nodes for free in node.gpus)


class Outcome(NamedTuple):
    """Where a pod went, and when; None and inf: nowhere."""

    node: int | None = None
    placed: float = math.inf


def simulate(times: Sequence[Times], cluster: Cluster) -> list[Outcome]:
    """Let pods come and go; they are given in the order of arrival."""
    outcomes = [Outcome()] * len(times)
    waiting: list[int] = []

    def attempt(pod: int, now: float) -> bool:
        node = cluster.place(pod)
        if node is not None:
            outcomes[pod] = Outcome(node, now)
        return node is not None

    def leave(pods: list[int], now: float) -> None:
        had_a_node = [pod for pod in pods if outcomes[pod].node is not None]
        for pod in pods:
            if pod in waiting:
                waiting.remove(pod)
        for pod in had_a_node:
            cluster.remove(pod)
        if had_a_node:
            for pod in list(waiting):
                if attempt(pod, now):
                    waiting.remove(pod)

    for now in sorted({one for each in times for one in each if one < math.inf}):
        going = [pod for pod, each in enumerate(times) if each.deleted == now]
        leave([pod for pod in going if times[pod].created < now], now)
        for pod, each in enumerate(times):
            if each.created == now and not attempt(pod, now):
                waiting.append(pod)
        leave([pod for pod in going if times[pod].created == now], now)
    return outcomes


def mean_and_peak(instants: Sequence[float], level: Callable[[float], int]) -> tuple[float, int]:
    """Return the mean over the time from the first instant to the last, and the most at any of them.

    ``level`` tells what is there behind all that happens at an instant.
    """
    levels = [level(now) for now in instants]
    span = instants[-1] - instants[0]
    if not span:
        return float(levels[-1]), max(levels)
    steps = zip(levels, instants, instants[1:], strict=False)
    return math.fsum(height * (after - before) for height, before, after in steps) / span, max(levels)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile, between two values in proportion; 0 of none."""
    ordered = sorted(values) or [0.0]
    place = (len(ordered) - 1) * percent / 100
    low = ordered[math.floor(place)]
    return low + (ordered[math.ceil(place)] - low) * (place - math.floor(place))
