"""Other profiles under a scheduler that runs: pods that wait, pods on their way, pods of another name."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from sched_core import (
    SUCCESS,
    Code,
    CycleState,
    NodeColumns,
    Plugin,
    PluginError,
    PodInfo,
    SchedulerConfiguration,
    Status,
    Verdicts,
    load_config,
    unschedulable,
)
from tests.scheduler.api import SECOND, config, node, pod, world

LATER = 60 * SECOND


class Never(Plugin):
    """Refuses every node, and is helped by nothing."""

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        return Verdicts.refuse(nodes.alive.copy(), "never")

    def events_to_register(self) -> list[Any]:
        return []


class Gate(Plugin):
    """Lets no pod into the queue."""

    def pre_enqueue(self, pod: PodInfo) -> Status:
        return unschedulable("closed")

    def events_to_register(self) -> list[Any]:
        return []


class Waits(Plugin):
    """Has pods wait at Permit, and notes what becomes of them."""

    notes: ClassVar[list[str]] = []

    def reserve(self, state: CycleState, pod: PodInfo, node_name: str) -> Status:
        self.notes.append("reserve")
        return SUCCESS

    def unreserve(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        self.notes.append("unreserve")

    def permit(self, state: CycleState, pod: PodInfo, node_name: str) -> tuple[Status, float]:
        return Status(Code.Wait), 30

    def post_bind(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        self.notes.append("post_bind")


class Youngest(Plugin):
    """The last pod that was queued is first."""

    def queue_sort_key(self, pod: PodInfo, timestamp: int, first: int) -> tuple[int]:
        return (-timestamp,)


def named(*names: str) -> SchedulerConfiguration:
    head = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
    return load_config(head | {"profiles": [{"schedulerName": name} for name in names]})


def test_pods_that_wait_for_a_plugin_that_goes_are_tried_again() -> None:
    scheduler, api = world(node("a"), toy=Never, at=("filter",))
    api.create(scheduler, pod("p"))
    scheduler.run(0)
    (note,) = api.notes("FailedScheduling")
    assert note.startswith("0/1 nodes are available: 1 never.")
    scheduler.run(LATER)
    assert api.said("bind") == []
    scheduler.swap(config(), LATER)
    scheduler.run(LATER)
    assert api.said("bind") == [("p", "a")] and len(scheduler.queue) == 0


def test_pods_back_off_as_long_as_they_would() -> None:
    scheduler, api = world(node("a"), toy=Never, at=("filter",))
    api.create(scheduler, pod("p"))
    scheduler.run(0)
    scheduler.swap(config(podInitialBackoffSeconds=5), 0)
    assert scheduler.run(SECOND) == 0 and scheduler.run(4 * SECOND) == 0
    scheduler.run(6 * SECOND)
    assert api.said("bind") == [("p", "a")]


def test_a_gate_that_goes_lets_pods_in_and_one_that_comes_keeps_them_out() -> None:
    scheduler, api = world(node("a"), toy=Gate, at=("preEnqueue",))
    api.create(scheduler, pod("p"))
    assert scheduler.run(0) == 0
    scheduler.swap(config(), SECOND)
    scheduler.swap(config("preEnqueue"), SECOND)
    assert scheduler.run(SECOND) == 0 and len(scheduler.queue) == 1
    scheduler.swap(config(), SECOND)
    assert scheduler.run(SECOND) == 1 and api.said("bind") == [("p", "a")]


@pytest.mark.parametrize("allowed", [True, False])
def test_a_pod_that_waits_keeps_the_plugins_that_it_began_with(allowed: bool) -> None:
    Waits.notes = []
    scheduler, api = world(node("a"), toy=Waits, at=("permit", "reserve", "postBind"))
    api.create(scheduler, pod("p"))
    scheduler.run(0)
    scheduler.swap(config(), SECOND)
    (waiting,) = scheduler.engine.profiles["default-scheduler"].handle.waiting_pods()
    if allowed:
        waiting.allow("Toy")
    scheduler.run(LATER)
    assert Waits.notes == (["reserve", "post_bind"] if allowed else ["reserve", "unreserve"])
    scheduler.run(2 * LATER)
    assert api.said("bind") == [("p", "a")]  # the new profile has nothing against it


def test_what_is_bound_meanwhile_may_fail() -> None:
    """The outcome of a binding comes after its profile has gone; the pod is not for this scheduler any more."""
    scheduler, api = world(node("a"))
    api.outcomes["p"] = None
    api.create(scheduler, pod("p", schedulerName="default-scheduler"))
    scheduler.run(0)
    scheduler.swap(named("other"), SECOND)
    scheduler.binding_finished("uid-p", Status(Code.Error, ("lost",)), SECOND)
    assert scheduler.cluster.nodes.pod_count.tolist() == [0] and len(scheduler.queue) == 0
    assert scheduler.run(LATER) == 0


def test_scheduler_names_come_and_go() -> None:
    scheduler, api = world(node("a"))
    api.create(scheduler, pod("p", schedulerName="other"), pod("q", cpu="9", schedulerName="default-scheduler"))
    scheduler.run(0)
    assert api.said("bind") == [] and len(scheduler.queue) == 1
    scheduler.swap(named("other"), LATER)
    assert len(scheduler.queue) == 1
    api.create(scheduler, pod("r", schedulerName="default-scheduler"), now=LATER)
    scheduler.run(LATER)
    assert api.said("bind") == [("p", "a")] and len(scheduler.queue) == 0
    scheduler.swap(named("other", "default-scheduler"), LATER)
    scheduler.run(2 * LATER)
    assert api.said("bind") == [("p", "a"), ("r", "a")] and [
        info.key for info in scheduler.queue.unschedulable_pods
    ] == ["default/q"]


def test_the_order_of_the_queue_changes_with_its_plugin() -> None:
    scheduler, api = world(node("a"))
    for number in range(3):
        api.create(scheduler, pod(f"p{number}"), now=number)
    sort = {"queueSort": {"enabled": [{"name": "Toy"}], "disabled": [{"name": "*"}]}}
    head = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
    youngest = load_config(head | {"profiles": [{"plugins": sort}]})
    scheduler.swap(youngest, SECOND, plugins={"Toy": Youngest})
    scheduler.run(SECOND)
    assert [name for name, _ in api.said("bind")] == ["p2", "p1", "p0"]


def test_a_swap_that_fails_leaves_the_old_profiles_in_force() -> None:
    class Breaks(Plugin):
        def __init__(self, args: Any = None) -> None:
            raise ValueError("boom")

        filter = Never.filter

    scheduler, api = world(node("a"))
    api.create(scheduler, pod("p"))
    with pytest.raises(PluginError, match="plugin Toy, __init__: ValueError: boom"):
        scheduler.swap(config("filter"), SECOND, plugins={"Toy": Breaks})
    scheduler.run(SECOND)
    assert api.said("bind") == [("p", "a")]
