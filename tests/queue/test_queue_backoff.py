"""Back-off: how long it is, when it ends, and who leaves when."""

from __future__ import annotations

import pytest

from sched_core.queue.backoff_queue import BackoffQueue
from sched_core.queue.flushes import PeriodicFlushes
from tests.queue.toys import SECOND, handlers, places, pod

MS = 10**6


@pytest.mark.parametrize(
    ("initial", "longest", "expected"),
    [
        (1, 10, [1, 2, 4, 8, 10, 10, 10]),
        (1, 8, [1, 2, 4, 8, 8, 8, 8]),
        (3, 10, [3, 6, 10, 10, 10, 10, 10]),
        (20, 10, [10] * 7),
    ],
)
def test_a_backoff_doubles_up_to_the_longest(initial: int, longest: int, expected: list[int]) -> None:
    queue = BackoffQueue(initial * SECOND, longest * SECOND, lambda info: 0)
    assert [queue.backoff_duration(count) // SECOND for count in range(1, 8)] == expected
    assert queue.backoff_duration(100_000) == longest * SECOND


@pytest.mark.parametrize(
    ("failed_ms", "failures", "leaves_s"),
    [(10_000, 1, 12), (10_001, 1, 12), (10_700, 1, 12), (10_999, 1, 12), (11_000, 1, 13), (10_700, 2, 13),
     (10_700, 4, 19), (10_700, 5, 21), (10_700, 60, 21)],
)  # fmt: skip
def test_a_pod_leaves_at_the_first_whole_second_after_that_of_its_end(
    failed_ms: int, failures: int, leaves_s: int
) -> None:
    told = handlers()
    told.apply(pod(), 0)
    info = told.queue.pop()
    assert info is not None
    info.consecutive_errors_count = failures - 1
    told.handle_scheduling_failure(info, failed_ms * MS)
    told.queue.flush_backoff_q_completed((leaves_s - 1) * SECOND)
    assert places(told) == {"errorBackoff": ["a"]}
    told.queue.flush_backoff_q_completed(leaves_s * SECOND - 1)
    assert places(told) == {"errorBackoff": ["a"]}
    told.queue.flush_backoff_q_completed(leaves_s * SECOND)
    assert places(told) == {"active": ["a"]}


def test_errors_in_a_row_count_for_themselves() -> None:
    told = handlers()
    told.apply(pod(), 0)
    found = []
    for plugins in ({"Zones"}, {"Zones"}, set(), set(), {"Zones"}, set()):
        told.queue.activate([pod()], 0)
        info = told.queue.pop()
        assert info is not None
        told.handle_scheduling_failure(info, 0, frozenset(plugins))
        found.append(told.queue.backoff_q.backoff_time(info) // SECOND)
    assert found == [1, 2, 1, 2, 4, 1]


def test_no_backoff_at_all() -> None:
    queue = BackoffQueue(SECOND, 0, lambda info: 0)
    told = handlers()
    told.apply(pod(), 0)
    info = told.queue.pop()
    assert info is not None
    info.unschedulable_count = 3
    assert not queue.is_pod_backing_off(info, 0)


def test_an_empty_active_queue_lends_from_backoff_but_not_after_errors() -> None:
    told = handlers()
    for name, plugins in (("rejected", {"Crowded"}), ("failed", set())):
        told.apply(pod(name), 0)
        info = told.queue.pop()
        assert info is not None
        told.handle_scheduling_failure(info, 0, frozenset(plugins))
    told.apply(pod("running", nodeName="n"), 0)
    told.delete("Pod", "default/running", 1)
    assert places(told) == {"backoff": ["rejected"], "errorBackoff": ["failed"]}
    info = told.queue.pop()
    assert info is not None and (info.pod.metadata.name, info.attempts) == ("rejected", 2)
    assert told.queue.pop() is None


def test_time_passes_in_one_step_as_in_many() -> None:
    results = []
    for steps in ([400 * SECOND], range(0, 400 * SECOND + 1, SECOND // 2)):
        told = handlers()
        flushes = PeriodicFlushes(told.queue, 0)
        flushes.advance_to(300 * MS)
        for name, plugins in (("a", {"Zones"}), ("b", set()), ("c", {"Crowded"})):
            told.apply(pod(name), 300 * MS)
            info = told.queue.pop()
            assert info is not None
            told.handle_scheduling_failure(info, 300 * MS, frozenset(plugins))
        for now in steps:
            flushes.advance_to(now)
        results.append((places(told), flushes.next_due))
    assert results[0] == results[1] == ({"active": ["a", "b", "c"]}, 401 * SECOND)


def test_left_over_pods_wait_for_more_than_five_minutes() -> None:
    told = handlers()
    told.apply(pod(), 0)
    info = told.queue.pop()
    assert info is not None
    told.handle_scheduling_failure(info, 0, frozenset({"Zones"}))
    told.queue.flush_unschedulable_pods_leftover(300 * SECOND)
    assert places(told) == {"unschedulable": ["a"]}
    told.queue.flush_unschedulable_pods_leftover(300 * SECOND + 1)
    assert places(told) == {"active": ["a"]}
    assert info.was_flushed_from_unschedulable
