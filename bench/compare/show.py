"""The tables of a comparison on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

from bench.compare.limit import limit_lines, limits_of
from bench.compare.summary import Cell, Metric, TraceSummary
from bench.report.names import wrapped
from cluster_shim.cli.terminal import console, literal, new_table

if TYPE_CHECKING:
    from rich.table import Table

TEST = (
    "± is the standard deviation over seeds. Below that: the difference from {baseline} on the same seeds, and the "
    "p-value of an exact paired permutation test, corrected for the policies held against {baseline} by that number "
    "(Holm); * p < 0.05."
)

ALIKE = "All seeds come to the same, so there is nothing to test."
NAME_CHARS, HEADER_CHARS, WIDE_HEADER_CHARS = 12, 10, 24
"""Where names and headers break: ten columns fit into a terminal of 110, and no word is torn."""
MOST_METRICS = 9
"""A table of more of them is turned: it has a line for each metric, and a column for each policy."""


def show(summaries: list[TraceSummary], metrics: dict[str, list[Metric]]) -> None:
    """Print a table for each trace."""
    out = console()
    for summary in summaries:
        out.print(f"\n{literal(summary.trace)}: {seeds_text(summary)}", style="bold")
        shown, zeros = without_zeros(summary, metrics[summary.trace])
        out.print(_table(summary, shown))
        if zeros:
            out.print(f"0 in all runs: {zeros}", style="dim")
        for line in limit_lines(summary.bounds, summary.seeds):
            out.print(f"no policy can beat: {line}", style="dim")
        if summary.bounds:
            out.print("how far from that, mean of the seeds:")
            out.print(_distances(summary))
        if reason := untested(summary) or alike(summary):
            out.print(literal(reason), style="dim")
    if any(map(tested, summaries)):
        out.print(TEST.format(baseline=literal(summaries[0].baseline)), style="dim")


def without_zeros(summary: TraceSummary, metrics: Sequence[Metric]) -> tuple[list[Metric], str]:
    """Return the metrics that are not 0 in all runs, and the names of those that are."""
    zeros = [
        metric
        for metric in metrics
        if all(row.cells[metric.key].least == row.cells[metric.key].most == 0 for row in summary.rows)
    ]
    return [metric for metric in metrics if metric not in zeros], ", ".join(metric.label for metric in zeros)


def alike(summary: TraceSummary) -> str:
    """Return that there is nothing to test, where all seeds come to the same."""
    cells = [cell for row in summary.rows for cell in row.cells.values() if cell.difference is not None]
    return "" if len(summary.seeds) < 2 or not cells or any(cell.p is not None for cell in cells) else ALIKE


def _table(summary: TraceSummary, metrics: list[Metric]) -> Table:
    if len(metrics) > MOST_METRICS:
        return _turned(summary, metrics)
    header = (f"{broken(metric.label)}\n{broken(metric.unit)}" for metric in metrics)
    table = new_table("policy", *header, "one run\ns")
    table.padding = (0, 1, 0, 0)
    for row in summary.rows:
        cells = [cell_text(row.cells[metric.key], metric) for metric in metrics]
        table.add_row(literal(wrapped(row.policy, NAME_CHARS)), *cells, seconds_text(row.seconds))
    return table


def _turned(summary: TraceSummary, metrics: list[Metric]) -> Table:
    table = new_table("", *(literal(wrapped(row.policy, NAME_CHARS)) for row in summary.rows))
    table.padding = (0, 1, 0, 0)
    for metric in metrics:
        cells = (cell_text(row.cells[metric.key], metric) for row in summary.rows)
        table.add_row(
            f"{metric.label} ({metric.unit})", *(cell.replace("\n±", " ±").replace("\np", ", p") for cell in cells)
        )
    table.add_row("one run (s)", *(seconds_text(row.seconds) for row in summary.rows))
    return table


def broken(header: str, most: int = HEADER_CHARS) -> str:
    """Return a header in lines of about ``most`` characters; a number and its % stay together."""
    return fill(header.replace(" %", "\N{NO-BREAK SPACE}%"), most, break_long_words=False)


def _distances(summary: TraceSummary) -> Table:
    header, rows = distances(summary)
    table = new_table(*("\n".join(broken(line, WIDE_HEADER_CHARS) for line in each.splitlines()) for each in header))
    for policy, *cells in rows:
        table.add_row(literal(policy), *cells)
    return table


def distances(summary: TraceSummary) -> tuple[list[str], list[list[str]]]:
    """Return header, units on a line of their own, and rows of a table of how far each policy is from the bounds."""
    limits = limits_of(summary.bounds)
    header = ["policy", *(f"{limit.label}\n({limit.unit})" for limit in limits)]
    rows = [
        [row.policy, *(f"{row.from_bounds[limit.key]:,.{limit.decimals}f}" if limit.key in row.from_bounds else ""
                       for limit in limits)]
        for row in summary.rows
    ]  # fmt: skip
    return header, rows


def tested(summary: TraceSummary) -> bool:
    """Return whether any policy is held against the baseline."""
    return any(cell.difference is not None for row in summary.rows for cell in row.cells.values())


def untested(summary: TraceSummary) -> str:
    """Return why the policies are not held against each other; nothing where they are, or where there is but one."""
    if tested(summary) or [row.policy for row in summary.rows] == [summary.baseline]:
        return ""
    if summary.baseline not in [row.policy for row in summary.rows]:
        return f"There is no run of {summary.baseline} yet that the others could be held against."
    return f"There is no seed yet that all policies have, so none is held against {summary.baseline}."


def cell_text(cell: Cell, metric: Metric) -> str:
    """Return mean and deviation, and below them how they differ from the baseline's."""
    text = f"{cell.mean:,.{metric.decimals}f}"
    if cell.std is not None:
        text += f"\n± {cell.std:,.{metric.decimals}f}"  # on a line of its own, or narrow columns break before it
    if cell.difference is None:
        return text
    return f"{text}\n{difference_text(cell, metric)}"


def difference_text(cell: Cell, metric: Metric) -> str:
    """Return the difference from the baseline and its p-value."""
    p = cell.p_corrected
    star = "*" if p is not None and p < 0.05 else ""
    shown = "" if p is None else f"\np {p:.3f}{star}" if p >= 0.001 else f"\np < 0.001{star}"
    text = f"{cell.difference:+,.{metric.decimals}f}"
    return f"{text if text.strip('+-0.') else text[1:]}{shown}"  # nothing is neither more nor less


def seconds_text(seconds: float) -> str:
    """Return a time in seconds with as many decimals as are worth reading."""
    return f"{seconds:,.{2 if seconds >= 0.1 else 4}f}"


def seeds_text(summary: TraceSummary) -> str:
    """Return how many seeds there are, and which."""
    seeds = summary.seeds
    if not seeds:
        return "no seed that all policies have"
    run = seeds == list(range(seeds[0], seeds[-1] + 1))
    named = f"{seeds[0]} to {seeds[-1]}" if run and len(seeds) > 2 else ", ".join(map(str, seeds))
    return f"{len(seeds)} seed{'s' * (len(seeds) != 1)} ({named})"
