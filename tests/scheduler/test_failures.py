"""Attempts that fail: where the pod goes, and what is published of it."""

from __future__ import annotations

import pytest

from sched_core import Pod, error, replaced, unschedulable
from sched_core.scheduler.client import NOTE_LIMIT, cut
from sched_core.scheduler.conditions import updated_condition
from tests.scheduler.api import SECOND, node, pod, world

START = 1_767_225_600 * SECOND
"""2026-01-01T00:00:00Z."""


def test_a_pod_that_fits_nowhere_waits_for_room() -> None:
    scheduler, api = world(node("a"), start=START)
    waiting = pod("p", "8")
    waiting.metadata.generation = 3
    api.create(scheduler, waiting, now=START)
    assert scheduler.run(START) == 1 and scheduler.run(START) == 0
    (text,) = api.notes("FailedScheduling")
    assert text == (
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: "
        "0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )
    ((name, condition, nominated),) = api.said("patch")
    assert (name, nominated, condition.type, condition.status) == ("p", None, "PodScheduled", "False")
    assert (condition.reason, condition.message) == ("Unschedulable", text)
    assert (condition.last_transition_time, condition.observed_generation) == ("2026-01-01T00:00:00Z", 3)
    api.echo(scheduler, START)
    assert scheduler.run(START) == 0
    scheduler.apply(node("b", cpu="9"), START + 5 * SECOND)
    assert scheduler.run(START + 5 * SECOND) == 1 and api.said("bind") == [("p", "b")]


def test_a_condition_that_is_there_already_is_not_patched_again_but_the_event_is() -> None:
    scheduler, api = world(node("a"))
    api.create(scheduler, pod("p", "8"))
    scheduler.run(0)
    api.echo(scheduler, 0)
    scheduler.apply(node("a", cpu="5"), 60 * SECOND)
    assert scheduler.run(60 * SECOND) == 0  # still too small: the hint knows
    scheduler.queue.activate([api.pods["default/p"]], 60 * SECOND)
    assert scheduler.run(60 * SECOND) == 1
    assert len(api.said("patch")) == 1 and len(api.notes("FailedScheduling")) == 2


def test_without_nodes_a_pod_backs_off_as_after_an_error() -> None:
    scheduler, api = world()
    api.create(scheduler, pod("p", status={"nominatedNodeName": "gone"}))
    scheduler.run(0)
    assert api.notes("FailedScheduling") == ["no nodes available to schedule pods"]
    ((_, condition, nominated),) = api.said("patch")
    assert (condition.reason, nominated) == ("Unschedulable", "")
    assert [info.key for info in scheduler.queue.backoff_q.pod_error_backoff_q.list()] == ["default/p"]
    scheduler.apply(node("a"), 1)
    assert scheduler.run(1) == 0 and scheduler.run(2 * SECOND) == 1


def test_a_pod_that_this_version_cannot_decide_on_is_held_back_by_name() -> None:
    scheduler, api = world(node("a"))
    claims = [{"name": "gpu", "resourceClaimName": "g"}]
    with pytest.warns(RuntimeWarning, match="plugin DynamicResources, preEnqueue, pod default/p: NotSupported"):
        api.create(scheduler, pod("p", resourceClaims=claims))
    assert scheduler.run(0) == 0
    (info,) = scheduler.queue.unschedulable_pods
    assert (info.gating_plugin, info.gated) == ("DynamicResources", True)


@pytest.mark.parametrize("now", ["gone", "bound", "recreated"])
def test_a_pod_that_has_changed_its_fate_does_not_come_back(now: str) -> None:
    scheduler, api = world(node("a"))
    api.outcomes["p"] = None
    api.create(scheduler, pod("p"))
    scheduler.run(0)
    known = api.pods["default/p"]
    if now == "bound":
        api.bound(known, "a")
    else:
        api.remove(known)
    if now == "recreated":
        api.create(scheduler, pod("p", "9", uid="another"))
    api.echo(scheduler, 1)
    scheduler.binding_finished("uid-p", error("it is too late"), 1)
    text = 'running Bind plugin "DefaultBinder": it is too late'
    assert api.notes("FailedScheduling") == ([] if now == "recreated" else [text])
    assert scheduler.cluster.nodes.pod_count.tolist() == [int(now == "bound")]
    waiting = [info.uid for info in scheduler.queue.active_q.list()]
    assert waiting == (["another"] if now == "recreated" else [])


def test_a_binding_that_fails_frees_the_node_for_others_and_is_tried_again() -> None:
    scheduler, api = world(node("a", cpu="1"))
    api.outcomes["p"] = None
    api.create(scheduler, pod("p", priority=1), pod("q"))
    assert scheduler.run(0) == 2
    assert [info.key for info in scheduler.queue.unschedulable_pods] == ["default/q"]
    scheduler.binding_finished("uid-p", error("conflict"), 0)
    assert scheduler.run(0) == 1 and api.said("bind")[-1] == ("q", "a")
    ((name, condition, _),) = [call for call in api.said("patch") if call[0] == "p"]
    assert (name, condition.reason) == ("p", "SchedulerError")
    api.remove(api.pods["default/q"])
    api.outcomes.clear()
    api.echo(scheduler, 0)
    assert scheduler.run(1 * SECOND) == 0  # in the second in which its back-off ends
    assert scheduler.run(2 * SECOND) == 1 and api.said("bind")[-1] == ("p", "a")


def test_a_binding_that_is_refused_does_not_move_the_pod_itself() -> None:
    scheduler, api = world(node("a", cpu="1"))
    api.outcomes["p"] = unschedulable("no")
    api.create(scheduler, pod("p", priority=1), pod("q"))
    assert scheduler.run(0) == 3
    assert [info.key for info in scheduler.queue.backoff_q.pod_error_backoff_q.list()] == ["default/p"]
    assert [call[1].reason for call in api.said("patch")] == ["Unschedulable", "Unschedulable"]
    assert api.said("bind") == [("p", "a"), ("q", "a")]


def test_notes_are_cut_and_conditions_are_not() -> None:
    assert cut("x" * NOTE_LIMIT) == "x" * NOTE_LIMIT
    assert cut("x" * 2000) == "x" * 1020 + " ..."
    assert cut("é" * 600) == "é" * 510 + " ..."
    assert len(cut("xé" * 600).encode()) <= NOTE_LIMIT
    scheduler, api = world(node("a"))
    api.outcomes["p"] = error("y" * 3000)
    api.create(scheduler, pod("p"))
    scheduler.run(0)
    assert len(api.notes("FailedScheduling")[0]) == NOTE_LIMIT
    assert len(api.said("patch")[0][1].message) > 3000


def test_the_time_of_a_condition_changes_with_its_status() -> None:
    conditions = [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}]
    old = pod("p", status={"conditions": conditions})

    def updated(pod: Pod, status: str, reason: str = "") -> str | None:
        found = updated_condition(pod, "PodScheduled", status, reason, "", START)
        return found.last_transition_time if found is not None else None

    assert updated(old, "True") is None
    assert updated(old, "True", "Other") == "2020-01-01T00:00:00Z"
    assert updated(old, "False") == "2026-01-01T00:00:00Z"
    probed = replaced(old.status.conditions[0], last_probe_time="2020-01-01T00:00:00Z")
    old = replaced(old, status=replaced(old.status, conditions=(probed,)))
    assert updated(old, "True") == "2020-01-01T00:00:00Z"
