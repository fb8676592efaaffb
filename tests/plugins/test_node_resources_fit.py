"""NodeResourcesFit: the filter's reasons, three strategies of scoring, row functions as plain Python."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.node_resources_fit import NodeResourcesFit, broken_line
from sched_core import (
    UNRESOLVABLE,
    NodeResourcesFitArgs,
    RequestedToCapacityRatioParam,
    ResourceSpec,
    ScoringStrategy,
    UtilizationShapePoint,
)
from tests.plugins.tiny import Gi, Tiny, node, pod

GPU = "example.com/gpu"


def fit(
    strategy: str = "LeastAllocated", *, shape: tuple[tuple[int, int], ...] = (), **weights: int
) -> NodeResourcesFit:
    names = {"gpu": GPU, "ephemeral": "ephemeral-storage"}
    resources = tuple(ResourceSpec(names.get(name, name), weight) for name, weight in weights.items())
    ratio = RequestedToCapacityRatioParam(tuple(UtilizationShapePoint(x, y) for x, y in shape)) if shape else None
    default = (ResourceSpec("cpu", 1), ResourceSpec("memory", 1))
    scoring = ScoringStrategy(type=strategy, resources=resources or default, requested_to_capacity_ratio=ratio)
    return NodeResourcesFit(NodeResourcesFitArgs(scoring_strategy=scoring))


def reasons(plugin: NodeResourcesFit, tiny: Tiny, **spec: Any) -> list[tuple[list[str], bool]]:
    """Return for each node the reasons and whether they are unresolvable."""
    waiting = tiny.info(**spec)
    answers = tiny.each(plugin, plugin.filter_row, waiting)
    return [
        ([text for bit, text in enumerate(plugin.reasons) if bits >> bit & 1], bool(bits & UNRESOLVABLE))
        for bits in answers
    ]


def scores(plugin: NodeResourcesFit, tiny: Tiny, **spec: Any) -> list[int]:
    waiting = tiny.info(**spec)
    return tiny.each(plugin, plugin.score_row, waiting)


def test_a_request_equal_to_what_is_free_passes_and_one_more_does_not() -> None:
    tiny = Tiny(node("a"), pod("old", nodeName="a", requests={"cpu": "3", "memory": "31Gi"}))
    assert reasons(fit(), tiny, requests={"cpu": "1", "memory": "1Gi"}) == [([], False)]
    assert reasons(fit(), tiny, requests={"cpu": "1001m", "memory": "1Gi"}) == [(["Insufficient cpu"], False)]
    assert reasons(fit(), tiny, requests={"cpu": "1001m", "memory": str(Gi + 1)}) == [
        (["Insufficient cpu", "Insufficient memory"], False)
    ]


def test_more_than_the_whole_node_is_unresolvable() -> None:
    tiny = Tiny(node("a"), pod("old", nodeName="a", requests={"memory": "31Gi"}))
    assert reasons(fit(), tiny, requests={"cpu": "4"}) == [([], False)]
    assert reasons(fit(), tiny, requests={"cpu": "4001m"}) == [(["Insufficient cpu"], True)]
    assert reasons(fit(), tiny, requests={"cpu": "4001m", "memory": "2Gi"}) == [
        (["Insufficient cpu", "Insufficient memory"], True)
    ]


def test_all_reasons_are_kept_in_upstreams_order() -> None:
    tiny = Tiny(node("a", allocatable={"cpu": "1", "pods": "0"}))
    requests = {GPU: "1", "ephemeral-storage": "1", "memory": "1", "cpu": "2", "hugepages-2Mi": "2Mi"}
    names = ["cpu", "memory", "ephemeral-storage", GPU, "hugepages-2Mi"]
    expected = ["Too many pods", *(f"Insufficient {name}" for name in names)]
    found, unresolvable = reasons(fit(), tiny, requests=requests)[0]
    assert (found[:4], sorted(found), unresolvable) == (expected[:4], sorted(expected), True)


def test_too_many_pods_is_no_reason_that_preemption_could_not_help() -> None:
    allocatable = {"cpu": "4", "memory": "32Gi", "pods": "1"}
    tiny = Tiny(node("a", allocatable=allocatable), node("b", allocatable=allocatable), pod("old", nodeName="a"))
    assert reasons(fit(), tiny) == [(["Too many pods"], False), ([], False)]


def test_a_request_of_zero_fits_an_overcommitted_node() -> None:
    tiny = Tiny(node("a"), pod("old", nodeName="a", requests={"cpu": "5"}))
    assert reasons(fit(), tiny, requests={"cpu": "0"}) == [([], False)]
    assert reasons(fit(), tiny, requests={"cpu": "1m"}) == [(["Insufficient cpu"], False)]


@pytest.mark.parametrize(
    ("ignored", "groups", "expected"),
    [
        ((), (), [f"Insufficient {GPU}", "Insufficient hugepages-2Mi"]),
        ((GPU, "hugepages-2Mi"), (), ["Insufficient hugepages-2Mi"]),
        ((), ("example.com",), ["Insufficient hugepages-2Mi"]),
        (("example.com",), (GPU,), [f"Insufficient {GPU}", "Insufficient hugepages-2Mi"]),
    ],
)
def test_extended_resources_can_be_ignored(
    ignored: tuple[str, ...], groups: tuple[str, ...], expected: list[str]
) -> None:
    plugin = NodeResourcesFit(NodeResourcesFitArgs(ignored_resources=ignored, ignored_resource_groups=groups))
    tiny = Tiny(node("a"))
    found, unresolvable = reasons(plugin, tiny, requests={GPU: "1", "hugepages-2Mi": "2Mi"})[0]
    assert (sorted(found), unresolvable) == (sorted(expected), True)


VECTORS = [
    # used cpu, used memory, cpu, memory, allocatable cpu, allocatable memory, least, most
    ("0", "0", "100m", "500Mi", "4", "32Gi", 97, 1),
    ("3600m", "2000Mi", "100m", "500Mi", "4", "32Gi", 49, 49),
    ("3950m", "31Gi", "100m", "200Mi", "4", "32Gi", 1, 98),
    ("1", "8Gi", "333m", "777Mi", "3999m", "31Gi", 68, 30),
]


@pytest.mark.parametrize(
    ("used_cpu", "used_memory", "cpu", "memory", "all_cpu", "all_memory", "least", "most"), VECTORS
)
def test_least_and_most_allocated(
    used_cpu: str, used_memory: str, cpu: str, memory: str, all_cpu: str, all_memory: str, least: int, most: int
) -> None:
    allocatable = {"cpu": all_cpu, "memory": all_memory, "pods": "9"}
    old = pod("old", nodeName="a", requests={"cpu": used_cpu, "memory": used_memory})
    tiny = Tiny(node("a", allocatable=allocatable), old)
    requests = {"cpu": cpu, "memory": memory}
    assert scores(fit("LeastAllocated"), tiny, requests=requests) == [least]
    assert scores(fit("MostAllocated"), tiny, requests=requests) == [most]


def test_containers_without_requests_count_as_100m_and_200mi() -> None:
    tiny = Tiny(node("a", allocatable={"cpu": "1", "memory": "2000Mi", "pods": "9"}))
    three = [{"name": f"c{number}", "image": "app"} for number in range(3)]
    assert scores(fit("LeastAllocated"), tiny) == [90]
    assert scores(fit("LeastAllocated"), tiny, containers=three) == [70]
    assert scores(fit("LeastAllocated"), tiny, requests={"cpu": "0", "memory": "0"}) == [100]


def test_weights() -> None:
    old = pod("old", nodeName="a", requests={"cpu": "1", "memory": "0"})
    tiny = Tiny(node("a"), old)
    requests = {"cpu": "1", "memory": "8Gi"}
    assert scores(fit("LeastAllocated", cpu=3, memory=1), tiny, requests=requests) == [(50 * 3 + 75) // 4]
    assert scores(fit("MostAllocated", cpu=1, memory=9), tiny, requests=requests) == [(50 + 25 * 9) // 10]


def test_a_scalar_resource_counts_only_for_pods_that_request_it_and_nodes_that_have_it() -> None:
    allocatable = {"cpu": "4", "memory": "32Gi", "pods": "9", GPU: "8"}
    tiny = Tiny(node("a", allocatable=allocatable), node("b"))
    plugin = fit("MostAllocated", cpu=1, gpu=3)
    assert scores(plugin, tiny, requests={"cpu": "2"}) == [50, 50]
    assert scores(plugin, tiny, requests={"cpu": "2", GPU: "2"}) == [(50 + 25 * 3) // 4, 50]
    assert scores(fit("LeastAllocated", gpu=1), tiny, requests={"cpu": "2"}) == [0, 0]


def test_ephemeral_storage_counts_even_for_pods_that_request_none() -> None:
    tiny = Tiny(node("a", allocatable={"cpu": "4", "ephemeral-storage": "10Gi", "pods": "9"}))
    plugin = fit("LeastAllocated", cpu=1, ephemeral=1)
    assert scores(plugin, tiny, requests={"cpu": "2"}) == [75]


def test_names_that_no_node_can_have_are_left_out() -> None:
    tiny = Tiny(node("a"))
    assert scores(fit("LeastAllocated", cpu=1, pods=5, nonsense=7), tiny, requests={"cpu": "1"}) == [75]
    assert tiny.nodes.resources[:3] == ["cpu", "memory", "ephemeral-storage"]
    assert "nonsense" not in tiny.nodes.resources


def test_the_broken_line_truncates_toward_zero() -> None:
    shape = [UtilizationShapePoint(0, 10), UtilizationShapePoint(70, 3), UtilizationShapePoint(100, 0)]
    curve = broken_line(shape)
    assert {x: int(curve[x]) for x in (0, 1, 33, 70, 71, 99, 100)} == {
        0: 100, 1: 99, 33: 67, 70: 30, 71: 29, 99: 1, 100: 0,
    }  # fmt: skip


def test_the_broken_line_is_level_outside_of_its_points() -> None:
    curve = broken_line([UtilizationShapePoint(20, 4), UtilizationShapePoint(60, 8)])
    assert [int(curve[x]) for x in (0, 20, 40, 60, 61, 100)] == [40, 40, 60, 80, 80, 80]
    assert broken_line([UtilizationShapePoint(100, 7)]).tolist() == [70] * 101


def test_requested_to_capacity_ratio_leaves_out_resources_that_score_0_and_rounds() -> None:
    shape = ((0, 0), (100, 10))
    tiny = Tiny(node("a", allocatable={"cpu": "1", "memory": "100", "pods": "9"}))
    plugin = fit("RequestedToCapacityRatio", shape=shape, cpu=1, memory=1)
    assert scores(plugin, tiny, requests={"cpu": "330m", "memory": "34"}) == [34]  # 33.5
    assert scores(plugin, tiny, requests={"cpu": "330m", "memory": "0"}) == [33]  # not 16.5
    assert scores(plugin, tiny, requests={"cpu": "0", "memory": "0"}) == [0]
    weighted = fit("RequestedToCapacityRatio", shape=shape, cpu=2, memory=1)
    assert scores(weighted, tiny, requests={"cpu": "330m", "memory": "34"}) == [33]  # 33.33


def test_an_overcommitted_resource_is_fully_used() -> None:
    shape = ((0, 10), (99, 5), (100, 1))
    tiny = Tiny(node("a"), pod("old", nodeName="a", requests={"cpu": "5", "memory": "0"}))
    plugin = fit("RequestedToCapacityRatio", shape=shape, cpu=1)
    assert scores(plugin, tiny, requests={"cpu": "1"}) == [10]


amounts = st.integers(0, 1 << 40)


@given(st.lists(st.tuples(amounts, amounts, amounts, st.integers(1, 100)), min_size=3, max_size=6))
def test_rows_are_plain_functions(resources: list[tuple[int, int, int, int]]) -> None:
    requests, used, allocatable, weights = (list(column) for column in zip(*resources, strict=True))
    count = len(resources)
    waiting = SimpleNamespace(requests=requests, score_requests=requests)
    row = SimpleNamespace(allocatable=allocatable, requested=used, nonzero_requested=used, pod_count=9, allowed_pods=10)
    args = SimpleNamespace(ignored=[False] * count, rows=list(range(count)), weights=weights)

    short = [r for r in range(count) if requests[r] > max(0, allocatable[r] - used[r])]
    bits = sum(1 << (r + 1) for r in short)
    bits += UNRESOLVABLE if any(requests[r] > allocatable[r] for r in short) else 0
    assert NodeResourcesFit.filter_row(waiting, row, args) == bits

    usable = [r for r in range(count) if allocatable[r] and (r < 3 or requests[r])]
    weight = sum(weights[r] for r in usable)
    free = {r: max(0, allocatable[r] - used[r] - requests[r]) * 100 // allocatable[r] for r in usable}
    full = {r: min(allocatable[r], used[r] + requests[r]) * 100 // allocatable[r] for r in usable}
    least = sum(free[r] * weights[r] for r in usable) // weight if weight else 0
    most = sum(full[r] * weights[r] for r in usable) // weight if weight else 0
    assert NodeResourcesFit.least_allocated(waiting, row, args) == least
    assert NodeResourcesFit.most_allocated(waiting, row, args) == most


def test_memory_of_many_tebibytes_does_not_overflow() -> None:
    tiny = Tiny(node("a", allocatable={"cpu": "4", "memory": str(1 << 56), "pods": "9"}))
    assert scores(fit("LeastAllocated", memory=1), tiny, requests={"memory": str(1 << 55)}) == [50]
