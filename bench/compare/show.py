"""The tables of a comparison on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.compare.summary import Cell, Metric, TraceSummary
from cluster_shim.cli.terminal import console, literal, new_table

if TYPE_CHECKING:
    from rich.table import Table

TEST = (
    "± is the standard deviation over seeds. Below a mean: its difference from {baseline} on the same seeds, and the "
    "p-value of an exact paired permutation test, corrected for the policies held against {baseline} by that number "
    "(Holm); * p < 0.05."
)
BOUNDS = {
    "allocated_any": "allocated, whichever pods are served: at most {:.2f} %",
    "allocated_served": "allocated, if all that arrive up to {served_percent:.0f} % are served: at most {:.2f} %",
    "nodes": "nodes for what has arrived at 50 %: at least {:.1f}",
}


def show(summaries: list[TraceSummary], metrics: dict[str, list[Metric]]) -> None:
    """Print a table for each trace."""
    out = console()
    for summary in summaries:
        out.print(f"\n{literal(summary.trace)}: {seeds_text(summary)}", style="bold")
        out.print(_table(summary, metrics[summary.trace]))
        for line in bound_lines(summary):
            out.print(f"no policy can beat: {line}", style="dim")
    if summaries and len(summaries[0].rows) > 1:
        out.print(TEST.format(baseline=literal(summaries[0].baseline)), style="dim")


def _table(summary: TraceSummary, metrics: list[Metric]) -> Table:
    table = new_table("policy", *(f"{metric.label}\n{metric.unit}" for metric in metrics), "one run\ns")
    for row in summary.rows:
        cells = [cell_text(row.cells[metric.key], metric) for metric in metrics]
        table.add_row(literal(row.policy), *cells, f"{row.seconds:.2f}")
    return table


def cell_text(cell: Cell, metric: Metric) -> str:
    """Return mean and deviation, and below them how they differ from the baseline's."""
    text = f"{cell.mean:,.{metric.decimals}f}"
    if cell.std is not None:
        text += f" ± {cell.std:,.{metric.decimals}f}"
    if cell.difference is None:
        return text
    return f"{text}\n{difference_text(cell, metric)}"


def difference_text(cell: Cell, metric: Metric) -> str:
    """Return the difference from the baseline and its p-value."""
    p = cell.p_corrected
    star = "*" if p is not None and p < 0.05 else ""
    shown = "" if p is None else f"\np {p:.3f}{star}" if p >= 0.001 else f"\np < 0.001{star}"
    return f"{cell.difference:+,.{metric.decimals}f}{shown}"


def seeds_text(summary: TraceSummary) -> str:
    """Return how many seeds there are, and which."""
    seeds = summary.seeds
    if not seeds:
        return "no seed that all policies have"
    run = seeds == list(range(seeds[0], seeds[-1] + 1))
    named = f"{seeds[0]} to {seeds[-1]}" if run and len(seeds) > 2 else ", ".join(map(str, seeds))
    return f"{len(seeds)} seed{'s' * (len(seeds) != 1)} ({named})"


def bound_lines(summary: TraceSummary) -> list[str]:
    """Return what the bounds say, a line each."""
    bounds = summary.bounds
    return [text.format(bounds[key], **bounds) for key, text in BOUNDS.items() if key in bounds]
