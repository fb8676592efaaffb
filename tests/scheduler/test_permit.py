"""Pods that wait at Permit: allowed, rejected, out of time, deleted, preempted."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from sched_core import (
    SUCCESS,
    Code,
    CycleState,
    Plugin,
    PodInfo,
    Scheduler,
    Status,
    WaitingPod,
    error,
    pod_key,
    unschedulable,
)
from tests.scheduler.api import SECOND, Api, node, pod, world


class Toy(Plugin):
    """Answers what a test has set for a pod's name; notes Reserve and Unreserve."""

    answers: ClassVar[dict[str, Any]] = {}
    notes: ClassVar[list[str]] = []

    def reserve(self, state: CycleState, pod: PodInfo, node_name: str) -> Status:
        self.notes.append(f"reserve {pod.pod.metadata.name}")
        return self.answers.get("reserve", SUCCESS)  # type: ignore[no-any-return]

    def unreserve(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        self.notes.append(f"unreserve {pod.pod.metadata.name}")

    def permit(self, state: CycleState, pod: PodInfo, node_name: str) -> Any:
        answer = self.answers.get(pod.pod.metadata.name, SUCCESS)
        return answer(self, state) if callable(answer) else answer


def start(*pods: Any, cpu: str = "4", **answers: Any) -> tuple[Scheduler, Api]:
    Toy.answers, Toy.notes = answers, []
    scheduler, api = world(node("a", cpu=cpu), toy=Toy, at=("permit", "reserve"))
    api.create(scheduler, *pods)
    scheduler.run(0)
    return scheduler, api


def wait(seconds: float = 60) -> tuple[Status, float]:
    return Status(Code.Wait), seconds


def waiting_of(scheduler: Scheduler) -> list[WaitingPod]:
    return scheduler.engine.profiles["default-scheduler"].handle.waiting_pods()


def test_a_pod_waits_with_its_nomination_until_it_is_allowed() -> None:
    scheduler, api = start(pod("p"), p=wait())
    assert api.said("bind") == [] and api.said("patch") == [("p", None, "a")]
    assert len(scheduler.queue.in_flight) == 1 and set(scheduler.handlers.assumed) == {"uid-p"}
    (waiting,) = waiting_of(scheduler)
    assert (waiting.pod.metadata.name, waiting.node_name, waiting.pending_plugins) == ("p", "a", ["Toy"])
    waiting.allow("Toy")
    waiting.reject("Toy", "too late")
    scheduler.run(1)
    assert api.said("bind") == [("p", "a")] and waiting_of(scheduler) == []
    assert len(scheduler.queue.in_flight) == 0 and Toy.notes == ["reserve p"]
    assert scheduler.run(3600 * SECOND) == 0


@pytest.mark.parametrize(("seconds", "waited"), [(10, "10s"), (90, "1m30s"), (1.5, "1.5s"), (3600, "15m0s")])
def test_time_runs_out(seconds: float, waited: str) -> None:
    scheduler, api = start(pod("p"), p=wait(seconds))
    due = min(round(seconds * SECOND), 900 * SECOND)
    assert scheduler.next_due == due and scheduler.run(due - 1) == 0 and api.notes("FailedScheduling") == []
    Toy.answers["p"] = SUCCESS
    scheduler.run(due)
    text = f"0/1 nodes are available: 1 rejected due to timeout after waiting {waited} at plugin Toy."
    assert api.notes("FailedScheduling") == [text]
    assert Toy.notes == ["reserve p", "unreserve p"]
    (info,) = scheduler.queue.unschedulable_pods
    assert info.unschedulable_plugins == {"Toy"} and scheduler.cluster.nodes.pod_count.tolist() == [0]
    assert api.said("patch")[-1][1].reason == "Unschedulable"


def test_what_a_rejected_pod_gives_back_helps_others_and_not_itself() -> None:
    scheduler, api = start(pod("p", priority=1), pod("q"), cpu="1", p=wait())
    assert [info.key for info in scheduler.queue.unschedulable_pods] == ["default/q"]
    waiting_of(scheduler)[0].reject("Other", "no")
    scheduler.run(0)
    assert api.said("bind") == [("q", "a")]
    (info,) = scheduler.queue.unschedulable_pods
    assert (info.key, info.unschedulable_plugins) == ("default/p", frozenset({"Other"}))


@pytest.mark.parametrize(
    ("answer", "text", "blamed", "reason"),
    [
        (unschedulable("no", "never"), "0/1 nodes are available: 1 never, 1 no.", {"Toy"}, "Unschedulable"),
        (Status(Code.Pending, ("later",)), "0/1 nodes are available: 1 later.", {"Toy"}, "Unschedulable"),
        (error("broken"), 'running Permit plugin "Toy": broken', set(), "SchedulerError"),
        ("nonsense", 'running Permit plugin "Toy": it returned no Status', set(), "SchedulerError"),
    ],
)
def test_a_refusal_at_permit_takes_everything_back(answer: Any, text: str, blamed: set[str], reason: str) -> None:
    scheduler, api = start(pod("p", status={"nominatedNodeName": "a"}), p=answer)
    assert api.notes("FailedScheduling") == [text]
    (info,) = [*scheduler.queue.unschedulable_pods, *scheduler.queue.backoff_q.pod_error_backoff_q.list()]
    assert info.unschedulable_plugins == blamed
    assert ("later" in text) == bool(info.pending_plugins)
    ((_, condition, nominated),) = api.said("patch")
    assert (condition.reason, nominated) == (reason, "")
    assert Toy.notes == ["reserve p", "unreserve p"] and scheduler.cluster.nodes.pod_count.tolist() == [0]


def test_a_refusal_at_reserve_takes_everything_back() -> None:
    scheduler, api = start(pod("p"), reserve=unschedulable("taken"))
    assert api.notes("FailedScheduling") == ["0/1 nodes are available: 1 taken."]
    assert Toy.notes == ["reserve p", "unreserve p"] and not scheduler.handlers.assumed


def test_events_during_the_wait_count_when_it_ends() -> None:
    scheduler, api = start(pod("p"), p=wait())
    scheduler.apply(node("b"), 0)  # Toy registers nothing: every event helps
    waiting_of(scheduler)[0].reject("Toy", "no")
    Toy.answers["p"] = SUCCESS
    scheduler.apply(node("c"), 0)
    assert [info.key for info in scheduler.queue.backoff_q.pod_backoff_q.list()] == ["default/p"]
    assert scheduler.run(0) == 1 and len(api.said("bind")) == 1


def test_a_waiting_pod_that_is_deleted_is_rejected() -> None:
    scheduler, api = start(pod("p"), p=wait())
    api.remove(api.pods["default/p"])
    api.echo(scheduler, 1)
    assert api.notes("FailedScheduling") == ["0/1 nodes are available: 1 removed."]
    assert len(scheduler.queue) == 0 and len(scheduler.queue.in_flight) == 0
    assert not scheduler.handlers.assumed and scheduler.cluster.nodes.pod_count.tolist() == [0]
    assert Toy.notes == ["reserve p", "unreserve p"]


def test_a_waiting_victim_is_stopped_in_memory_and_tried_again() -> None:
    scheduler, api = start(pod("p", "3"), p=wait())
    api.create(scheduler, pod("high", "3", priority=9))
    Toy.answers["p"] = SUCCESS
    scheduler.run(1)
    assert api.said("delete") == []
    assert api.notes("Preempted") == ["Preempted by pod uid-high on node a (in kube-scheduler memory)."]
    assert "waiting on permit for pod: preempted" in api.notes("FailedScheduling")
    assert api.said("bind") == [("high", "a")]
    assert [info.key for info in scheduler.queue.backoff_q.pod_error_backoff_q.list()] == ["default/p"]


def test_plugins_wake_other_pods() -> None:
    def wake(toy: Toy, state: CycleState) -> Status:
        for each in toy.handle.pods_labelled("default", "app", "sleeper"):
            state.pods_to_activate[pod_key(each)] = each
        return SUCCESS

    labels = {"app": "sleeper"}
    scheduler, api = start(pod("s", "9", labels=labels), pod("t", labels=labels, priority=-1), w=wake)
    assert len(scheduler.queue) == 1
    api.create(scheduler, pod("w"))
    assert scheduler.run(1) == 2 and api.notes("FailedScheduling")[1:] != []
    handle = scheduler.engine.profiles["default-scheduler"].handle
    handle.activate([api.pods["default/s"]])
    assert len(scheduler.queue.active_q) == 1 and handle.now == 1
    assert handle.pod("default/s") is not None and handle.pod("default/x") is None
    assert handle.is_assumed(pod("w")) and not handle.is_assumed(pod("s"))
