"""Pods lent from the queue before their attempts begin, and pods found by a label."""

from __future__ import annotations

from itertools import pairwise

import pytest

from sched_core.queue.pods_by_label import PodsByLabel
from sched_core.queue.scheduling_queue import MOST_AT_ONCE
from tests.queue.toys import handlers, pod


def names(told: object, lent: object) -> list[str]:
    return [info.pod.metadata.name for info in lent.infos]  # type: ignore[attr-defined]


@pytest.mark.parametrize("limit", [1, 3, 50, 500])
def test_lent_pods_are_those_that_would_be_popped(limit: int) -> None:
    told = handlers()
    for number in range(100):
        told.apply(pod(f"p{number}", priority=number * 37 % 5), number)
    told.delete("Pod", "default/p3", 100)
    expected = [info.pod.metadata.name for info in told.queue.active_q.list()]
    lent = told.queue.lend(limit, 100)
    live = [place for place in lent.places if lent.heap.is_lent(place)]
    assert [place[-1].pod.metadata.name for place in live] == expected[: len(live)]
    assert len(told.queue.active_q) == 99 and len(live) >= min(limit - 1, 99)
    told.queue.give_back(lent, 0)
    assert [info.pod.metadata.name for info in told.queue.active_q.list()] == expected
    popped = [told.queue.pop() for _ in range(99)]
    keys = [(-(each.pod.spec.priority or 0), each.timestamp) for each in popped if each is not None]
    assert len(keys) == 99 and all(first <= second for first, second in pairwise(keys)) and told.queue.pop() is None


def test_taking_a_lent_pod_begins_its_attempt_unless_it_has_left() -> None:
    told = handlers()
    for name in ("a", "b", "c"):
        told.apply(pod(name), 0)
    lent = told.queue.lend(3, 0)
    assert not told.queue.is_disturbed(lent) and told.queue.get("default/b") is not None
    assert told.queue.take(lent, 0) and len(told.queue.in_flight) == 1
    told.delete("Pod", "default/b", 0)
    assert not told.queue.take(lent, 1)
    told.apply(pod("d"), 0)
    assert told.queue.is_disturbed(lent)
    told.queue.give_back(lent, 2)
    assert [info.key for info in told.queue.active_q.list()] == ["default/c", "default/d"]
    assert told.queue.scheduling_cycle == 1


def test_pods_that_back_off_are_lent_where_no_pod_is_active() -> None:
    told = handlers()
    told.apply(pod("a"), 0)
    info = told.queue.pop()
    assert info is not None
    told.apply(pod("a", version="2", labels={"x": "y"}), 0)  # helps those whom Crowded rejects
    told.handle_scheduling_failure(info, 0, frozenset({"Crowded"}))
    assert names(told, told.queue.lend(9, 0)) == ["a"]


def test_pods_are_found_by_a_label_as_they_come_change_and_go() -> None:
    told = handlers()
    told.apply(pod("a", labels={"app": "x"}), 0)
    told.apply(pod("b", labels={"app": "y"}), 0)
    found = told.pods_by_label
    assert [each.metadata.name for each in found.find("default", "app", "x")] == ["a"]
    told.apply(pod("c", labels={"app": "x"}), 0)
    told.apply(pod("a", labels={"app": "x", "more": ""}, version="2"), 0)
    assert [each.metadata.labels for each in found.find("default", "app", "x")] == [
        {"app": "x", "more": ""}, {"app": "x"},
    ]  # fmt: skip
    told.apply(pod("a", labels={"app": "y"}, version="3"), 0)
    told.delete("Pod", "default/c", 0)
    told.apply(pod("d"), 0)
    assert found.find("default", "app", "x") == [] and found.find("other", "app", "y") == []
    assert [each.metadata.name for each in found.find("default", "app", "y")] == ["b", "a"]
    assert PodsByLabel({}).find("default", "app", "x") == []


def test_a_pod_that_fails_again_and_again_at_one_moment_waits_for_the_next() -> None:
    told = handlers()
    told.apply(pod("a"), 5)
    for _ in range(MOST_AT_ONCE):
        assert told.queue.has_next(5)
        lent = told.queue.lend(1, 5)
        assert told.queue.take(lent, 0)
        told.handle_scheduling_failure(lent.infos[0], 5, frozenset({"Crowded"}))
        told.queue.activate([pod("a")], 5)
    told.apply(pod("b"), 5)
    assert names(told, told.queue.lend(9, 5)) == ["b"]
    assert not told.queue.lend(9, 5).infos  # b is lent, and a is passed over
    assert names(told, told.queue.lend(9, 6)) == ["a"]
