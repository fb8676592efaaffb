"""The figures of one run: latency, throughput, and how it stands against earlier runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from bench.report.svg import COLOURS, PAPER, plain_axes, svg
from bench.scheduling.compare import Comparison
from bench.scheduling.result import Histogram, Result

SIZE = (6.0, 3.2)
NAME_LENGTH = 28


def latency(result: Result, comparisons: Sequence[Comparison], name: str) -> str:
    """Draw how long decisions took, on a log axis, with the percentiles; earlier runs as outlines."""
    figure = Figure(SIZE, layout="constrained")
    axes = plain_axes(figure, "time for one decision (µs, log scale)", "share of decisions (%)")
    axes.set_xscale("log")
    edges, percent = _percent(result.latency_histogram)
    axes.stairs(percent, edges, fill=True, color=COLOURS[0], alpha=0.75, label="this run")
    for colour, comparison in zip(COLOURS[1:], comparisons, strict=False):
        earlier_edges, earlier_percent = _percent(comparison.earlier.latency_histogram)
        if len(earlier_edges) > 1:
            axes.stairs(earlier_percent, earlier_edges, color=colour, linewidth=1.4, label=short(comparison.name))
    top = float(percent.max())
    marks = (("p50", result.latency_us_p50), ("p90", result.latency_us_p90), ("p99", result.latency_us_p99))
    for level, (label, value) in enumerate(marks):
        if value:
            height = top * (1.26 - 0.09 * level)
            axes.plot([value, value], [0, height], color=PAPER, linewidth=0.9, linestyle=(0, (3, 2)))
            axes.annotate(
                f"{label} {value:,.1f} µs",
                (value, height),
                xytext=(3, -3),
                textcoords="offset points",
                fontsize=8,
                va="top",
            )
    axes.set_ylim(0, top * 1.3)
    # Room for the label of p99 where the histogram is narrow.
    low, high = min(edges[0], result.latency_us_p50 or edges[0]), edges[-1]
    axes.set_xlim(low / 1.3, max(high * 1.3, (result.latency_us_p99 or high) * 4, low * 12))
    axes.xaxis.set_major_locator(LogLocator(numticks=12))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    if comparisons:
        figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    return svg(figure, f"{name}-latency", "Histogram of the time for one decision")


def _percent(histogram: Histogram) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    counts = np.array(histogram.counts, dtype=np.float64)
    return np.array(histogram.edges_us), 100 * counts / max(counts.sum(), 1)


def throughput(result: Result, comparisons: Sequence[Comparison], name: str) -> str:
    """Draw decisions per second over the time of scheduling; earlier runs as thin lines."""
    figure = Figure(SIZE, layout="constrained")
    axes = plain_axes(figure, "time (s)", "decisions per second")
    for colour, comparison in zip(COLOURS[1:], comparisons, strict=False):
        earlier = comparison.earlier.throughput
        axes.plot(
            earlier.seconds, earlier.decisions_per_second, color=colour, linewidth=1, label=short(comparison.name)
        )
    seconds, rate = result.throughput.seconds, result.throughput.decisions_per_second
    axes.step([0.0, *seconds], [rate[0], *rate], where="pre", color=COLOURS[0], linewidth=1.6, label="this run")
    axes.fill_between([0.0, *seconds], [rate[0], *rate], step="pre", color=COLOURS[0], alpha=0.15, linewidth=0)
    mean = result.decisions_per_second
    axes.axhline(mean, color=PAPER, linewidth=0.9, linestyle=(0, (3, 2)))
    label = f"mean {mean:,.0f}/s (dashed)"
    axes.annotate(
        label, (1, 1), xycoords="axes fraction", xytext=(0, 2), textcoords="offset points", ha="right", fontsize=8
    )
    longest = max([seconds[-1], *(each.earlier.seconds for each in comparisons)])
    axes.set_xlim(0, min(longest, 3 * seconds[-1]))  # a far slower earlier run runs out of the picture
    axes.set_ylim(0, max([*rate, mean]) * 1.1)
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    if comparisons:
        figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    return svg(figure, f"{name}-throughput", "Decisions per second over time")


def comparison_bars(result: Result, comparisons: Sequence[Comparison], name: str) -> str:
    """Draw speed, latency and memory of this run beside those of earlier ones."""
    runs = [("this run", result), *((short(each.name), each.earlier) for each in comparisons)]
    panels: tuple[tuple[str, Callable[[Result], float]], ...] = (
        ("decisions per second", lambda run: run.decisions_per_second),
        ("latency p50 (µs)", lambda run: run.latency_us_p50 or 0.0),
        ("latency p99 (µs)", lambda run: run.latency_us_p99 or 0.0),
        ("peak memory (MiB)", lambda run: run.peak_rss_bytes / 2**20),
    )
    figure = Figure((12.0, 0.9 + 0.36 * len(runs)), layout="constrained")
    all_axes = figure.subplots(1, len(panels), sharey=True)
    labels = [label for label, _ in runs]
    for axes, (title, value_of) in zip(all_axes, panels, strict=True):
        values = [value_of(run) for _, run in runs]
        colours = [COLOURS[position % len(COLOURS)] for position in range(len(runs))]
        bars = axes.barh(range(len(runs)), values, color=colours, height=0.62)
        axes.bar_label(
            bars, [f"{value:,.1f}" if value < 100 else f"{value:,.0f}" for value in values], padding=3, fontsize=8
        )
        axes.set_title(title)
        axes.set_yticks(range(len(runs)), labels)
        axes.set_xlim(0, max(values) * 1.3 or 1)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
    all_axes[0].invert_yaxis()
    return svg(figure, f"{name}-comparison", "This run beside earlier runs")


def short(name: str) -> str:
    """Return a name that fits into a legend: its end tells more than its beginning."""
    return name if len(name) <= NAME_LENGTH else f"…{name[-NAME_LENGTH + 1 :]}"
