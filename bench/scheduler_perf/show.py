"""What a person sees of the workloads: the table on a terminal, and in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bench.machine import stowage_version, this_machine
from bench.scheduler_perf.collector import Measured
from bench.scheduler_perf.data_items import NOT_COLLECTED
from bench.scheduler_perf.read import Job
from bench.scheduler_perf.result import JobResult
from cluster_shim.cli.terminal import console

COLUMNS = ("workload", "nodes", "pods", "scheduled", "threshold", "ours", "ratio", "measure", "passed")

WIDTH = 128
"""Where the output is not a terminal: as much as the longest names need."""


class Row(NamedTuple):
    """One measurement, as text."""

    case: str
    workload: str
    numbers: tuple[str, ...]
    passed: bool


def rows(results: Sequence[JobResult]) -> Iterator[Row]:
    """Return one row for each measurement; a workload that was not measured has one too."""
    for result in results:
        for measured in result.measured:
            yield _row(result, measured, several=len(result.measured) > 1)
        if not result.measured:
            numbers = (f"{result.nodes:,}", "", "", _number(result.threshold), "", "", "", "no")
            yield Row(*_names(result), numbers, passed=False)


def show(results: Sequence[JobResult], notes: Sequence[str], *, stderr: bool) -> None:
    """Print the table, why workloads stopped, and what has to be known about the figures."""
    out = console(stderr)
    if not out.is_terminal:
        out.width = WIDTH
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for position, column in enumerate(COLUMNS):
        text = column in ("workload", "measure", "passed")
        table.add_column(column, justify="left" if text else "right", overflow="fold", no_wrap=position > 0)
    case = ""
    for row in rows(results):
        if row.case != case:
            table.add_row(Text(row.case, style="bold"))
            case = row.case
        table.add_row(f"  {escape(row.workload)}", *row.numbers, style=None if row.passed else "red")
    out.print(table)
    for result in results:
        if result.stopped:
            out.print(Text(f"{result.name}: {result.stopped}", style="red"))
        if result.interrupted:
            out.print(Text(f"{result.name}: interrupted", style="bold red"))
    for note in notes:
        out.print(Text(note, style="yellow" if note.startswith("warning") else "dim"))
    out.print(Text(f"not collected: {', '.join(NOT_COLLECTED)}", style="dim"))


def show_list(jobs: Sequence[Job]) -> None:
    """Print what would run."""
    for job in jobs:
        labels = ",".join(sorted(job.labels))
        print(f"{job.topic}\t{job.name}\t{labels}\t{_number(job.threshold)}")


def markdown(results: Sequence[JobResult], created: str) -> str:
    """Return the table as Markdown; ``created`` is the date."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" + "|--:" * 6 + "|---|---|"]
    lines += [f"| {' | '.join((f'{row.case}/{row.workload}', *row.numbers))} |" for row in rows(results)]
    lines += ["", f"Measured on {created} with stowage {stowage_version()} on {this_machine()}."]
    return "\n".join(lines)


def _row(result: JobResult, measured: Measured, *, several: bool) -> Row:
    value, threshold = result.value(measured), result.threshold
    passed = result.passes(measured) and not result.stopped and not result.interrupted
    case, workload = _names(result)
    numbers = (
        f"{result.nodes:,}",
        f"{measured.pods:,}",
        f"{measured.scheduled:,}",
        _number(threshold),
        "" if value is None else _number(value),
        "" if value is None or not threshold else f"{_number(value / threshold)} ×",
        measured.measure.value,
        "yes" if passed else "no",
    )
    return Row(case, f"{workload}/{measured.name}" if several else workload, numbers, passed)


def _names(result: JobResult) -> tuple[str, str]:
    """Return the names of test case and workload."""
    case, _, workload = result.name.partition("/")
    return case, workload


def _number(value: float) -> str:
    """Return a number with as many digits as are worth reading; nothing for 0."""
    if not value:
        return ""
    return f"{float(f'{value:.3g}'):,.{0 if value >= 100 else 1}f}".removesuffix(".0")
