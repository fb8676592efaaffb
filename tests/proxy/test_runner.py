"""When a proxier syncs."""

from __future__ import annotations

import pytest

from proxy_core import load_config
from proxy_core.runner import Intervals, Runner, intervals_of

SECOND = 10**9
HEAD = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}


def runner(least: int = 1, retry: int = 30, most: int = 3600) -> Runner:
    return Runner(Intervals(least * SECOND, retry * SECOND, most * SECOND))


def ran(each: Runner, begin: int, end: int, *, succeeded: bool = True) -> None:
    """Run from one second to another."""
    assert each.is_due(begin * SECOND)
    each.begin()
    each.end(end * SECOND, succeeded=succeeded)


def test_nothing_is_due_before_the_first_request() -> None:
    each = runner()
    assert each.due_at() is None and not each.is_due(10**18)
    each.request()
    assert each.is_due(0)


def test_the_least_interval_counts_from_the_end_of_the_sync_before() -> None:
    each = runner()
    each.request()
    ran(each, 0, 5)
    each.request()
    assert each.due_at() == 6 * SECOND and not each.is_due(6 * SECOND - 1) and each.is_due(6 * SECOND)


def test_requests_coalesce_and_one_during_a_sync_is_for_the_next() -> None:
    each = runner()
    for _ in range(3):
        each.request()
    each.begin()
    assert not each.requested
    each.request()
    each.end(2 * SECOND, succeeded=True)
    ran(each, 3, 4)
    assert each.due_at() == (4 + 3600) * SECOND


def test_after_a_failure_a_sync_is_due_without_a_request() -> None:
    each = runner()
    each.request()
    ran(each, 0, 1, succeeded=False)
    assert not each.requested and each.due_at() == 31 * SECOND


def test_a_request_does_not_wait_for_the_retry_and_success_cancels_it() -> None:
    each = runner()
    each.request()
    ran(each, 0, 1, succeeded=False)
    each.request()
    ran(each, 2, 3)
    assert each.due_at() == (3 + 3600) * SECOND


def test_the_retry_is_no_later_than_the_most() -> None:
    each = runner(retry=60, most=30)
    each.request()
    ran(each, 0, 0, succeeded=False)
    assert each.due_at() == 30 * SECOND


def test_a_timer_shorter_than_the_least_interval_waits() -> None:
    each = runner(least=10, retry=2)
    each.request()
    ran(each, 0, 0, succeeded=False)
    assert each.due_at() == 10 * SECOND


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("iptables", (1, 30, 3600)), ("nftables", (1, 30, 3600)), ("flat", (1, 30, 3600)), ("ipvs", (0, 30, 30))],
)
def test_intervals_of_the_modes(mode: str, expected: tuple[int, ...]) -> None:
    assert intervals_of(load_config(HEAD), mode) == tuple(each * SECOND for each in expected)
