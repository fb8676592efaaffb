"""The kernels of a decision, on 10,000 nodes: choosing among totals, a fused pass, incremental placement, the cycle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.scheduling.config import configure
from bench.scheduling.options import Speed
from bench.workloads.nodes import synthetic_nodes
from bench.workloads.variety import all_different, one_class
from sched_core import Cluster, Engine, PodArray
from sched_core.kernels.select import best_in_preorder

NODES = 10_000


def engine_of(speed: Speed) -> Engine:
    """Return a warm engine on an empty synthetic cluster, every node considered."""
    config, _ = configure(None, (), ())
    engine = Engine(Cluster.from_array(synthetic_nodes(NODES, 3, 0)), config, speed=speed)
    engine.warm_up()
    return engine


@pytest.mark.parametrize("ties", [1, 100, NODES])
def test_select(benchmark: Any, ties: int) -> None:
    """Choose upstream's node among ``ties`` best of 10,000 totals."""
    rng = np.random.default_rng(0)
    total = rng.integers(0, 500, NODES).astype(np.int32)
    total[rng.choice(NODES, ties, replace=False)] = 500
    assert total[benchmark(best_in_preorder, total, NODES)] == 500


@pytest.mark.parametrize(("speed", "count"), [("fused", 100), ("incremental", 2000)])
def test_placement(benchmark: Any, speed: Speed, count: int) -> None:
    """Place pods by one compiled call: all different ones by fused passes, one class incrementally."""
    engine = engine_of(speed)
    empty = engine.snapshot()
    pods = all_different(count, 3, 0) if speed == "fused" else one_class(count)

    def setup() -> tuple[tuple[PodArray], dict[str, Any]]:
        engine.restore(empty)
        return (pods,), {}

    batch = benchmark.pedantic(engine.schedule_many, setup=setup, rounds=20, warmup_rounds=1)
    assert batch.scheduled == count
    benchmark.extra_info["decisions per second"] = round(count / benchmark.stats.stats.median)


def test_cycle(benchmark: Any) -> None:
    """Decide on one pod with all statuses and reasons kept."""
    engine = engine_of("cycle")
    pod = all_different(1, 3, 0).templates[0]
    assert benchmark(engine.evaluate, pod).node is not None
