"""The report of a comparison: one HTML file, no script, nothing fetched; tables and figures for each trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from bench.compare import figures
from bench.compare.command import Summary
from bench.compare.inputs import By
from bench.compare.limit import limit_lines
from bench.compare.record import RESOURCES, Record
from bench.compare.show import (
    MOST_METRICS,
    alike,
    broken,
    difference_text,
    distances,
    seconds_text,
    seeds_text,
    tested,
    untested,
    without_zeros,
)
from bench.compare.summary import Cell, Metric, TraceSummary
from bench.report.names import wrapped
from bench.report.page import figure, table
from bench.report.style import STYLE
from bench.report.svg import drawing
from bench.traces.trace import Nodes
from cluster_shim.cli.output import write_atomically

LINES = ".numbers td, .numbers th { white-space: pre; }"
"""Names and headers break where they are told to, a mean and its deviation stay together; a wide table scrolls."""
NAME_CHARS = 22
TITLES = {"cpu": "CPU", "memory": "memory", "gpu": "GPU"}
TIMES = "Time of one run, mean of the seeds"
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
            _section(each, metrics[each.trace], records[each.trace], nodes, f"trace{position}", summary.by)
            for position, each in enumerate(summary.traces)
        ]
    names = ", ".join(row.policy for row in summary.traces[0].rows)
    interrupted = '<p class="bad">Interrupted: not all runs are in here.</p>\n' if summary.interrupted else ""
    text = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Policies compared: {escape(names)}</title>\n<style>{STYLE}{LINES}</style>\n</head>\n<body>\n"
        f"<header><h1>Policies compared: {escape(names)}</h1>"
        f'<p class="dim">stowage {escape(summary.version)} · {escape(str(summary.machine))}</p></header>\n'
        f"{interrupted}{''.join(sections)}</body>\n</html>\n"
    )
    write_atomically(path, text)


def _section(
    summary: TraceSummary, metrics: Sequence[Metric], records: Sequence[Record], nodes: Nodes, name: str, by: By
) -> str:
    runs = {row.policy: [each for each in records if each.policy == row.policy] for row in summary.rows}
    pairs = _by_time(runs, name) if by == "time" else _by_arrival(runs, name)
    what = "mean over time and seeds" if by == "time" else "in the end, mean of the seeds"
    maps = "".join(
        figure(f"{TITLES[resource]}: percent of each node in use, {what}", drawn)
        for resource in RESOURCES
        if any(share >= 0 for share in records[0].utilisation[resource])
        for drawn in figures.utilisation(runs, nodes, resource, name)
    )
    return (
        f"<section>\n<h2>{escape(summary.trace)}: {escape(seeds_text(summary))}</h2>\n"
        f'<div class="numbers">{_numbers(summary, metrics)}{_bounds(summary)}</div>\n'
        f'<p class="dim">Bands reach from the least to the most of the seeds.</p>\n'
        f'<div class="pair">{"".join(figure(caption, drawn) for caption, drawn in pairs)}</div>\n{maps}</section>\n'
    )


def _by_arrival(runs: figures.Runs, name: str) -> Sequence[tuple[str, str]]:
    """Return captions and drawings of runs by arrival."""
    allocated, fragmented = "allocated (% of all GPUs)", "fragmented (% of idle GPUs)"
    last_part = [("Allocated, the last part", figures.curve(runs, "allocated", allocated, f"{name}-last", LAST_PART))]
    return (
        ("Allocated", figures.curve(runs, "allocated", allocated, name)),
        *last_part * (figures.end_of(runs) > LAST_PART),
        ("Fragmented: what typical pods cannot use", figures.curve(runs, "fragmented", fragmented, name)),
        ("Pods without a node so far", figures.curve(runs, "failed", "pods without a node (%)", name)),
        ("Pods without a node, by size", figures.failures(runs, name)),
        (TIMES, figures.times(runs, name)),
    )


def _by_time(runs: figures.Runs, name: str) -> Sequence[tuple[str, str]]:
    """Return captions and drawings of runs by time; there are no curves where all happens at one instant."""
    records = [each for found in runs.values() for each in found]
    pairs = _curves_of_time(runs, name) if any(len(each.curve.x) > 1 for each in records) else []
    if any(len(each.sizes) > 1 for each in records):
        pairs.append(("Pods that never had a node, by size", figures.failures(runs, name)))
    return (*pairs, (TIMES, figures.times(runs, name)))


def _curves_of_time(runs: figures.Runs, name: str) -> list[tuple[str, str]]:
    over = figures.time_of(runs)
    records = [each for found in runs.values() for each in found]
    shown = [each for each in RESOURCES if all(each in record.curve.values for record in records)]
    allocated = [
        (f"Allocated {TITLES[each]}", figures.curve(runs, each, f"{TITLES[each]} allocated (%)", name, over=over))
        for each in shown
    ]
    return [
        *allocated,
        ("Nodes that hold a pod", figures.curve(runs, "nodes", "nodes in use", name, over=over)),
        ("Pods that wait", figures.curve(runs, "pending", "pods that wait", name, over=over)),
    ]


def _numbers(summary: TraceSummary, metrics: Sequence[Metric]) -> str:
    metrics, zeros = without_zeros(summary, metrics)
    header = ["policy", *(f"{broken(metric.label)}\n({metric.unit})" for metric in metrics), "one run\n(s)"]
    rows = [
        [row.policy, *(_mean(row.cells[metric.key], metric) for metric in metrics), seconds_text(row.seconds)]
        for row in summary.rows
    ]
    against = [
        [row.policy, *(_against(row.cells[metric.key], metric) for metric in metrics if metric.compared)]
        for row in summary.rows
        if row.policy != summary.baseline
    ]
    text = _table(header, rows)
    if zeros:
        text += f'<p class="dim">0 in all runs: {escape(zeros)}.</p>\n'
    if reason := untested(summary):
        text += f'<p class="dim">{escape(reason)}</p>\n'
    elif tested(summary):
        compared = ["policy", *(broken(metric.label) for metric in metrics if metric.compared)]
        text += (
            f"<h3>Difference from {escape(summary.baseline)} on the same seeds</h3>{_table(compared, against)}"
            '<p class="dim">p: exact paired permutation test over seeds, two-sided, corrected for the number of '
            f"policies (Holm); * below 0.05. {alike(summary)}</p>\n"
        )
    return text


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; one of many metrics is turned, so that each of them is a row."""
    named = _named(rows)
    if len(header) <= MOST_METRICS + 2:  # the policy, and the time of a run
        return table(header, named)
    first, *turned = ([*cells] for cells in zip(header, *named, strict=True))
    return table(["", *first[1:]], [[name.replace("\n", " "), *cells] for name, *cells in turned])


def _bounds(summary: TraceSummary) -> str:
    lines = limit_lines(summary.bounds, summary.seeds)
    if not lines:
        return ""
    said = "".join(f'<p class="dim">No policy can beat: {escape(line)}.</p>\n' for line in lines)
    header, rows = distances(summary)
    apart = table(header, _named(rows))
    return f"<h3>How far from what no policy can beat, mean of the seeds</h3>{said}{apart}"


def _named(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return rows whose first cells are names that do not get too long."""
    return [[wrapped(name, NAME_CHARS), *cells] for name, *cells in rows]


def _mean(cell: Cell, metric: Metric) -> str:
    text = f"{cell.mean:,.{metric.decimals}f}"
    return text if cell.std is None else f"{text} ± {cell.std:,.{metric.decimals}f}"


def _against(cell: Cell, metric: Metric) -> str:
    return "" if cell.difference is None else difference_text(cell, metric).replace("\n", ", ")
