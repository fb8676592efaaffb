"""What ``stowage bench scheduling`` does with its options: read everything, run, show, write.

Nothing is written before everything that was given has been read and found good.
"""

from __future__ import annotations

from time import perf_counter

from bench.scheduling.compare import read_earlier
from bench.scheduling.execute import execute
from bench.scheduling.options import NODES, PODS, SEED, WORKLOAD, ZONES, Options
from bench.scheduling.result import Result
from bench.terminal import show
from bench.workloads import source
from cluster_shim.cli.output import check_writable
from cluster_shim.cli.result import check_json, write_json
from cluster_shim.cli.terminal import Bar, working
from cluster_shim.scheduler.configuration import configure
from cluster_shim.scheduler.watchdog import CallHangs, watching


def run(options: Options) -> Result:
    """Run, print and write; raises StowageError or a usage error for bad input."""
    check_json(options.json_file)
    if options.report:
        check_writable(options.report, "--report")
    config, plugins, files = configure(options.profile, options.plugins, options.disable)
    earlier = [(str(path), read_earlier(path)) for path in options.compare]
    began = perf_counter()
    workload = workload_of(options)
    with watching([file for file in files if file.suffix == ".py"], error=CallHangs):
        finished = execute(workload, config, plugins, options.engine, options.of_engine(), began, earlier)
    result = finished.result
    show(result, finished.comparisons, stderr=options.json_file == "-")
    write_json(options.json_file, result)
    if options.report:
        from bench.report.page import write_report

        write_report(options.report, [finished])
    return result


def workload_of(options: Options) -> source.Workload:
    """Read or make the workload; raises InvalidObjects for objects or lists that cannot be used."""
    if options.from_files:
        strict = options.validate != "ignore"
        with Bar("reading objects") as bar:
            return source.objects(
                options.from_files, skip_invalid=options.skip_invalid, strict=strict, on_progress=bar.of
            )
    with working("making the cluster"):
        if options.trace and options.nodes_csv and options.pods_csv:
            return source.trace(options.nodes_csv, options.pods_csv)
        return source.synthetic(
            options.workload or WORKLOAD,
            options.nodes or NODES,
            options.pods or PODS,
            options.zones or ZONES,
            SEED if options.seed is None else options.seed,
        )
