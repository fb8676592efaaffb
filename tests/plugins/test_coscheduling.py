"""Coscheduling under the scheduler: a group gets all its nodes or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from plugins.coscheduling import LABEL, read_args
from sched_core import (
    Cluster,
    Engine,
    NotSupported,
    PluginError,
    Pod,
    Scheduler,
    load_config,
    load_documents,
    replaced,
)
from tests.scheduler.api import SECOND, Api, node, pod

CONFIG: dict[str, Any] = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}


def config(**args: Any) -> Any:
    profile = {
        "plugins": {
            "queueSort": {"disabled": [{"name": "*"}], "enabled": [{"name": "Coscheduling"}]},
            "multiPoint": {"enabled": [{"name": "Coscheduling"}]},
        },
        "pluginConfig": [{"name": "Coscheduling", "args": args}],
    }
    return load_config({**CONFIG, "profiles": [profile]})


def group(name: str, members: int, created: str | None = None, **spec: Any) -> Any:
    metadata = {"name": name, "namespace": "default", **({"creationTimestamp": created} if created else {})}
    document = {
        "apiVersion": "scheduling.x-k8s.io/v1alpha1", "kind": "PodGroup", "metadata": metadata,
        "spec": {"minMember": members, **spec},
    }  # fmt: skip
    return load_documents([document]).others["PodGroup"][0]


def member(name: str, of: str = "g", cpu: str = "1", **more: Any) -> Pod:
    return pod(name, cpu, labels={LABEL: of}, **more)


class Gangs:
    """A scheduler with the plugin, its API server, and the time."""

    def __init__(self, nodes: Mapping[str, str], *groups: Any, **args: Any) -> None:
        self.api, self.now = Api(), 0
        self.scheduler = Scheduler(self.api, config(**args))
        for name, cpu in nodes.items():
            self.scheduler.apply(node(name, cpu), 0)
        for each in groups:
            self.scheduler.apply(each, 0)

    def add(self, *pods: Pod) -> None:
        for each in pods:
            self.api.change(each)
        self.settle()

    def settle(self, seconds: float = 0) -> None:
        """Let time pass, then run until nothing happens any more."""
        self.now += round(seconds * SECOND)
        for _ in range(100):
            told = self.api.echo(self.scheduler, self.now)
            if not self.scheduler.run(self.now) and not told and not self.api.told:
                return
        raise AssertionError("the scheduler never comes to rest")

    @property
    def bound(self) -> set[str]:
        return {each.metadata.name for each in self.api.pods.values() if each.spec.node_name}

    @property
    def waiting(self) -> set[str]:
        return {
            each.pod.metadata.name for each in self.scheduler.engine.profiles["default-scheduler"].handle.waiting_pods()
        }

    def reasons(self, name: str) -> list[str]:
        return [
            event.note
            for event in self.api.events
            if event.reason == "FailedScheduling" and event.regarding.metadata.name == name
        ]


def test_a_group_that_fits_is_bound_as_a_whole() -> None:
    here = Gangs({"a": "2", "b": "2"}, group("g", 3))
    here.add(member("x"), member("y"))
    assert (here.bound, here.waiting) == (set(), set())
    expected = "pre-filter pod x cannot find enough sibling pods, current pods number: 2, minMember of group: 3"
    assert f" nodes are available: {expected}. " in here.reasons("x")[0]
    here.now += 1
    here.add(member("z"))
    assert here.bound == {"x", "y", "z"}  # the last one has the others tried again
    here.add(member("extra"))
    assert here.bound == {"x", "y", "z", "extra"}


def test_pods_without_a_group_are_scheduled_as_ever() -> None:
    here = Gangs({"a": "1"})
    here.add(pod("p"), pod("q"))
    assert here.bound == {"p"}
    assert "can not find pod group" in here.reasons("q")[0]


def test_members_wait_as_long_as_one_is_held_back() -> None:
    here = Gangs({"a": "4"}, group("g", 3))
    gated = member("z", schedulingGates=[{"name": "example.com/later"}])
    here.add(member("x"), member("y"), gated)
    assert "pre-filter pod x cannot proceed due to gated pods in the same PodGroup" in here.reasons("x")[0]
    here.now += 1
    here.add(replaced(gated, spec=replaced(gated.spec, scheduling_gates=())))
    assert here.bound == {"x", "y", "z"}


def test_a_group_that_does_not_fit_holds_no_nodes() -> None:
    here = Gangs({"a": "2"}, group("g", 3))
    here.add(member("x"), member("y"), member("z"))
    assert (here.bound, here.waiting) == (set(), set())
    assert here.scheduler.cluster.nodes.pod_count.tolist() == [0]
    texts = [text for name in "xyz" for text in here.reasons(name)]
    assert any("due to Pod z is unschedulable even after PostFilter" in text for text in texts)
    assert any("optimistic rejection in PostFilter" in text for text in texts)


def test_a_group_gets_its_nodes_once_there_is_room() -> None:
    here = Gangs({"a": "2"}, group("g", 3))
    here.add(member("x"), member("y"), member("z"))
    here.scheduler.apply(node("b", "2"), here.now)
    for _ in range(20):
        here.settle(1)
    assert here.bound == {"x", "y", "z"}


def test_a_small_gap_rejects_nobody() -> None:
    names = [f"m{number:02d}" for number in range(10)]
    here = Gangs({"a": "9"}, group("g", 10))
    here.add(*map(member, names))
    assert here.waiting == set(names[:9])  # one of ten is lacking: that is no more than 10 %
    always = Gangs({"a": "9"}, group("g", 10), podGroupRejectPercentage=0)
    always.add(*map(member, names))
    assert always.waiting == set()


@pytest.mark.parametrize(
    ("spec", "args", "seconds"),
    [({"scheduleTimeoutSeconds": 7}, {}, 7), ({}, {}, 60), ({}, {"permitWaitingTimeSeconds": 5}, 5)],
)
def test_members_that_have_waited_for_too_long_give_their_nodes_back(spec: Any, args: Any, seconds: int) -> None:
    here = Gangs({"a": "9"}, group("g", 10, **spec), **args)
    here.add(*[member(f"m{number:02d}") for number in range(10)])
    assert len(here.waiting) == 9
    here.settle(seconds - 0.5)
    assert len(here.waiting) == 9
    here.settle(0.5)
    waited = f"{seconds}s" if seconds < 60 else "1m0s"
    text = f"0/1 nodes are available: 1 rejected due to timeout after waiting {waited} at plugin Coscheduling."
    assert text in here.reasons("m00")
    assert here.bound == set()


def test_two_groups_that_keep_each_other_out_do_not_do_so_for_ever() -> None:
    here = Gangs({"a": "4"}, group("g", 3, "2026-01-01T00:00:00Z"), group("h", 3, "2026-01-01T00:00:00Z"))
    here.add(*[member(f"{of}{number}", of) for number in range(3) for of in "gh"])
    for _ in range(30):
        here.settle(1)
    assert here.bound in ({"g0", "g1", "g2"}, {"h0", "h1", "h2"})
    for name in list(here.bound):
        here.api.remove(here.api.pods[f"default/{name}"])
    for _ in range(30):
        here.settle(1)
    assert len(here.bound) == 3


def test_groups_that_both_wait_are_freed_by_the_timeout() -> None:
    groups = [group("g", 6, scheduleTimeoutSeconds=9), group("h", 6, scheduleTimeoutSeconds=30)]
    here = Gangs({"a": "10"}, *groups, podGroupRejectPercentage=100)
    never: dict[str, Any] = {"preemptionPolicy": "Never"}
    here.add(*[member(f"{of}{number}", of, priority=number, **never) for number in range(6) for of in "gh"])
    assert len(here.waiting) == 10
    assert here.bound == set()
    here.settle(9)
    assert here.bound == {f"h{number}" for number in range(6)}


def test_members_come_one_after_the_other_in_the_queue() -> None:
    here = Gangs({"a": "3"}, group("old", 3, "2026-01-01T00:00:00Z"), group("new", 3, "2026-01-02T00:00:00Z"))
    here.add(*[member(f"{of}-{number}", of) for number in range(3) for of in ("new", "old")])
    assert here.bound == {"old-0", "old-1", "old-2"}
    urgent = Gangs({"a": "3"}, group("old", 3, "2026-01-01T00:00:00Z"), group("new", 3, "2026-01-02T00:00:00Z"))
    pods = [member(f"{of}-{n}", of, priority=int(of == "new")) for n in range(3) for of in ("new", "old")]
    urgent.add(*pods)
    assert urgent.bound == {"new-0", "new-1", "new-2"}


def test_a_group_preempts_pods_of_lower_priority() -> None:
    here = Gangs({"a": "2", "b": "2"}, group("g", 2))
    here.add(pod("low-1", "2"), pod("low-2", "2"))
    assert here.bound == {"low-1", "low-2"}
    here.add(member("x", cpu="2", priority=10), member("y", cpu="2", priority=10))
    for _ in range(20):
        here.settle(1)
    assert here.bound == {"x", "y"}


def test_a_member_that_is_deleted_while_it_waits_takes_the_others_along() -> None:
    here = Gangs({"a": "9"}, group("g", 10))
    here.add(*[member(f"m{number:02d}") for number in range(10)])
    here.api.remove(here.api.pods["default/m03"])
    here.settle()
    assert here.waiting == set() and here.bound == set()
    assert "0/1 nodes are available: 1 rejection in Unreserve." in here.reasons("m04")
    assert here.scheduler.cluster.nodes.pod_count.tolist() == [0]
    here.add(member("m03", uid="another"))
    here.scheduler.apply(node("b", "9"), here.now)
    for _ in range(20):
        here.settle(1)
    assert len(here.bound) == 10


def test_a_group_that_failed_is_left_alone_for_a_while() -> None:
    here = Gangs({"a": "2"}, group("g", 3), podGroupBackoffSeconds=20)
    here.add(member("x"), member("y"), member("z"))
    here.scheduler.apply(node("b", "4"), here.now)
    here.settle(15)
    assert here.bound == set()
    assert any("podGroup default/g failed recently" in text for name in "xyz" for text in here.reasons(name))
    here.settle(6)
    here.scheduler.apply(group("g", 3, scheduleTimeoutSeconds=1), here.now)  # any change of the group will do
    for _ in range(20):
        here.settle(1)
    assert here.bound == {"x", "y", "z"}


def test_without_room_for_the_whole_group_no_member_is_tried() -> None:
    here = Gangs({"a": "2", "b": "1"}, group("g", 2, minResources={"cpu": "4", "memory": "1Mi", "example.com/x": "1"}))
    here.add(member("x"), member("y"))
    assert "resource gap: map[cpu:1000m example.com/x:1]" in here.reasons("x")[0]
    roomy = Gangs({"a": "2", "b": "2"}, group("g", 2, minResources={"cpu": "4"}))
    roomy.add(member("x", cpu="2"), member("y", cpu="2"))
    assert roomy.bound == {"x", "y"}
    roomy.add(member("z", cpu="1"))  # its siblings' nodes count as free, not so what they leave
    assert "Insufficient cpu" in roomy.reasons("z")[0]


def test_a_group_that_is_not_there_gets_no_nodes() -> None:
    here = Gangs({"a": "2"})
    here.add(member("x"))
    assert here.reasons("x") == ["0/1 nodes are available: 1 PodGroup not found."]
    here.scheduler.apply(group("g", 1), here.now)
    here.settle(3)
    assert here.bound == {"x"}


def test_an_engine_alone_refuses_groups_by_name() -> None:
    cluster = Cluster()
    cluster.add_node(node("a"))
    engine = Engine(cluster, config())
    text = "^pod default/x: Coscheduling needs a scheduler that knows the pods of a group$"
    with pytest.raises(NotSupported, match=text):
        engine.schedule(member("x"))
    batch = engine.schedule_many([member("x"), pod("p")])
    assert (list(batch.failures), batch.speed_used) == ([0], {"cycle": 1, "incremental": 1})


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ({"permitWaitingTimeSeconds": -1}, "permitWaitingTimeSeconds: Invalid value: -1: must be greater than 0"),
        ({"podGroupBackoffSeconds": "5"}, "podGroupBackoffSeconds: Invalid value: '5': must be greater than 0"),
        ({"podGroupRejectPercentage": 101}, "podGroupRejectPercentage: Invalid value: 101: must be between 0 and 100"),
        ({"permitWaitingTime": 1}, 'unknown field "permitWaitingTime"'),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(args: Any, reason: str) -> None:
    with pytest.raises(PluginError) as caught:
        Engine(Cluster(), config(**args))
    assert str(caught.value) == f"plugin Coscheduling, __init__: ValueError: {reason}"


def test_arguments_may_name_their_kind_and_be_null() -> None:
    named = {"apiVersion": CONFIG["apiVersion"], "kind": "CoschedulingArgs", "podGroupBackoffSeconds": None}
    assert read_args(named) == read_args({}) == (60, 0, 10)
