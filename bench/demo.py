"""``stowage bench demo``: the main job on a synthetic cluster and on a production format's sample, with a report."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from time import perf_counter

from bench.scheduling.execute import Finished, execute
from bench.scheduling.options import NODES, PODS, SEED, WORKLOAD, ZONES, Options
from bench.terminal import show
from bench.workloads import source
from cluster_shim.cli.output import check_writable
from cluster_shim.cli.terminal import notice, working
from cluster_shim.scheduler.configuration import configure


def run(report: Path) -> bool:
    """Run both workloads, print them, write the report; True if it was interrupted."""
    check_writable(report, "--report")
    finished: list[Finished] = []
    for make in (synthetic, sample):
        finished.append(_run(make))
        show(finished[-1].result, [])
        print(flush=True)
        if finished[-1].result.interrupted:
            break
    from bench.report.page import write_report

    with working("drawing the report"):
        write_report(report, finished)
    notice(f"report: {report}")
    return finished[-1].result.interrupted


def synthetic() -> source.Workload:
    """Make the default synthetic workload."""
    return source.synthetic(WORKLOAD, NODES, PODS, ZONES, SEED)


def sample() -> source.Workload:
    """Read the sample that ships with the project."""
    data = files("bench") / "data"
    with as_file(data / "openb_sample_nodes.csv") as nodes_csv, as_file(data / "openb_sample_pods.csv") as pods_csv:
        return source.trace(nodes_csv, pods_csv)


def _run(make: Callable[[], source.Workload]) -> Finished:
    config, plugins, _ = configure(None)
    began = perf_counter()
    with working("making the cluster"):
        workload = make()
    return execute(workload, config, plugins, "auto", Options().of_engine(), began)
