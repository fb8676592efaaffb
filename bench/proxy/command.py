"""What ``stowage bench proxy`` does: measure each mode at each size in a process of its own; show, write."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import click

from bench.proxy.measure import Job, measure
from bench.proxy.result import Result
from bench.proxy.show import markdown, show
from bench.proxy.workload import MOST_ENDPOINTS
from bench.table import replace_between_markers
from cluster_shim.cli.output import check_writable, write_atomically
from cluster_shim.cli.result import check_json, write_json
from cluster_shim.cli.terminal import notice, working
from proxy_core import KernelError, ProxyError
from proxy_core.kernel.iptables import Variant

TABLE = "proxy"
"""The name in the markers of the README."""


class Options(NamedTuple):
    """The options of the command, as they were given."""

    modes: Sequence[str]
    services: Sequence[int]
    endpoints: int
    changes: int
    render_only: bool
    seed: int
    iptables_variant: Variant
    json_file: str | None
    report: Path | None
    update: Path | None


class Outcome(NamedTuple):
    """What was measured, and what could not be."""

    results: list[Result]
    refusals: list[str]
    interrupted: bool


def run(options: Options) -> Outcome:
    """Measure, print and write; raises a usage error for too many endpoints, or a file that could not be written."""
    if max(options.services) * options.endpoints > MOST_ENDPOINTS:
        raise click.UsageError(f"--services times --endpoints must be {MOST_ENDPOINTS:,} at most.")
    check_json(options.json_file)
    if options.report:
        check_writable(options.report, "--report")
    if options.update:
        check_writable(options.update, "--update")
        replace_between_markers(options.update.read_text(encoding="utf-8"), "", str(options.update), TABLE)
    results: list[Result] = []
    refusals: list[str] = []
    interrupted = False
    try:
        for job in _jobs(options):
            name = f"{job.mode}, {job.services:,} × {job.endpoints:,}"
            try:
                with working(f"measuring {name}"):
                    results.append(_apart(job))
            except ProxyError as refused:
                notice(f"{name}: {refused}")
                refusals.append(f"{name}: {refused}")
    except KeyboardInterrupt:
        interrupted = True
    if results:
        show(results, stderr=options.json_file == "-")
        write_json(options.json_file, results[0] if len(options.modes) * len(options.services) == 1 else results)
        if options.report:
            from bench.proxy.report import write_report

            write_report(options.report, results)
        if options.update:
            before = options.update.read_text(encoding="utf-8")
            table = replace_between_markers(before, markdown(results), str(options.update), TABLE)
            write_atomically(options.update, table)
            notice(f"wrote the table into {options.update}")
    return Outcome(results, refusals, interrupted)


def _jobs(options: Options) -> Iterator[Job]:
    for services in options.services:
        for mode in options.modes:
            yield Job(
                mode,
                services,
                options.endpoints,
                options.changes,
                not options.render_only,
                options.seed,
                options.iptables_variant,
            )


def _apart(job: Job) -> Result:
    """Measure in a process of its own, so that memory and namespace are its own. Raises ProxyError."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(job, there), daemon=True)
    process.start()
    there.close()
    try:
        answer = here.recv()
    except EOFError:
        process.join()
        raise KernelError(f"the process that measured ended with status {process.exitcode}") from None
    finally:
        if process.is_alive():
            process.join(5)
            process.terminate()
    if isinstance(answer, Result):
        return answer
    raise KernelError(answer)


def _measure(job: Job, out: Connection) -> None:
    try:
        out.send(measure(job))
    except ProxyError as refused:
        out.send(str(refused))
    except KeyboardInterrupt:
        pass
