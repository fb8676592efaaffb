"""What a person sees: the table of results, notices, and progress where stderr is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID
    from rich.table import Table

    from bench.scheduling.compare import Change, Comparison
    from bench.scheduling.result import Result

SHOW_AFTER_S, WORTH_SHOWING_S = 0.4, 2.0
WIDTH = 110


def console(stderr: bool = False) -> Console:
    """Return a console; where the output is not a terminal, lines are WIDTH long."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else WIDTH, highlight=False)


def notice(text: str) -> None:
    """Write one line to stderr."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show that something without a known end goes on."""
    if not sys.stderr.isatty():
        yield
        return
    with console(stderr=True).status(text):
        yield


class Bar(AbstractContextManager["Bar"]):
    """A progress bar that appears only if the whole thing will take more than two seconds."""

    def __init__(self, text: str, total: int = 0) -> None:
        self._text, self._total, self._begin = text, total, perf_counter()
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._wanted = sys.stderr.isatty()

    def of(self, done: int, total: int) -> None:
        """Show progress of something whose size is known only once it has begun."""
        self._total = total
        self(done)

    def __call__(self, done: int) -> None:
        """Show that ``done`` of the total is done."""
        if not self._wanted or not done:
            return
        if self._progress is None:
            elapsed = perf_counter() - self._begin
            if elapsed < SHOW_AFTER_S or elapsed * self._total / done < WORTH_SHOWING_S:
                return
            self._start()
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done)

    def _start(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console(stderr=True), transient=True)
        self._task = self._progress.add_task(self._text, total=self._total)
        self._progress.start()

    def __exit__(self, *exception: object) -> None:
        if self._progress is not None:
            self._progress.stop()


def show(result: Result, comparisons: list[Comparison], stderr: bool = False) -> None:
    """Print a result and how it compares."""
    from rich.text import Text

    out = console(stderr)
    title = Text(result.title, style="bold")
    if result.interrupted:
        title.append(f"\ninterrupted after {result.decided:,} of {result.pods:,} pods", style="bold red")
    out.print(title)
    out.print(_summary(result))
    out.print(_utilisation(result))
    if result.unschedulable_reasons:
        out.print(_reasons(result))
    for note in _notes(result):
        out.print(Text(note, style="dim"))
    for comparison in comparisons:
        out.print(Text(f"\nagainst {comparison.name} ({comparison.earlier.created})", style="bold"))
        out.print(_comparison(comparison))
        for remark in comparison.remarks:
            out.print(Text(f"  {remark}"))


def _table(*columns: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_header=any(columns))
    for position, column in enumerate(columns):
        table.add_column(column, justify="right" if position else "left", overflow="fold")
    return table


def summary_rows(result: Result) -> list[tuple[str, str]]:
    """Return the headline numbers of a result as label and text, for terminal and report alike."""
    speeds = ", ".join(f"{name} {pods:,}" for name, pods in result.speeds.items())
    share = 100 * result.unschedulable / result.decided if result.decided else 0.0
    latencies = (result.latency_us_p50, result.latency_us_p90, result.latency_us_p99, result.latency_us_max)
    return [
        ("decisions per second", f"{result.decisions_per_second:,.0f}"),
        ("scheduling", f"{result.seconds:.3f} s for {result.decided:,} pods ({speeds or 'no pod'})"),
        ("latency p50 / p90 / p99 / max", " / ".join("-" if us is None else f"{us:,.1f}" for us in latencies) + " µs"),
        ("scheduled", f"{result.scheduled:,}"),
        (
            "unschedulable",
            f"{result.unschedulable:,} ({share:.2f} %)" + (f", {result.errors:,} errors" if result.errors else ""),
        ),
        ("nodes used", f"{result.nodes_used:,} of {result.nodes:,}"),
        ("peak memory", f"{result.peak_rss_bytes / 2**20:,.0f} MiB"),
        ("set-up / compile", f"{result.setup_seconds:.2f} s / {result.compile_seconds:.2f} s"),
        ("machine", str(result.machine)),
    ]


def _summary(result: Result) -> Table:
    table = _table("", "")
    table.columns[1].justify = "left"
    for label, text in summary_rows(result):
        table.add_row(label, text)
    return table


def _utilisation(result: Result) -> Table:
    table = _table("resource", "mean of nodes %", "std. deviation", "of the cluster %", "nodes that have it")
    for name, used in result.utilisation.items():
        table.add_row(
            _literal(name),
            f"{used.mean_percent:.1f}",
            f"{used.stddev_percent:.1f}",
            f"{used.percent:.1f}",
            f"{used.nodes:,}",
        )
    return table


def _reasons(result: Result) -> Table:
    table = _table("why pods were not scheduled", "pods")
    for reason in result.unschedulable_reasons[:12]:
        table.add_row(_literal(reason.text), f"{reason.pods:,}")
    return table


def _notes(result: Result) -> list[str]:
    return list(result.notes)


def _comparison(comparison: Comparison) -> Table:
    table = _table("", "then", "now", "change", "")
    table.columns[4].justify = "left"
    for change in comparison.changes:
        mark = f"REGRESSION ({change.rule})" if change.regression else ""
        percent = "" if change.percent is None else f"{change.percent:+.1f} %"
        label = f"{change.rule.label}, {change.rule.unit}"
        table.add_row(
            label,
            number(change, change.before),
            number(change, change.now),
            percent,
            mark,
            style="red" if mark else None,
        )
    return table


def number(change: Change, value: float) -> str:
    """Return a number of a comparison with as many digits as are worth reading."""
    return f"{value:,.1f}" if change.rule.unit == "µs" else f"{value:,.0f}"


def _literal(text: str) -> str:
    from rich.markup import escape

    return escape(text)
