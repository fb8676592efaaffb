"""PreBind: who has something to do, what takes its time, and what comes after."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from sched_core import (
    SKIP,
    SUCCESS,
    Code,
    CycleState,
    PersistentVolumeClaim,
    Plugin,
    PodInfo,
    Scheduler,
    Status,
    error,
    unschedulable,
)
from tests.scheduler.api import SECOND, Api, node, pod, world


class Toy(Plugin):
    """Answers what a test has set."""

    preflight: ClassVar[Any] = SUCCESS
    answer: ClassVar[Any] = SUCCESS
    notes: ClassVar[list[str]] = []

    def pre_bind_pre_flight(self, state: CycleState, pod: PodInfo, node_name: str) -> Status:
        return self.preflight  # type: ignore[no-any-return]

    def pre_bind(self, state: CycleState, pod: PodInfo, node_name: str) -> Status:
        self.notes.append(f"pre-bind at {self.handle.now}")
        if self.answer is SUCCESS:
            return self.handle.write(PersistentVolumeClaim())
        return self.answer  # type: ignore[no-any-return]

    def unreserve(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        self.notes.append("unreserve")

    def reserve(self, state: CycleState, pod: PodInfo, node_name: str) -> Status:
        return SUCCESS

    def post_bind(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        self.notes.append("post-bind")
        if pod.pod.metadata.labels:
            raise ValueError("broken")


def start(preflight: Any = SUCCESS, answer: Any = SUCCESS, **more: Any) -> tuple[Scheduler, Api]:
    Toy.preflight, Toy.answer, Toy.notes = preflight, answer, []
    scheduler, api = world(node("a"), toy=Toy, at=("preBind", "reserve", "postBind"))
    api.create(scheduler, pod("p", "3", **more))
    scheduler.run(0)
    return scheduler, api


def test_a_plugin_with_nothing_to_do_is_left_out_and_the_pod_gets_no_nomination() -> None:
    _, api = start(SKIP)
    assert api.calls == [("bind", "p", "a")] and Toy.notes == ["post-bind"]


def test_a_plugin_with_something_to_do_nominates_the_node_before() -> None:
    _, api = start()
    assert api.calls == [("patch", "p", None, "a"), ("write", ""), ("bind", "p", "a")]
    assert Toy.notes == ["pre-bind at 0", "post-bind"]


def test_a_pod_that_has_this_nomination_is_not_patched() -> None:
    _, api = start(status={"nominatedNodeName": "a"})
    assert api.said("patch") == []


def test_pre_bind_may_take_its_time() -> None:
    scheduler, api = start(answer=Status(Code.Wait))
    assert api.said("bind") == [] and len(scheduler.queue.in_flight) == 0
    assert scheduler.next_due == 1 * SECOND
    scheduler.apply(node("b"), 5)
    Toy.answer = SUCCESS
    scheduler.run(7)
    assert Toy.notes == ["pre-bind at 0", "pre-bind at 5", "pre-bind at 7", "post-bind"]
    assert api.said("bind") == [("p", "a")] and scheduler.next_due is None


@pytest.mark.parametrize(
    ("preflight", "answer", "text", "reason"),
    [
        (error("lost"), SUCCESS, 'running PreBindPreFlight "Toy": lost', "SchedulerError"),
        (
            unschedulable("no"), SUCCESS,
            'PreBindPreFlight Toy returned "Unschedulable", which is unsupported. It is supposed to return Success, '
            "Skip, or Error status", "SchedulerError",
        ),
        (SUCCESS, error("lost"), 'running PreBind plugin "Toy": lost', "SchedulerError"),
        (SUCCESS, unschedulable("no"), "no", "Unschedulable"),
    ],
)  # fmt: skip
def test_a_failure_takes_everything_back(preflight: Any, answer: Any, text: str, reason: str) -> None:
    scheduler, api = start(preflight, answer)
    assert api.notes("FailedScheduling") == [text] and Toy.notes[-1] == "unreserve"
    assert api.said("patch")[-1][1].reason == reason
    assert scheduler.cluster.nodes.pod_count.tolist() == [0]
    assert [info.key for info in scheduler.queue.backoff_q.pod_error_backoff_q.list()] == ["default/p"]


def test_a_victim_in_pre_bind_is_stopped_in_memory() -> None:
    scheduler, api = start(answer=Status(Code.Wait))
    Toy.preflight = SKIP
    api.create(scheduler, pod("high", "3", priority=9))
    scheduler.run(1)
    assert api.said("delete") == []
    assert api.notes("Preempted") == ["Preempted by pod uid-high on node a (in kube-scheduler memory)."]
    assert 'running PreBind plugin "Toy": preempted by DefaultPreemption' in api.notes("FailedScheduling")
    assert api.said("bind") == [("high", "a")]


def test_a_plugin_that_raises_in_post_bind_is_named_and_changes_nothing() -> None:
    with pytest.warns(RuntimeWarning, match="plugin Toy, postBind, pod default/p, node a: broken"):
        _, api = start(SKIP, labels={"x": "y"})
    assert len(api.notes("Scheduled")) == 1
