"""The report of a comparison: one HTML file, no script, nothing fetched; tables and figures for each trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from bench.compare import figures
from bench.compare.command import Summary
from bench.compare.record import RESOURCES, Record
from bench.compare.show import bound_lines, difference_text, seeds_text
from bench.compare.summary import Cell, Metric, TraceSummary
from bench.report.page import figure, table
from bench.report.style import STYLE
from bench.report.svg import drawing
from bench.traces.trace import Nodes
from cluster_shim.cli.output import write_atomically

WHOLE_CELLS = ".numbers td { white-space: nowrap; }"
"""A mean and its deviation stay together; the table scrolls where it is too wide."""
LAST_PART = 80.0
"""The percent of arrival from which the second figure of what is allocated begins: before, all policies are alike."""


def write_report(
    path: Path,
    summary: Summary,
    metrics: Mapping[str, Sequence[Metric]],
    records: Mapping[str, Sequence[Record]],
    nodes: Nodes,
) -> None:
    """Draw a comparison and write it as one file; ``metrics`` and ``records`` are by trace."""
    with drawing():
        sections = [
            _section(each, metrics[each.trace], records[each.trace], nodes, f"trace{position}")
            for position, each in enumerate(summary.traces)
        ]
    names = ", ".join(row.policy for row in summary.traces[0].rows)
    interrupted = '<p class="bad">Interrupted: not all runs are in here.</p>\n' if summary.interrupted else ""
    text = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Policies compared: {escape(names)}</title>\n<style>{STYLE}{WHOLE_CELLS}</style>\n</head>\n<body>\n"
        f"<header><h1>Policies compared: {escape(names)}</h1>"
        f'<p class="dim">stowage {escape(summary.version)} · {escape(str(summary.machine))}</p></header>\n'
        f"{interrupted}{''.join(sections)}</body>\n</html>\n"
    )
    write_atomically(path, text)


def _section(
    summary: TraceSummary, metrics: Sequence[Metric], records: Sequence[Record], nodes: Nodes, name: str
) -> str:
    runs = {row.policy: [each for each in records if each.policy == row.policy] for row in summary.rows}
    allocated, fragmented = "allocated (% of all GPUs)", "fragmented (% of idle GPUs)"
    pairs = (
        ("Allocated", figures.curve(runs, "allocated", allocated, name)),
        ("Allocated, the last part", figures.curve(runs, "allocated", allocated, f"{name}-last", LAST_PART)),
        ("Fragmented: what typical pods cannot use", figures.curve(runs, "fragmented", fragmented, name)),
        ("Pods without a node so far", figures.curve(runs, "failed", "pods without a node (%)", name)),
        ("Pods without a node, by size", figures.failures(runs, name)),
        ("Time", figures.times(runs, name)),
    )
    bounds = "".join(f'<p class="dim">No policy can beat: {escape(line)}.</p>\n' for line in bound_lines(summary))
    maps = "".join(
        figure(f"{resource}: percent of each node in use in the end, mean of the seeds", drawn)
        for resource in RESOURCES
        for drawn in [figures.utilisation(runs, nodes, resource, name)]
    )
    return (
        f"<section>\n<h2>{escape(summary.trace)}: {escape(seeds_text(summary))}</h2>\n"
        f'<div class="numbers">{_numbers(summary, metrics)}</div>{bounds}'
        f'<p class="dim">Bands reach from the least to the most of the seeds.</p>\n'
        f'<div class="pair">{"".join(figure(caption, drawn) for caption, drawn in pairs)}</div>\n{maps}</section>\n'
    )


def _numbers(summary: TraceSummary, metrics: Sequence[Metric]) -> str:
    header = ["policy", *(f"{metric.label} ({metric.unit})" for metric in metrics)]
    rows = [[row.policy, *(_mean(row.cells[metric.key], metric) for metric in metrics)] for row in summary.rows]
    others = [row for row in summary.rows if row.policy != summary.baseline]
    against = [
        [row.policy, *(_against(row.cells[metric.key], metric) for metric in metrics if metric.compared)]
        for row in others
    ]
    text = table(header, rows)
    if against:
        compared = ["policy", *(metric.label for metric in metrics if metric.compared)]
        text += (
            f"<h3>Difference from {escape(summary.baseline)} on the same seeds</h3>{table(compared, against)}"
            '<p class="dim">p: exact paired permutation test over seeds, two-sided, corrected for the number of '
            "policies (Holm); * below 0.05.</p>\n"
        )
    return text


def _mean(cell: Cell, metric: Metric) -> str:
    text = f"{cell.mean:,.{metric.decimals}f}"
    return text if cell.std is None else f"{text} ± {cell.std:,.{metric.decimals}f}"


def _against(cell: Cell, metric: Metric) -> str:
    return "" if cell.difference is None else difference_text(cell, metric).replace("\n", ", ")
