"""PrioritySort, SchedulingGates and DefaultBinder."""

from __future__ import annotations

from plugins.default_binder import DefaultBinder
from plugins.priority_sort import PrioritySort
from plugins.scheduling_gates import SchedulingGates
from sched_core import Code, CycleState
from tests.plugins.tiny import Tiny, node


def test_higher_priority_comes_first_then_first_come_first_served() -> None:
    tiny = Tiny(node("a"))
    queued = [("low", -5, 1.0), ("late", 7, 3.0), ("none", None, 0.5), ("early", 7, 2.0)]
    sort = PrioritySort()
    keys = {name: sort.queue_sort_key(tiny.info(name, priority=priority), at, 0) for name, priority, at in queued}
    assert sorted(keys, key=keys.__getitem__) == ["early", "late", "none", "low"]


def test_gates_hold_a_pod_back_and_are_named() -> None:
    tiny = Tiny(node("a"))
    plugin = SchedulingGates()
    assert plugin.pre_enqueue(tiny.info()).is_success
    gated = plugin.pre_enqueue(tiny.info(schedulingGates=[{"name": "example.com/quota"}, {"name": "g2"}]))
    assert gated.code == Code.UnschedulableAndUnresolvable
    assert gated.message == "waiting for scheduling gates: [example.com/quota g2]"


def test_the_binder_agrees() -> None:
    tiny = Tiny(node("a"))
    assert DefaultBinder().bind(CycleState(), tiny.info(), "a").is_success
