"""NodeResourcesBalancedAllocation: vectors of the specification, and both row functions against plain Python."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.node_resources_balanced_allocation import NodeResourcesBalancedAllocation, evenness
from sched_core import CycleState, NodeResourcesBalancedAllocationArgs, ResourceSpec
from tests.plugins.tiny import Tiny, node, pod

GPU = "example.com/gpu"


def balanced(*names: str) -> NodeResourcesBalancedAllocation:
    resources = tuple(ResourceSpec(name, 1) for name in names or ("cpu", "memory"))
    return NodeResourcesBalancedAllocation(NodeResourcesBalancedAllocationArgs(resources=resources))


def scores(plugin: NodeResourcesBalancedAllocation, tiny: Tiny, **spec: Any) -> list[int]:
    return tiny.each(plugin, plugin.score_row, tiny.info(**spec))


def twin(requested: list[int], used: list[int], allocatable: list[int]) -> int:
    """Score as the specification says, resource by resource."""
    if not any(requested):
        return 0
    usable = [r for r in range(len(used)) if allocatable[r] and (r < 3 or requested[r])]

    def balance(amounts: list[int]) -> int:
        shares = [min(1.0, amounts[r] / allocatable[r]) for r in usable]
        deviation = 0.0
        if len(shares) == 2:
            deviation = abs((shares[0] - shares[1]) / 2)
        elif len(shares) > 2:
            total = 0.0
            for share in shares:
                total += share
            mean, squares = total / len(shares), 0.0
            for share in shares:
                squares = squares + (share - mean) * (share - mean)
            deviation = math.sqrt(squares / len(shares))
        return int((1 - deviation) * 100)

    after = balance([used[r] + requested[r] for r in range(len(used))])
    return 50 + (50 + after - balance(used)) // 2


@pytest.mark.parametrize(
    ("used", "request_", "allocatable", "score"),
    [
        (("0", "0"), ("100m", "500Mi"), ("4", "32Gi"), 74),
        (("3600m", "2000Mi"), ("100m", "500Mi"), ("4", "32Gi"), 74),
        (("3950m", "31Gi"), ("100m", "200Mi"), ("4", "32Gi"), 74),
        (("1", "8Gi"), ("333m", "777Mi"), ("3999m", "31Gi"), 74),
        (("1", "8Gi", "1"), ("500m", "4Gi", "1"), ("4", "32Gi", "8"), 75),
    ],
)
def test_vectors(used: tuple[str, ...], request_: tuple[str, ...], allocatable: tuple[str, ...], score: int) -> None:
    names = ("cpu", "memory", GPU)[: len(used)]
    old = pod("old", nodeName="a", requests=dict(zip(names, used, strict=True)))
    tiny = Tiny(node("a", allocatable={"pods": "9", **dict(zip(names, allocatable, strict=True))}), old)
    assert scores(balanced(*names), tiny, requests=dict(zip(names, request_, strict=True))) == [score]


@pytest.mark.parametrize(
    ("deviation", "expected"), [(0.0, 100), (0.34, 65), (0.5, 50), (0.55, 44), (0.67, 32), (0.8, 19), (0.9, 9)]
)
def test_evenness_is_truncated_after_the_product(deviation: float, expected: int) -> None:
    assert evenness(deviation) == expected


def test_evening_out_is_better_than_75_and_the_opposite_worse() -> None:
    tiny = Tiny(node("a"), pod("old", nodeName="a", requests={"cpu": "2"}))
    assert scores(balanced(), tiny, requests={"memory": "16Gi"}) == [50 + (50 + 100 - 75) // 2]
    assert scores(balanced(), tiny, requests={"cpu": "2"}) == [50 + (50 + 50 - 75) // 2]


def test_real_requests_count_not_the_defaults() -> None:
    tiny = Tiny(node("a"), pod("old", nodeName="a"))
    assert scores(balanced(), tiny, requests={"cpu": "1", "memory": "8Gi"}) == [75]


def test_a_node_without_one_of_the_resources_does_not_change() -> None:
    tiny = Tiny(node("a", allocatable={"cpu": "4", "pods": "9"}))
    assert scores(balanced(), tiny, requests={"cpu": "1"}) == [75]
    assert scores(balanced("cpu"), tiny, requests={"cpu": "1"}) == [75]


def test_a_scalar_resource_that_is_not_requested_is_left_out() -> None:
    allocatable = {"cpu": "4", "memory": "32Gi", "pods": "9", GPU: "8"}
    old = pod("old", nodeName="a", requests={"cpu": "1", "memory": "8Gi", GPU: "8"})
    tiny = Tiny(node("a", allocatable=allocatable), old)
    requests = {"cpu": "1"}
    assert scores(balanced("cpu", "memory", GPU), tiny, requests=requests) == scores(
        balanced(), tiny, requests=requests
    )


@pytest.mark.parametrize(
    ("names", "requests", "skipped"),
    [
        (("cpu", "memory"), {}, True),
        (("cpu", "memory"), {"cpu": "0"}, True),
        (("cpu", "memory"), {GPU: "1"}, True),
        (("cpu", "memory"), {"memory": "1"}, False),
        (("cpu", GPU), {GPU: "1"}, False),
        (("memory",), {"cpu": "1"}, True),
    ],
)
def test_pods_that_request_none_of_the_resources_are_skipped(
    names: tuple[str, ...], requests: dict[str, str], skipped: bool
) -> None:
    tiny, plugin = Tiny(node("a")), balanced(*names)
    waiting = tiny.info(requests=requests)
    assert plugin.pre_score(CycleState(), waiting, tiny.nodes, np.array([0])).is_skip is skipped
    if skipped:
        assert tiny.each(plugin, plugin.score_row, waiting) == [0]  # as upstream scores without PreScore


amounts = st.integers(0, 1 << 40) | st.integers(0, 8)
columns = st.tuples(amounts, amounts, st.just(0) | amounts)


def rows(resources: list[tuple[int, int, int]]) -> tuple[list[int], list[int], list[int], tuple[Any, Any, Any]]:
    requested, used, allocatable = (list(column) for column in zip(*resources, strict=True))
    waiting, row = SimpleNamespace(usage=requested), SimpleNamespace(requested=used, allocatable=allocatable)
    return requested, used, allocatable, (waiting, row, SimpleNamespace(rows=list(range(len(resources)))))


@given(st.lists(columns, min_size=2, max_size=2))
def test_two_resources_are_plain_python(resources: list[tuple[int, int, int]]) -> None:
    requested, used, allocatable, row = rows(resources)
    expected = twin(requested, used, allocatable)
    assert NodeResourcesBalancedAllocation.score_two(*row) == expected
    assert NodeResourcesBalancedAllocation.score_any(*row) == expected


@given(st.lists(columns, min_size=0, max_size=6))
def test_any_number_of_resources_is_plain_python(resources: list[tuple[int, int, int]]) -> None:
    requested, used, allocatable, row = rows(resources or [(0, 0, 0)])
    assert NodeResourcesBalancedAllocation.score_any(*row) == twin(requested, used, allocatable)
