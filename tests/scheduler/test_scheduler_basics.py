"""The scheduler from the arrival of a pod to its binding, and which pods it does not try."""

from __future__ import annotations

import pytest

from sched_core import NodeColumns, Plugin, PodInfo, Scheduler, Status, error, replaced
from tests.scheduler.api import SECOND, Api, config, node, pod, world


def usage(nodes: NodeColumns) -> list[int]:
    return nodes.pod_count.tolist()  # type: ignore[no-any-return]


def test_a_pod_is_bound_and_confirmed() -> None:
    scheduler, api = world(node("a"))
    api.create(scheduler, pod("p"))
    assert scheduler.run(2) == 1
    assert api.said("bind") == [("p", "a")]
    assert api.notes("Scheduled") == ["Successfully assigned default/p to a"]
    assert set(scheduler.handlers.assumed) == {"uid-p"}
    api.echo(scheduler, 3)
    assert not scheduler.handlers.assumed and scheduler.run(4) == 0 and scheduler.next_due is None
    assert usage(scheduler.cluster.nodes) == [1] and api.said("patch") == []


@pytest.mark.parametrize("change", ["node", "labels", "start"])
def test_a_pod_is_confirmed_as_it_is_reported(change: str) -> None:
    scheduler, api = world(node("a", cpu="8"), node("b"))
    api.create(scheduler, pod("p"))
    scheduler.run(0)
    bound = api.pods["default/p"]
    if change == "node":
        api.change(replaced(bound, spec=replaced(bound.spec, node_name="b")))
    elif change == "labels":
        api.change(replaced(bound, metadata=replaced(bound.metadata, labels={"x": "y"})))
    else:
        api.change(replaced(bound, status=replaced(bound.status, start_time="2026-01-01T00:00:00Z")))
    api.told = api.told[-1:]
    api.echo(scheduler, 1)
    nodes = scheduler.cluster.nodes
    number = nodes.pods.find("default/p")
    assert number is not None and usage(nodes) == ([0, 1] if change == "node" else [1, 0])
    record = scheduler.cluster.classes.pods[nodes.pods.class_of[number]]
    assert record.metadata.labels == ({"x": "y"} if change == "labels" else {})
    assert (nodes.pods.start_time[number] < 2**62) == (change == "start")


def test_an_assumed_pod_stays_until_somebody_says_something() -> None:
    scheduler, api = world(node("a"))
    api.create(scheduler, pod("p"))
    scheduler.run(0)
    scheduler.run(10**6 * SECOND)
    assert set(scheduler.handlers.assumed) == {"uid-p"} and usage(scheduler.cluster.nodes) == [1]


@pytest.mark.parametrize("how", ["deleted", "terminating"])
def test_an_assumed_pod_that_goes_gives_its_room_back(how: str) -> None:
    scheduler, api = world(node("a", cpu="1"))
    api.outcomes["p"] = None
    api.create(scheduler, pod("p"))
    scheduler.run(0)
    api.create(scheduler, pod("q"))
    assert scheduler.run(0) == 1 and len(scheduler.queue.unschedulable_pods) == 1
    known = api.pods["default/p"]
    if how == "deleted":
        api.remove(known)
    else:
        meta = replaced(known.metadata, deletion_timestamp="2026-01-01T00:00:00Z")
        api.change(replaced(known, metadata=meta))
    api.echo(scheduler, 1)
    scheduler.run(1)
    assert usage(scheduler.cluster.nodes) == [1] and api.said("bind")[-1] == ("q", "a")
    scheduler.binding_finished("uid-p", Status(), 2)
    with pytest.raises(KeyError):
        scheduler.binding_finished("uid-p", Status(), 2)


def test_pods_that_are_being_deleted_are_not_tried() -> None:
    scheduler, api = world(node("a"))
    waiting = pod("p")
    api.create(scheduler, waiting)
    api.change(replaced(waiting, metadata=replaced(waiting.metadata, deletion_timestamp="2026-01-01T00:00:00Z")))
    api.create(scheduler, pod("q"))
    assert scheduler.run(0) == 2
    assert api.notes("FailedScheduling") == ["skip schedule deleting pod: default/p"]
    assert api.said("bind") == [("q", "a")] and api.said("patch") == [] and len(scheduler.queue) == 0


def test_a_pod_that_comes_back_while_it_is_assumed_is_not_tried_again() -> None:
    scheduler, api = world(node("a"))
    api.outcomes["p"] = None
    api.create(scheduler, pod("p"))
    scheduler.run(0)
    scheduler.queue.add(api.pods["default/p"], 1)
    assert scheduler.run(1) == 1 and api.said("bind") == [("p", "a")]
    assert len(scheduler.queue) == 0 and len(scheduler.queue.in_flight) == 0


def test_pods_of_other_schedulers_count_only_once_they_have_a_node() -> None:
    scheduler, api = world(node("a"))
    api.create(scheduler, pod("p", schedulerName="other"))
    assert scheduler.run(0) == 0 and len(scheduler.queue) == 0
    api.bound(api.pods["default/p"], "a")
    api.echo(scheduler, 0)
    assert usage(scheduler.cluster.nodes) == [1]


def test_a_limit_leaves_the_rest_in_the_queue() -> None:
    scheduler, api = world(node("a", cpu="9"))
    api.create(scheduler, *(pod(f"p{number}", priority=number) for number in range(5)))
    assert scheduler.run(0, limit=2) == 2
    assert [name for name, _ in api.said("bind")] == ["p4", "p3"]
    assert [info.pod.metadata.name for info in scheduler.queue.active_q.list()] == ["p2", "p1", "p0"]
    assert scheduler.run(0) == 3


class Toy(Plugin):
    """A bind plugin that takes the pods with a label."""

    bound: tuple[str, ...] = ()

    def bind(self, state: object, pod: PodInfo, node_name: str) -> Status:
        if "own" not in pod.pod.metadata.labels:
            return Status(code=5)  # type: ignore[arg-type]
        Toy.bound += (f"{pod.key} to {node_name}",)
        return Status()


def test_a_bind_plugin_that_does_not_skip_binds_instead_of_the_client() -> None:
    api = Api()
    plugins = {"bind": {"disabled": [{"name": "*"}], "enabled": [{"name": "Toy"}, {"name": "DefaultBinder"}]}}
    profiles = [{"schedulerName": "default-scheduler", "plugins": plugins}]
    scheduler = Scheduler(api, config(profiles=profiles), plugins={"Toy": Toy})
    scheduler.apply(node("a"), 0)
    api.create(scheduler, pod("p"), pod("q", labels={"own": ""}))
    scheduler.run(0)
    assert Toy.bound == ("default/q to a",) and api.said("bind") == [("p", "a")]
    assert len(api.notes("Scheduled")) == 2


def test_a_late_answer_for_a_pod_that_is_gone_does_not_touch_the_one_that_has_its_name() -> None:
    scheduler, api = world(node("a", cpu="8"))
    api.outcomes["p"] = None
    api.create(scheduler, pod("p"))
    scheduler.run(0)
    api.remove(api.pods["default/p"])
    api.create(scheduler, pod("p", uid="another"))
    scheduler.run(1)
    scheduler.binding_finished("uid-p", error("not found"), 2)
    assert set(scheduler.handlers.assumed) == {"another"} and usage(scheduler.cluster.nodes) == [1]
    assert api.said("patch") == [] and api.notes("FailedScheduling") == []
