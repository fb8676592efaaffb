"""Many attempts at once against one by one: the same bindings, failures, victims and queues in random stories."""

from __future__ import annotations

import random
from typing import Any, ClassVar

import numpy as np
import pytest

from sched_core import (
    SUCCESS,
    Code,
    CycleState,
    NodeColumns,
    Plugin,
    PodInfo,
    Scheduler,
    SchedulerConfiguration,
    Status,
    load_config,
    pod_key,
    replaced,
    unschedulable,
)
from tests.scheduler.api import SECOND, Api, node, pod

SPREAD = {
    "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
    "labelSelector": {"matchLabels": {"app": "spread"}},
}  # fmt: skip
PROFILES: Any = {
    "apiVersion": "kubescheduler.config.k8s.io/v1",
    "kind": "KubeSchedulerConfiguration",
    "profiles": [
        {"schedulerName": "default-scheduler", "plugins": {"permit": {"enabled": [{"name": "Company"}]}}},
        {
            "schedulerName": "second-scheduler",
            "plugins": {"multiPoint": {"disabled": [{"name": "DefaultPreemption"}]}},
        },
    ],
}


class Company(Plugin):
    """At Permit, pods do what their label says to themselves and to those that wait or sleep in the queue."""

    def concerns(self, pod: PodInfo) -> bool:
        return "company" in pod.pod.metadata.labels

    def permit(self, state: CycleState, pod: PodInfo, node_name: str) -> tuple[Status, float]:
        what = pod.pod.metadata.labels.get("company")
        if what == "wake":
            sleepers = self.handle.pods_labelled("default", "company", "sleep")
            state.pods_to_activate.update((pod_key(each), each) for each in sleepers)
        for waiting in self.handle.waiting_pods():
            if what == "allow":
                waiting.allow(self.name)
            elif what == "reject":
                waiting.reject(self.name, "not with me")
        if what == "refuse":
            return unschedulable("not today"), 0
        return (Status(Code.Wait), 20) if what == "wait" else (SUCCESS, 0)


class Story:
    """A scheduler and its API server; ``limit`` is how many attempts it makes at a time."""

    def __init__(self, limit: int | None, config: SchedulerConfiguration, hints: bool) -> None:
        self.api, self.limit = Api(), limit
        self.scheduler = Scheduler(self.api, config, plugins={"Company": Company}, queueing_hints=hints)

    def run(self, now: int) -> None:
        """Make all attempts."""
        while self.scheduler.run(now, self.limit) and self.limit is not None:
            pass

    def state(self) -> dict[str, Any]:
        """Return all that can be seen of it."""
        scheduler = self.scheduler
        queue, nodes = scheduler.queue, scheduler.cluster.nodes
        waiting = list(queue.unschedulable_pods)
        return {
            "bind": self.api.said("bind"),
            "delete": self.api.said("delete"),
            "patch": self.api.said("patch"),
            "failed": self.api.notes("FailedScheduling"),
            "scheduled": self.api.notes("Scheduled"),
            "preempted": self.api.notes("Preempted"),
            "active": [info.key for info in queue.active_q.list()],
            "backoff": [info.key for info in queue.backoff_q.pod_backoff_q.list()],
            "errors": [info.key for info in queue.backoff_q.pod_error_backoff_q.list()],
            "waiting": sorted((info.key, info.attempts, sorted(info.rejector_plugins)) for info in waiting),
            "in flight": [each.metadata.name for each in queue.in_flight.pods()],
            "cycle": queue.scheduling_cycle,
            "assumed": sorted(scheduler.handlers.assumed),
            "nominated": {name: [each.key for each in queue.nominator.on(name)] for name in queue.nominator.nodes()},
            "requested": {name: nodes.requested[:, row].tolist() for name, row in nodes.row_of.items()},
            "start": scheduler.engine.start,
            "due": scheduler.next_due,
        }


def random_pod(rng: random.Random, number: int) -> Any:
    kind = rng.choice(["small"] * 6 + ["big", "huge", "ports", "spread", "second", "important", "company"])
    more: dict[str, Any] = {"priority": rng.choice([0, 0, 0, 5])}
    cpu = {"small": "100m", "big": "2", "huge": "9"}.get(kind, "500m")
    if kind == "ports":
        more["containers"] = [{"name": "c", "ports": [{"hostPort": 80, "containerPort": 80}]}]
    if kind == "spread":
        more |= {"labels": {"app": "spread"}, "topologySpreadConstraints": [SPREAD]}
    if kind == "second":
        more["schedulerName"] = "second-scheduler"
    if kind == "important":
        more["priority"] = 100
    if kind == "company":
        what = rng.choice(["wait", "wait", "allow", "reject", "refuse", "wake", "sleep"])
        more |= {"labels": {"company": what}, "priority": 9 if what == "sleep" else 0}
        cpu = "5" if what == "sleep" else "100m"
    return pod(f"p{number}", cpu, **more)


class Stories:
    """The same story told to both; what is drawn is drawn once."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        config = load_config(PROFILES)
        self.both = [Story(limit, config, hints=seed % 4 != 3) for limit in (None, 1)]
        self.now, self.number = 0, 0
        for name in range(120 if seed == 0 else self.rng.choice([3, 8, 20])):
            self.node(f"n{name}")

    def node(self, name: str) -> None:
        cpu = self.rng.choice(["2", "4"])
        taints = self.rng.choice([[], [], [], [{"key": "t", "effect": "NoSchedule"}]])
        for story in self.both:
            story.scheduler.apply(node(name, cpu, taints=taints), self.now)

    def step(self) -> None:
        getattr(self, self.rng.choice(["arrive", "arrive", "echo", "echo", "leave", "join", "wait", "terminate"]))()
        for story in self.both:
            story.run(self.now)
        batch, single = (story.state() for story in self.both)
        assert batch == single

    def arrive(self) -> None:
        for _ in range(self.rng.choice([1, 5, 30, 100])):
            self.number += 1
            new = random_pod(self.rng, self.number)
            for story in self.both:
                story.api.change(new)

    def echo(self) -> None:
        for story in self.both:
            story.api.echo(story.scheduler, self.now)

    def leave(self) -> None:
        keys = sorted(self.both[0].api.pods)
        for key in self.rng.sample(keys, min(len(keys), 5)):
            for story in self.both:
                story.api.remove(story.api.pods[key])

    def terminate(self) -> None:
        keys = sorted(self.both[0].api.pods)
        if keys:
            key = self.rng.choice(keys)
            for story in self.both:
                known = story.api.pods[key]
                meta = replaced(known.metadata, deletion_timestamp="2026-01-01T00:00:00Z")
                story.api.change(replaced(known, metadata=meta))

    def join(self) -> None:
        self.node(f"late{self.rng.randrange(4)}")

    def wait(self) -> None:
        self.now += self.rng.choice([1, SECOND // 2, SECOND, 3 * SECOND, 40 * SECOND, 400 * SECOND])


@pytest.mark.parametrize("seed", range(24))
def test_many_at_once_are_as_one_by_one(seed: int) -> None:
    stories = Stories(seed)
    for _ in range(25):
        stories.step()


class Ahead(Plugin):
    """Live (asked about every pod): counts the pods that it sees assumed, and prefers nodes with few pods."""

    seen: ClassVar[list[int]] = []

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Any:
        others = self.handle.pods_labelled("default", "app", "x")
        self.seen.append(sum(self.handle.is_assumed(each) for each in others))
        return 100 - np.minimum(nodes.pod_count, 100)


@pytest.mark.parametrize("limit", [None, 1])
def test_a_plugin_that_is_asked_about_each_pod_sees_those_before_it_assumed(limit: int | None) -> None:
    Ahead.seen.clear()
    head = {key: PROFILES[key] for key in ("apiVersion", "kind")}
    config = load_config({**head, "profiles": [{"plugins": {"multiPoint": {"enabled": [{"name": "Ahead"}]}}}]})
    api = Api()
    scheduler = Scheduler(api, config, plugins={"Ahead": Ahead})
    for name in range(7):
        scheduler.apply(node(f"n{name}"), 0)
    api.create(
        scheduler, *(pod(f"p{number}", "9" if number == 4 else "100m", labels={"app": "x"}) for number in range(9))
    )
    while scheduler.run(1, limit) and limit is not None:
        pass
    assert sorted(key for key, _ in api.said("bind")) == [f"p{number}" for number in range(9) if number != 4]
    assert len({at for _, at in api.said("bind")}) == 7
    assert Ahead.seen == [0, 1, 2, 3, 4, 4, 5, 6, 7]
