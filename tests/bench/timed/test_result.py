"""What a run comes to, against numbers that are worked out anew at each instant; and a small trace by hand."""

from __future__ import annotations

import random
from functools import partial

import numpy as np
import pytest

from bench.compare.policy import Policy
from bench.compare.record import Record
from bench.compare.timed import TimedInputs, run_timed
from bench.timed.result import Figures, Levels
from bench.timed.run import NEVER, Timed
from bench.traces.trace import Nodes, NodeShape, PodShape, Trace, in_order
from tests.naive.timed import mean_and_peak, percentile

INF = float("inf")
NODE = NodeShape(1000, 100, 2, "T4")
NAMES = ("cpu", "memory", "gpu")


def run_of(seed: int) -> tuple[Nodes, Trace, Timed]:
    """Return what could have become of pods, whether it fits or not."""
    draw = random.Random(seed)
    pods, kinds = draw.randrange(1, 25), draw.randrange(1, 4)
    shapes = [PodShape(draw.randrange(900), draw.randrange(50), 1, draw.randrange(1, 1001)) for _ in range(kinds)]
    created = np.array(sorted(draw.randrange(draw.choice([1, 10])) for _ in range(pods)), np.float64)
    created -= created[0]
    deleted = created + np.array([draw.choice([0, 1, 2, 7, INF]) for _ in range(pods)])
    placed = np.array([
        draw.choice([came, came, min(came + draw.randrange(3), end), INF])
        for came, end in zip(created.tolist(), deleted.tolist(), strict=True)
    ])  # fmt: skip
    last = max([*created.tolist(), *(end for end in deleted.tolist() if end < INF)])
    placed[placed > last] = INF
    node = np.array([draw.randrange(3) if time < INF else NEVER for time in placed.tolist()], np.int32)
    shape_of = np.array([draw.randrange(kinds) for _ in range(pods)], np.int32)
    trace = in_order("t", [f"p{number}" for number in range(pods)], shapes, shape_of, created, deleted)
    nodes = Nodes("n", ["a", "b", "c"], [NODE, NodeShape(3000, 500)], np.array([0, 1, 0], np.int32))
    return nodes, trace, Timed(node, placed, 7, 1.0)


@pytest.mark.parametrize("seed", range(60))
def test_figures_are_those_of_each_instant(seed: int) -> None:
    nodes, trace, timed = run_of(seed)
    figures = Figures(nodes, trace, timed)
    created, deleted, placed = (each.tolist() for each in (trace.created_s, trace.deleted_s, timed.placed_s))
    where, pods = timed.node.tolist(), range(trace.count)
    instants = sorted({time for time in (*created, *deleted, *placed) if time < INF})
    assert figures.end_s == instants[-1]

    def holds(pod: int, now: float) -> bool:
        return bool(placed[pod] <= now < deleted[pod])

    def total(amounts: list[int], now: float) -> int:
        return sum(amounts[pod] for pod in pods if holds(pod, now))

    def check(levels: Levels, expected: tuple[float, int]) -> None:
        assert levels.mean == pytest.approx(expected[0])
        assert levels.peak == expected[1]

    for number in range(3):
        asked = [int(trace.amounts()[number, shape]) for shape in trace.shape_of]
        level = mean_and_peak(instants, partial(total, asked))
        check(figures.allocated(number), level)
    check(figures.nodes_in_use(), mean_and_peak(instants, lambda now: len({where[p] for p in pods if holds(p, now)})))
    waits = [min(placed[pod], deleted[pod]) for pod in pods]
    level = mean_and_peak(instants, lambda now: sum(created[pod] <= now < waits[pod] for pod in pods))
    check(figures.pending(), level)


@pytest.mark.parametrize("seed", range(20))
def test_shares_of_nodes_are_means_over_time(seed: int) -> None:
    nodes, trace, timed = run_of(seed)
    figures = Figures(nodes, trace, timed)
    found = figures.by_node()
    assert np.isnan(found[2, 1]) and not np.isnan(found[2, 0])
    capacity, mean = figures.capacity, [figures.allocated(number).mean for number in range(3)]
    held = np.nansum(found * capacity / 100, axis=1)
    on_none = sum(trace.amounts()[2, trace.shape_of[timed.node == 1]])  # a node without devices holds none
    for number in range(3 if not on_none else 2):
        assert held[number] == pytest.approx(mean[number])


def test_means_between_edges() -> None:
    levels = Levels(np.array([0.0, 2.0, 4.0]), np.array([3, 1, 0]))
    assert levels.means(np.array([0.0, 1.0, 3.0, 4.0])).tolist() == [3, 2, 1]
    assert (levels.mean, levels.peak) == (2, 3)
    once = Levels(np.array([0.0]), np.array([5]))
    assert (once.mean, once.means(np.array([0.0, 0.0])).tolist()) == (5, [5])


def record_of(trace: Trace, nodes: Nodes) -> Record:
    return run_timed("key", "label", TimedInputs(nodes, trace), Policy("MostAllocated"), 42)


def test_a_small_trace_by_hand() -> None:
    """One node of 4 cores: a takes 3 until 10, b (3) waits from 2 to 10 and stays to 20, c (2) gives up at 8."""
    nodes = Nodes("n", ["only"], [NodeShape(4000, 100)], np.zeros(1, np.int32))
    shapes = [PodShape(3000, 10), PodShape(2000, 0), PodShape(9000, 0)]
    created, deleted = np.array([0.0, 2.0, 3.0, 4.0]), np.array([10.0, 20.0, 8.0, INF])
    trace = Trace("t", ["a", "b", "c", "huge"], shapes, np.array([0, 0, 1, 2], np.int32), created, deleted)
    record = record_of(trace, nodes)
    numbers = record.numbers
    assert (numbers["cpu_mean"], numbers["cpu_peak"]) == (75, 75)
    assert (numbers["memory_mean"], numbers["nodes_mean"], numbers["nodes_peak"]) == (10, 1, 1)
    assert (numbers["never_placed"], numbers["waited"], numbers["pending_peak"]) == (2, 1, 3)
    assert (numbers["wait_mean_s"], numbers["wait_max_s"]) == (4, 8)
    for percent in (50, 95, 99):
        assert numbers[f"wait_p{percent}_s"] == pytest.approx(percentile([0, 8], percent))
    assert "gpu_mean" not in numbers and "gpu" not in record.curve.values
    assert record.utilisation == {"cpu": [75.0], "memory": [10.0], "gpu": [-1.0]}
    assert record.sizes == {"no GPU": [4, 2]}
    assert record.curve.x[-1] == pytest.approx(20 - 10 / len(record.curve.x))
    assert set(record.curve.values["pending"][-40:]) == {1.0}  # the one that fits nowhere


def test_everything_at_one_instant() -> None:
    nodes = Nodes("n", ["a", "b"], [NodeShape(4000, 100)], np.zeros(2, np.int32))
    trace = Trace(
        "t", list("pqrs"), [PodShape(3000, 10)], np.zeros(4, np.int32), np.zeros(4), np.array([INF] * 3 + [0.0])
    )
    record = record_of(trace, nodes)
    assert (record.numbers["cpu_mean"], record.numbers["nodes_peak"], record.numbers["never_placed"]) == (75, 2, 2)
    assert record.curve.x == [0.0] and record.curve.values["pending"] == [1.0]
    assert record.utilisation["cpu"] == [75.0, 75.0]


def test_nobody_finds_a_node() -> None:
    nodes = Nodes("n", ["a"], [NodeShape(1000, 100)], np.zeros(1, np.int32))
    trace = Trace("t", ["p"], [PodShape(3000, 10)], np.zeros(1, np.int32), np.zeros(1), np.array([5.0]))
    numbers = record_of(trace, nodes).numbers
    assert (numbers["never_placed"], numbers["wait_mean_s"], numbers["cpu_peak"], numbers["nodes_mean"]) == (1, 0, 0, 0)
