"""One measured run: engine from a workload, kernels compiled, pods scheduled, result summarised and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, NamedTuple

from bench.scheduling.compare import Comparison, compare
from bench.scheduling.options import Speed
from bench.scheduling.result import Result, summarise
from bench.scheduling.run import schedule
from bench.workloads.source import Workload
from cluster_shim.cli.inputs import tell_of_compiling
from cluster_shim.cli.terminal import Bar, working
from cluster_shim.extender import connect
from sched_core import Engine, Plugin, SchedulerConfiguration


class Finished(NamedTuple):
    """A run that is over, whole or interrupted."""

    workload: Workload
    result: Result
    comparisons: list[Comparison]


def execute(
    workload: Workload,
    config: SchedulerConfiguration,
    plugins: Mapping[str, type[Plugin]],
    speed: Speed,
    options: dict[str, Any],
    setup_began: float,
    earlier: Sequence[tuple[str, Result]] = (),
) -> Finished:
    """Schedule a workload and return what came of it; ``setup_began`` is when its reading or making began."""
    with working("building the engine"):
        engine = Engine(workload.cluster, config, speed=speed, plugins=plugins, extenders=connect)
    setup_seconds = perf_counter() - setup_began
    tell_of_compiling(engine.kernels_cached())
    with working("loading kernels"):
        compile_seconds = engine.warm_up()
    with Bar("scheduling", workload.pod_count) as bar:
        outcome = schedule(engine, workload, bar)
    result = summarise(workload, options, engine, outcome, setup_seconds, compile_seconds)
    return Finished(workload, result, [compare(result, before, name) for name, before in earlier])
