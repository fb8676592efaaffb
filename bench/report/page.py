"""The HTML page: one file, no script, nothing fetched, everything from input escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np

from bench.report import figures
from bench.report.heatmap import heatmap
from bench.report.style import STYLE
from bench.report.svg import drawing
from bench.scheduling.compare import Comparison
from bench.scheduling.execute import Finished
from bench.scheduling.result import Result, used_and_allocatable
from bench.terminal import number, summary_rows
from cluster_shim.cli.output import write_atomically

MOST_HEATMAPS, MOST_REASONS = 4, 25


def write_report(path: Path, runs: Sequence[Finished]) -> None:
    """Draw runs and write them as one file."""
    write_atomically(path, page(runs))


def page(runs: Sequence[Finished]) -> str:
    """Return the report of runs, in their order."""
    first = runs[0].result
    with drawing():
        sections = [_section(run, f"run{position}") for position, run in enumerate(runs)]
    head = f"stowage {escape(first.version)} · {escape(first.created)} · {escape(str(first.machine))}"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Scheduling benchmark: {escape(first.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<header><h1>Scheduling benchmark</h1><p class="dim">{head}</p></header>\n'
        f"{''.join(sections)}</body>\n</html>\n"
    )


def _section(run: Finished, name: str) -> str:
    result, comparisons = run.result, run.comparisons
    parts = [f"<section>\n<h2>{escape(result.title)}</h2>\n"]
    if result.interrupted:
        parts.append(f'<p class="bad">Interrupted after {result.decided:,} of {result.pods:,} pods.</p>\n')
    parts += [_cards(result), _notes(result)]
    if comparisons:
        parts.append(_comparisons(result, comparisons, name))
    if result.decided:
        pair = (
            figure("How long a decision takes", figures.latency(result, comparisons, name)),
            figure("How many decisions a second", figures.throughput(result, comparisons, name)),
        )
        parts.append(f'<div class="pair">{"".join(pair)}</div>\n')
    parts += [_utilisation(result), _heatmaps(run, name), _reasons(result), _facts(result), "</section>\n"]
    return "".join(parts)


def _cards(result: Result) -> str:
    share = 100 * result.scheduled / result.decided if result.decided else 0.0
    cards = [
        ("decisions per second", f"{result.decisions_per_second:,.0f}", f"{result.seconds:.3f} s of scheduling"),
        ("latency p50", _us(result.latency_us_p50), f"p90 {_us(result.latency_us_p90)}"),
        ("latency p99", _us(result.latency_us_p99), f"longest {_us(result.latency_us_max)}"),
        ("scheduled", f"{share:.2f} %", f"{result.scheduled:,} of {result.decided:,} pods"),
        ("nodes used", f"{result.nodes_used:,}", f"of {result.nodes:,}"),
        ("peak memory", f"{result.peak_rss_bytes / 2**20:,.0f} MiB", f"compile {result.compile_seconds:.1f} s"),
    ]
    boxes = [f'<div class="card"><span>{a}</span><strong>{b}</strong><small>{c}</small></div>' for a, b, c in cards]
    return f'<div class="cards">{"".join(boxes)}</div>\n'


def _us(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f} µs"


def _notes(result: Result) -> str:
    notes = [escape(note) for note in result.notes]
    return "".join(f'<p class="dim">{note}</p>\n' for note in notes)


def figure(caption: str, svg: str) -> str:
    """Return a drawing in its frame."""
    return f"<figure><figcaption>{escape(caption)}</figcaption>{svg}</figure>"


def _comparisons(result: Result, comparisons: Sequence[Comparison], name: str) -> str:
    parts = [figure("Beside earlier runs", figures.comparison_bars(result, comparisons, name))]
    for each in comparisons:
        count = len(each.regressions)
        verdict = f'<b class="bad">{count} regression{"s" * (count != 1)}</b>' if count else "no regression"
        parts.append(f"<h3>Against {escape(each.name)} ({escape(each.earlier.created)}): {verdict}</h3>")
        rows = [
            (
                f"{change.rule.label} ({change.rule.unit})",
                number(change, change.before),
                number(change, change.now),
                "" if change.percent is None else f"{change.percent:+.1f} %",
                f"regression: {change.rule}"
                if change.regression
                else f"limit: {change.rule}"
                if change.judged
                else "not judged",
            )
            for change in each.changes
        ]
        marked = {position for position, change in enumerate(each.changes) if change.regression}
        parts.append(table(("", "then", "now", "change", "rule"), rows, marked))
        parts += [f'<p class="dim">{escape(remark)}</p>' for remark in each.remarks]
    return "".join(parts)


def _utilisation(result: Result) -> str:
    rows = [
        (name, f"{used.mean_percent:.1f}", f"{used.stddev_percent:.1f}", f"{used.percent:.1f}", f"{used.nodes:,}")
        for name, used in result.utilisation.items()
    ]
    header = ("resource", "mean of nodes (%)", "standard deviation (%)", "of the cluster (%)", "nodes that have it")
    return f"<h3>Utilisation</h3>{table(header, rows)}"


def _heatmaps(run: Finished, name: str) -> str:
    amounts = used_and_allocatable(run.workload)
    shown = [each for each in run.result.utilisation if each not in ("pods", "ephemeral-storage")][:MOST_HEATMAPS]
    drawn = []
    for position, resource in enumerate(shown):
        requested, allocatable = amounts[resource]
        percent = np.full(len(requested), np.nan)
        np.divide(100.0 * requested, allocatable, out=percent, where=allocatable > 0)
        drawn.append(
            figure(
                f"{resource}: percent of what each node can give that is requested",
                heatmap(percent, run.workload.groups, resource, f"{name}-{position}"),
            )
        )
    return "".join(drawn)


def _reasons(result: Result) -> str:
    if not result.unschedulable:
        return "<h3>Unschedulable pods</h3><p>None.</p>"
    reasons = [(reason.text, f"{reason.pods:,}") for reason in result.unschedulable_reasons[:MOST_REASONS]]
    messages = [(reason.text, f"{reason.pods:,}") for reason in result.unschedulable_messages]
    return (
        f"<h3>Unschedulable pods: {result.unschedulable:,}</h3>"
        f"{table(('reason that at least one node gave', 'pods'), reasons)}"
        f"<details><summary>Messages: the first {len(messages)} that differ</summary>"
        f"{table(('message', 'pods'), messages)}</details>"
    )


def _facts(result: Result) -> str:
    rows = [*summary_rows(result)]
    rows += [
        (key, str(value)) for key, value in {**result.workload, **result.options}.items() if value not in (None, [])
    ]
    rows += [("stowage", result.version), ("decisions (SHA-256)", result.decisions_sha256)]
    return f"<details><summary>All numbers and options</summary>{table(('', ''), rows, left=True)}</details>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], marked: Iterable[int] = (), left: bool = False) -> str:
    """Return a table that scrolls where it is too wide; rows in ``marked`` stand out."""
    bad = set(marked)
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(
        f"<tr{' class=bad' * (position in bad)}>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n"
        for position, row in enumerate(rows)
    )
    top = f"<thead><tr>{head}</tr></thead>" if any(header) else ""
    return f'<div class="scroll"><table{" class=left" * left}>{top}<tbody>{body}</tbody></table></div>'
