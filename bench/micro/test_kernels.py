"""The kernels of a decision, on 10,000 nodes: choosing among totals, a fused pass, incremental placement, pods that
mind their neighbours, a plugin that is asked about each pod, the cycle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.scheduling.options import Speed
from bench.workloads.mixed import mixed
from bench.workloads.nodes import synthetic_nodes
from bench.workloads.variety import all_different, one_class
from cluster_shim.scheduler.configuration import EVERY_NODE, configure
from sched_core import (
    Cluster,
    CycleState,
    Engine,
    NodeColumns,
    NumberedNames,
    Plugin,
    PodArray,
    PodInfo,
    load_config,
    load_documents,
)
from sched_core.kernels.select import select_host

NODES = 10_000


def engine_of(speed: Speed) -> Engine:
    """Return a warm engine on an empty synthetic cluster, every node considered."""
    config = configure(None).config
    engine = Engine(Cluster.from_array(synthetic_nodes(NODES, 3, 0)), config, speed=speed)
    engine.warm_up()
    return engine


def note_rate(benchmark: Any, decisions: int) -> None:
    """Put decisions per second beside the times, unless this is a test and nothing is timed."""
    if benchmark.enabled:
        benchmark.extra_info["decisions per second"] = round(decisions / benchmark.stats.stats.median)


@pytest.mark.parametrize("ties", [1, 100, NODES])
def test_select(benchmark: Any, ties: int) -> None:
    """Choose upstream's node among ``ties`` best of 10,000 totals."""
    rng = np.random.default_rng(0)
    total = rng.integers(0, 500, NODES).astype(np.int32)
    total[rng.choice(NODES, ties, replace=False)] = 500
    assert total[benchmark(select_host, total)] == 500


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
    note_rate(benchmark, count)


@pytest.mark.parametrize("shape", ["apart", "soft"])
def test_neighbours(benchmark: Any, shape: str) -> None:
    """Place pods that mind their neighbours: anti-affinity by host, or soft spreading over hosts and zones."""
    selector = {"labelSelector": {"matchLabels": {"app": "x"}}}
    term = {"topologyKey": "kubernetes.io/hostname", **selector}
    soft = {"whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 1, **selector}
    spread = [{"topologyKey": key, **soft} for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")]
    apart = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    spec = {"affinity": apart} if shape == "apart" else {"topologySpreadConstraints": spread}
    metadata = {"name": "p", "labels": {"app": "x"}}
    containers = [{"name": "c", "image": "i"}]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers, **spec}}
    pods = PodArray(NumberedNames("p-{}", 500), load_documents([pod]).pods, np.zeros(500, np.int32))
    engine = engine_of("auto")
    empty = engine.snapshot()

    def setup() -> tuple[tuple[PodArray], dict[str, Any]]:
        engine.restore(empty)
        return (pods,), {}

    batch = benchmark.pedantic(engine.schedule_many, setup=setup, rounds=10, warmup_rounds=1)
    assert batch.scheduled == 500
    note_rate(benchmark, 500)


class FreeCpu(Plugin):
    """A score in array form that reads what placements change."""

    name = "FreeCpu"

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Any:
        return 100 - nodes.requested[0] * 100 // np.maximum(nodes.allocatable[0], 1)


@pytest.mark.parametrize("percentage", [100, 0])
def test_live_plugin(benchmark: Any, percentage: int) -> None:
    """Place pods with upstream's profile and a plugin of one's own, on every node or upstream's sample of them."""
    profile = {"plugins": {"multiPoint": {"enabled": [{"name": "FreeCpu", "weight": 2}]}}}
    config = load_config({**EVERY_NODE, "percentageOfNodesToScore": percentage, "profiles": [profile]})
    engine = Engine(Cluster.from_array(synthetic_nodes(NODES, 3, 0)), config, plugins={"FreeCpu": FreeCpu})
    engine.warm_up()
    empty, pods = engine.snapshot(), mixed(500, 3, 0)

    def setup() -> tuple[tuple[PodArray], dict[str, Any]]:
        engine.restore(empty)
        return (pods,), {}

    batch = benchmark.pedantic(engine.schedule_many, setup=setup, rounds=5, warmup_rounds=1)
    assert batch.speed_used["fused"] > 400
    note_rate(benchmark, 500)


def test_cycle(benchmark: Any) -> None:
    """Decide on one pod with all statuses and reasons kept."""
    engine = engine_of("cycle")
    pod = all_different(1, 3, 0).templates[0]
    assert benchmark(engine.evaluate, pod).node is not None
