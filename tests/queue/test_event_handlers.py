"""What the informers report: repeated, out of the blue, and while a pod is in flight."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sched_core import Pod, QueueingHint
from sched_core.objects.records import Namespace, PersistentVolume, Service
from sched_core.queue import EventHandlers, QueuedPodInfo
from sched_core.queue.event_handlers import with_node
from tests.queue.toys import PLUGINS, SECOND, Crowded, handlers, node, places, pod, registration


def popped(told: EventHandlers) -> QueuedPodInfo:
    info = told.queue.pop()
    assert info is not None
    return info


def rejected(*, by: str = "Crowded", name: str = "a", pending: bool = False, **spec: Any) -> EventHandlers:
    """Return a queue in which a pod has been rejected once."""
    told = handlers()
    told.apply(pod(name, **spec), 0)
    plugins = frozenset({by})
    told.handle_scheduling_failure(popped(told), 0, *((frozenset(), plugins) if pending else (plugins,)))
    return told


def test_an_unchanged_resource_version_is_ignored() -> None:
    told = rejected()
    told.apply(pod(labels={"x": "y"}), 1)
    assert places(told) == {"unschedulable": ["a"]}
    told.apply(pod(labels={"x": "z"}, version="2"), 1)
    assert places(told) == {"backoff": ["a"]}


def test_a_change_of_an_active_pod_replaces_it_at_its_place() -> None:
    told = handlers()
    told.apply(pod("a"), 0)
    told.apply(pod("b"), 1)
    told.apply(pod("a", version="2", labels={"x": "y"}), 2)
    assert places(told) == {"active": ["a", "b"]}
    told.apply(pod("b", version="2", priority=7), 3)
    assert places(told) == {"active": ["b", "a"]}
    assert [popped(told).pod.spec.priority, popped(told).pod.metadata.labels] == [7, {"x": "y"}]


def test_a_change_in_flight_is_kept_for_the_end_of_the_attempt() -> None:
    told = handlers()
    told.apply(pod(), 0)
    info = popped(told)
    told.apply(pod(version="2", labels={"x": "y"}), 1)
    assert places(told) == {"inFlight": ["a"]}
    told.handle_scheduling_failure(info, 2, frozenset({"Crowded"}))
    assert places(told) == {"backoff": ["a"]}
    assert info.pod.metadata.labels == {"x": "y"}


def test_a_pod_that_is_deleted_in_flight_does_not_come_back() -> None:
    told = handlers()
    told.apply(pod(), 0)
    info = popped(told)
    told.delete("Pod", "default/a", 1)
    assert places(told) == {"inFlight": ["a"]}
    assert not told.handle_scheduling_failure(info, 2, frozenset({"Crowded"}))
    assert places(told) == {}


def test_a_pod_that_is_created_again_in_flight_is_another_one() -> None:
    told = handlers()
    told.apply(pod(uid="first"), 0)
    info = popped(told)
    told.delete("Pod", "default/a", 1)
    told.apply(pod(uid="second"), 2)
    assert places(told) == {"active": ["a"], "inFlight": ["a"]}
    second = popped(told)
    assert (second.uid, second.attempts) == ("second", 1)
    assert not told.handle_scheduling_failure(info, 3, frozenset({"Crowded"}))
    assert places(told) == {"inFlight": ["a"]}
    assert told.handle_scheduling_failure(second, 3, frozenset({"Crowded"}))
    assert places(told) == {"unschedulable": ["a"]}


def test_a_pod_that_got_a_node_in_flight_does_not_come_back() -> None:
    told = handlers()
    told.apply(pod(), 0)
    info = popped(told)
    told.apply(pod(nodeName="n"), 1)
    assert not told.handle_scheduling_failure(info, 2)
    assert places(told) == {}


def test_pods_without_uid_are_told_apart_by_name() -> None:
    told = handlers()
    for name in ("a", "b"):
        told.apply(msgspec.convert({"kind": "Pod", "metadata": {"name": name, "namespace": "default"}}, Pod), 0)
    infos = [popped(told), popped(told)]
    assert [told.handle_scheduling_failure(info, 1, frozenset({"Zones"})) for info in infos] == [True, True]
    assert places(told) == {"unschedulable": ["a", "b"]}


def test_a_popped_pod_that_is_in_flight_already_is_passed_over() -> None:
    told = handlers()
    told.apply(pod(), 0)
    first = popped(told)
    told.queue.add(pod(), 1)
    assert told.queue.pop() is None
    assert places(told) == {"inFlight": ["a"]} and first.attempts == 1


def test_a_failed_pod_that_is_in_the_queue_already_is_refused() -> None:
    told = handlers()
    told.apply(pod(), 0)
    info = popped(told)
    told.queue.add(pod(), 1)
    with pytest.raises(ValueError, match="Pod default/a is already present in the active queue"):
        told.handle_scheduling_failure(info, 2)
    assert places(told) == {"active": ["a"]} and info.consecutive_errors_count == 0
    told.handle_scheduling_failure(popped(told), 2)
    with pytest.raises(ValueError, match="Pod default/a is already present in the backoff queue"):
        told.queue.add_unschedulable_if_not_present(info, 3)
    waiting = rejected()
    with pytest.raises(ValueError, match="Pod default/a is already present in unschedulable queue"):
        waiting.queue.add_unschedulable_if_not_present(info, 3)


def test_a_pod_of_another_scheduler_is_ignored_until_it_has_a_node() -> None:
    told = rejected()
    told.apply(pod("b", schedulerName="another"), 1)
    told.apply(pod("b", schedulerName="another", version="2", labels={"x": "y"}), 1)
    assert places(told) == {"unschedulable": ["a"]}
    told.apply(pod("b", schedulerName="another", version="3", nodeName="n"), 1)
    told.delete("Pod", "default/b", 2)
    assert places(told) == {"backoff": ["a"]}


def test_a_pod_that_has_ended_counts_as_deleted() -> None:
    told = rejected()
    told.apply(pod("b", nodeName="n"), 1)
    told.apply(pod("b", nodeName="n", status={"phase": "Succeeded"}), 2)
    assert places(told) == {"backoff": ["a"]}
    assert told.cluster.nodes.pods.find("default/b") is None
    told.apply(pod("c", status={"phase": "Failed"}), 3)
    assert told.pod("default/c") is None


def test_events_move_only_the_pods_that_they_help() -> None:
    told = rejected(by="Zones", labels={"zone": "x"})
    told.apply(node("n", labels={"zone": "y"}), 1)
    assert places(told) == {"unschedulable": ["a"]}
    told.apply(node("n", labels={"zone": "x"}), 1)
    assert places(told) == {"backoff": ["a"]}


def test_one_that_answered_pending_is_tried_at_once() -> None:
    told = rejected(by="Zones", pending=True, labels={"zone": "x"})
    told.apply(node("n", labels={"zone": "x"}), 1)
    assert places(told) == {"active": ["a"]}


def test_an_event_that_comes_after_the_end_of_the_backoff_makes_active() -> None:
    told = rejected(by="Zones", labels={"zone": "x"})
    told.apply(node("n", labels={"zone": "x"}), 2 * SECOND)
    assert places(told) == {"active": ["a"]}


def test_a_deleted_node_is_told_before_it_goes() -> None:
    told = handlers()
    seen = []

    class Watches(Crowded):
        def events_to_register(self) -> Any:
            def look(pod: Pod, old: Any, new: Any) -> QueueingHint:
                seen.append((old.metadata.name, new, "n" in told.cluster.nodes.row_of))
                return QueueingHint.QueueSkip

            return (registration("Node", 2, look),)  # type: ignore[arg-type]

    told = handlers(*PLUGINS[:3], Watches())
    told.apply(node("n"), 0)
    told.apply(pod(), 0)
    told.handle_scheduling_failure(popped(told), 0, frozenset({"Crowded"}))
    told.delete("Node", "n", 1)
    assert seen == [("n", None, True)]
    assert "n" not in told.cluster.nodes.row_of


def test_gates_hold_a_pod_until_they_are_gone() -> None:
    told = handlers()
    gates = [{"name": "one"}, {"name": "two"}]
    told.apply(pod(schedulingGates=gates), 5)
    told.apply(pod(schedulingGates=gates[:1], version="2"), 6)
    told.apply(node("n"), 7)
    assert places(told) == {"gated": ["a"]}
    told.queue.activate([pod()], 7)
    assert places(told) == {"gated": ["a"]}
    told.apply(pod(version="3"), 8)
    assert places(told) == {"active": ["a"]}
    info = popped(told)
    assert (info.timestamp, info.initial_attempt_timestamp) == (5, 8)


@pytest.mark.parametrize("how", ["activated", "flushed"])
def test_gates_are_not_looked_at_when_a_pod_leaves_backoff(how: str) -> None:
    told = rejected(by="Zones", labels={"zone": "x"})
    told.apply(node("n", labels={"zone": "x"}), 1)
    told.apply(pod(version="2", labels={"zone": "x"}, schedulingGates=[{"name": "late"}]), 2)
    assert places(told) == {"backoff": ["a"]}
    if how == "activated":
        told.queue.activate([pod()], 3)
    else:
        told.queue.flush_backoff_q_completed(10 * SECOND)
    assert places(told) == {"active": ["a"]}


def test_activate_in_flight_counts_at_the_end_for_this_pod_only() -> None:
    told = handlers()
    for name in ("a", "b"):
        told.apply(pod(name), 0)
    infos = [popped(told), popped(told)]
    told.queue.activate([pod("a")], 1)
    for info in infos:
        told.handle_scheduling_failure(info, 1, frozenset({"Zones"}))
    assert places(told) == {"backoff": ["a"], "unschedulable": ["b"]}


def test_a_timeout_of_another_pod_helps_those_in_flight() -> None:
    told = rejected(by="Zones")
    told.apply(pod("b"), 1)
    info = popped(told)
    told.queue.flush_unschedulable_pods_leftover(400 * SECOND)
    told.handle_scheduling_failure(info, 400 * SECOND, frozenset({"Zones"}))
    assert places(told) == {"active": ["a"], "backoff": ["b"]}


def test_binding_confirms_what_was_assumed() -> None:
    told = rejected()
    told.apply(node("n"), 0)
    told.apply(pod("b"), 1)
    info = popped(told)
    told.assume(info.pod, "n")
    told.cluster.add_pod(with_node(info.pod, "n"))
    told.apply(pod("b", version="2", labels={"x": "y"}), 1)
    told.queue.done(info.uid)
    told.apply(pod("b", version="3", nodeName="n"), 2)
    assert places(told) == {"unschedulable": ["a"]}
    assert told.cluster.nodes.pod_count[0] == 1


@pytest.mark.parametrize("at_once", [True, False])
def test_an_assumed_pod_that_is_deleted_gives_its_node_back(at_once: bool) -> None:
    told = rejected()
    told.apply(node("n"), 0)
    told.apply(pod("b"), 1)
    info = popped(told)
    told.assume(info.pod, "n")
    told.cluster.add_pod(with_node(info.pod, "n"))
    if at_once:
        told.delete("Pod", "default/b", 2)
    else:
        going = pod("b", version="2")
        going.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
        told.apply(going, 2)
    assert told.cluster.nodes.pod_count[0] == 0
    assert places(told) == {"backoff": ["a"], "inFlight": ["b"]}


@pytest.mark.parametrize(("priority", "moved"), [(0, True), (5, True), (6, False)])
def test_a_nomination_that_ends_helps_pods_of_no_higher_priority(priority: int, moved: bool) -> None:
    for change in ("deleted", "elsewhere", "none"):
        told = rejected(priority=priority)
        told.apply(pod("b", priority=5, status={"nominatedNodeName": "n"}), 1)
        if change == "deleted":
            told.delete("Pod", "default/b", 2)
        else:
            status = {"nominatedNodeName": "m"} if change == "elsewhere" else {}
            told.apply(pod("b", priority=5, version="2", status=status), 2)
        assert (places(told).get("backoff") == ["a"]) == moved, change


def test_nominations_follow_the_pods() -> None:
    told = handlers()
    nominator = told.queue.nominator
    told.apply(pod("a", status={"nominatedNodeName": "n"}), 0)
    told.apply(pod("b"), 0)
    assert [each.key for each in nominator.on("n")] == ["default/a"]
    known = told.pod("default/b")
    assert known is not None
    info = told.cluster.classes.info
    nominator.nominate(info(known), "n")
    told.apply(pod("b", version="2", labels={"x": "y"}), 1)  # its status does not show the nomination yet
    assert [each.key for each in nominator.on("n")] == ["default/a", "default/b"]
    told.apply(pod("a", version="2"), 1)
    assert [each.key for each in nominator.on("n")] == ["default/b"]
    nominator.nominate(info(known), "")
    assert nominator.on("n") == []
    nominator.nominate(info(known), "n")
    told.assume(known, "m")
    assert len(nominator) == 0
    nominator.nominate(info(pod("gone")), "n")
    told.apply(pod("b", nodeName="n", version="3"), 2)
    nominator.nominate(info(known), "n")
    assert len(nominator) == 0


def test_other_objects_reach_the_cluster_and_the_queue() -> None:
    volume = msgspec.convert({"kind": "PersistentVolume", "metadata": {"name": "v"}}, PersistentVolume)
    told = rejected(by="PrioritySort")  # registers nothing: everything helps
    told.apply(msgspec.convert({"kind": "Namespace", "metadata": {"name": "x", "labels": {"a": "b"}}}, Namespace), 1)
    service = {"kind": "Service", "metadata": {"name": "s", "namespace": "default"}}
    told.apply(msgspec.convert(service, Service), 1)
    assert places(told) == {"unschedulable": ["a"]}
    assert told.cluster.namespaces == {"x": {"a": "b"}} and told.cluster.others["Service"]
    told.apply(volume, 2)
    assert places(told) == {"backoff": ["a"]}
    told.delete("PersistentVolume", "v", 3)
    told.delete("Service", "default/s", 3)
    told.delete("Namespace", "x", 3)
    assert told.cluster.namespaces == {} and not told.cluster.others["Service"]


def test_a_hint_that_raises_counts_as_queue_and_is_told() -> None:
    class Broken(Crowded):
        def events_to_register(self) -> Any:
            return (registration("Node", 1, lambda pod, old, new: 1 // 0),)  # type: ignore[arg-type]

    told = handlers(*PLUGINS[:3], Broken())
    told.apply(pod(), 0)
    told.handle_scheduling_failure(popped(told), 0, frozenset({"Crowded"}))
    with pytest.warns(RuntimeWarning, match="plugin Crowded, queueing_hint_fn, pod default/a: ZeroDivisionError"):
        told.apply(node("n"), 1)
    assert places(told) == {"backoff": ["a"]}


def test_events_that_nobody_needs_are_forgotten() -> None:
    told = handlers()
    infos = []
    for number, name in enumerate(("a", "b", "c")):
        told.apply(pod(name), 0)
        infos.append(popped(told))
        told.apply(node(f"n{number}"), number)
    in_flight = told.queue.in_flight
    assert (len(in_flight), in_flight.event_count) == (3, 3)
    counts = []
    for info in (infos[1], infos[0], infos[2]):
        told.queue.done(info.uid)
        counts.append(in_flight.event_count)
    assert counts == [3, 1, 0]
    told.queue.done(infos[0].uid)
    told.apply(node("n3"), 3)
    assert in_flight.event_count == 0
