"""What ``stowage bench scheduler-perf`` does with its options: read everything, run, show, write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import click
from msgspec import Struct

from bench.scheduler_perf import gates
from bench.scheduler_perf.data_items import document
from bench.scheduler_perf.harness import Harness, Interrupted, Stopped, collector_paused
from bench.scheduler_perf.operations import run_operation
from bench.scheduler_perf.read import Job, read
from bench.scheduler_perf.result import JobResult, median, result_of
from bench.scheduler_perf.select import select
from bench.scheduler_perf.show import markdown, show, show_list
from bench.scheduling.run import Interrupt
from bench.table import replace_between_markers
from cluster_shim.cli.output import check_writable, write_atomically
from cluster_shim.cli.result import check_json, write_json
from cluster_shim.cli.terminal import Bar, notice
from sched_core import StowageError

TABLE = "scheduler-perf"
"""The name of the table between the markers of a Markdown file."""


class Options(Struct, frozen=True, kw_only=True):
    """The options of the command."""

    files: tuple[Path, ...]
    name: re.Pattern[str] | None
    labels: tuple[str, ...]
    json_file: str | None
    list_only: bool
    repeat: int
    timeout_s: float
    update: Path | None


class Outcome(Struct, frozen=True):
    """What the command came to."""

    passed: bool
    interrupted: bool = False


def run(options: Options) -> Outcome:
    """Run, print and write; raises InvalidObjects or a usage error before anything runs."""
    jobs = select(read(options.files), options.name, options.labels)
    if options.list_only:
        show_list(jobs)
        return Outcome(passed=True)
    if not jobs:
        raise click.UsageError("No workload has this name and these labels; --list shows what there is.")
    check_json(options.json_file)
    if options.update:
        check_writable(options.update, "--update")
        replace_between_markers(options.update.read_text(encoding="utf-8"), "", str(options.update), TABLE)
    results = run_jobs(jobs, options.repeat, options.timeout_s)
    notes = gates.notes(result.gates for result in results)
    show(results, notes, stderr=options.json_file == "-")
    _write(options, results, notes)
    interrupted = any(result.interrupted for result in results)
    return Outcome(all(result.passed for result in results), interrupted)


def run_jobs(jobs: Sequence[Job], repeat: int, timeout_s: float) -> list[JobResult]:
    """Run workloads one after the other, each ``repeat`` times; Ctrl-C ends it with what there is."""
    results: list[JobResult] = []
    with Interrupt() as interrupt:
        for number, job in enumerate(jobs, 1):
            notice(f"[{number}/{len(jobs)}] {job.name}")
            runs: list[JobResult] = []
            while not runs or (len(runs) < repeat and not interrupt.requested):  # a run says that it was interrupted
                runs.append(run_job(job, interrupt, timeout_s))
            results.append(median(runs))
            if interrupt.requested:
                break
    return results


def run_job(job: Job, interrupt: Interrupt, timeout_s: float) -> JobResult:
    """Run one workload."""
    began = perf_counter()
    with collector_paused(), Bar("measured pods") as bar:
        harness = Harness(job, interrupt, timeout_s, bar.of)
        stopped, interrupted, index = "", False, 0
        try:
            for index, operation in enumerate(job.operations):
                run_operation(harness, operation, index)
        except (Stopped, StowageError) as reason:
            stopped = f"operation {index} ({type(job.operations[index]).__name__}): {reason}"
        except Interrupted:
            interrupted = True
    measured = list(harness.measured)
    if harness.collector is not None:
        measured.append(harness.collector.result())
    return result_of(job, harness.nodes, measured, perf_counter() - began, stopped=stopped, interrupted=interrupted)


def _write(options: Options, results: Sequence[JobResult], notes: Sequence[str]) -> None:
    write_json(options.json_file, document(results, notes))
    if options.update:
        table = markdown(results, f"{datetime.now(UTC):%Y-%m-%d}")
        before = options.update.read_text(encoding="utf-8")
        write_atomically(options.update, replace_between_markers(before, table, str(options.update), TABLE))
        notice(f"wrote the table into {options.update}")
