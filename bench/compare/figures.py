"""The figures of a comparison: curves with bands over seeds, failures by size of pod, time, nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from textwrap import fill
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from bench.compare.record import SIZES, Record
from bench.compare.show import seconds_text
from bench.report.heatmap import heatmap
from bench.report.names import wrapped
from bench.report.svg import COLOURS, PAPER, plain_axes, svg
from bench.traces.trace import Nodes
from bench.workloads.source import Groups

SIZE = (6.0, 3.6)
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))
HATCHES = ("", "////", "....", "xxxx")
"""After as many policies as there are colours, lines are dashed and bars are hatched."""
LEGEND_CHARS, LEGEND_LINE_INCHES = 84, 0.17
"""What fits into a line of a legend, and how high it is."""
NAME_CHARS, TICK_CHARS, SIZE_CHARS = 20, 26, 9
MOST_ACROSS = 8
"""Policies in one heat map: more of them have no room for their names."""
Runs = Mapping[str, Sequence[Record]]
"""By policy."""


class Style(NamedTuple):
    """How a policy is drawn; no two of the first 24 alike."""

    colour: str
    dash: Any
    hatch: str


def style_of(position: int) -> Style:
    """Return how the policy at a position is drawn."""
    turn = position // len(COLOURS) % len(DASHES)
    return Style(COLOURS[position % len(COLOURS)], DASHES[turn], HATCHES[turn])


def end_of(runs: Runs) -> float:
    """Return the x up to which all runs have curves: seeds end where their last pods lead them."""
    return min(each.curve.x[-1] for records in runs.values() for each in records)


class Over(NamedTuple):
    """What curves are drawn over, and the factor from the record's unit to that of the axis."""

    what: str
    axis: str
    factor: float = 1.0


COUNTS = ("nodes", "pending")
"""Curves of whole numbers, which begin at 0."""
ARRIVED = Over("what has arrived", "arrived (% of all GPUs)")
UNITS = (("d", 86_400.0), ("h", 3600.0), ("min", 60.0))


def time_of(runs: Runs) -> Over:
    """Return the axis of time, in the largest unit of which there are at least three."""
    last = end_of(runs)
    unit, seconds = next(((unit, seconds) for unit, seconds in UNITS if last >= 3 * seconds), ("s", 1.0))
    return Over("time", f"time since the first pod ({unit})", 1.0 / seconds)


def curve(runs: Runs, value: str, what: str, name: str, since: float = 0.0, over: Over = ARRIVED) -> str:
    """Draw a value over what has arrived: the mean over seeds, and from the least to the most of them as a band.

    Drawn as far as all runs have it; where no pod arrived, it is what it was.
    """
    end = min(len(each.curve.x) for records in runs.values() for each in records)
    figure = Figure(SIZE, layout="constrained")
    axes = plain_axes(figure, over.axis, what)
    for position, (policy, records) in enumerate(runs.items()):
        style = style_of(position)
        # What is the same as a later line shows around it.
        width = 1.3 + (len(runs) - 1 - position) * min(0.8, 2.0 / len(runs))
        x = np.array(records[0].curve.x[:end]) * over.factor
        rows = np.array([_filled(each.curve.values[value][:end]) for each in records])
        shown = (x >= since) & ~np.isnan(rows).any(axis=0)
        x, rows = x[shown], rows[:, shown]
        if len(x):
            axes.fill_between(x, rows.min(axis=0), rows.max(axis=0), color=style.colour, alpha=0.2, linewidth=0)
            axes.plot(x, rows.mean(axis=0), color=style.colour, linestyle=style.dash, linewidth=width, label=policy)
    if value in COUNTS:
        axes.set_ylim(0, max(axes.get_ylim()[1], 1.0))
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    _legend(figure, axes)
    return svg(figure, f"{name}-{value}", f"{what} over {over.what}, by policy")


def _filled(values: Sequence[float | None]) -> NDArray[np.float64]:
    """Put the last value before it into each gap; NaN where there is none before."""
    row = np.array(values, np.float64)
    last = np.maximum.accumulate(np.where(np.isnan(row), 0, np.arange(len(row))))
    return row[last]


def _legend(figure: Figure, axes: Axes) -> None:
    """Name the policies below the axes, in as many lines as their names take; the axes keep their height."""
    drawn, names = axes.get_legend_handles_labels()
    names = [wrapped(name, NAME_CHARS) for name in names]
    longest = max((len(line) for name in names for line in name.split("\n")), default=0)
    columns = max(1, min(4, len(names), LEGEND_CHARS // (longest + 8)))  # 8: line, gaps
    lines = -(-len(names) // columns) * max((name.count("\n") + 1 for name in names), default=0)
    figure.set_figheight(figure.get_figheight() + LEGEND_LINE_INCHES * max(lines - 1, 0))
    figure.legend(drawn, names, loc="outside lower center", ncols=columns, fontsize=8)


def failures(runs: Runs, name: str) -> str:
    """Draw how many pods of each size found no node, in percent of those that came: means over seeds."""
    sizes = [size for size in SIZES if any(size in each.sizes for records in runs.values() for each in records)]
    figure = Figure(SIZE, layout="constrained")
    axes = plain_axes(figure, "GPUs that a pod asks for", "pods without a node (%)")
    width = 0.8 / len(runs)
    for position, (policy, records) in enumerate(runs.items()):
        style = style_of(position)
        means = [_mean_failed(records, size) for size in sizes]
        places = np.arange(len(sizes)) + (position - (len(runs) - 1) / 2) * width
        bars = axes.bar(places, means, width * 0.92, label=policy)
        _fill(bars, style)
    axes.set_xticks(range(len(sizes)), [fill(size, SIZE_CHARS) for size in sizes])
    axes.tick_params(axis="x", length=0, labelsize=8)
    axes.grid(False, axis="x")
    _legend(figure, axes)
    return svg(figure, f"{name}-failures", "Share of pods without a node by size and policy")


def _fill(bars: Iterable[Patch], style: Style) -> None:
    for bar in bars:
        bar.set(facecolor=style.colour, edgecolor=PAPER, linewidth=0, hatch=style.hatch)


def _mean_failed(records: Sequence[Record], size: str) -> float:
    shares = [100.0 * failed / pods for pods, failed in (each.sizes.get(size, (0, 0)) for each in records) if pods]
    return sum(shares) / len(shares) if shares else 0.0


def times(runs: Runs, name: str) -> str:
    """Draw how long the decisions of a run took: the mean over seeds."""
    figure = Figure((SIZE[0], 1.0 + 0.34 * len(runs)), layout="constrained")
    axes = plain_axes(figure, "time for all decisions of one run (s)", "")
    means = [sum(each.seconds for each in records) / len(records) for records in runs.values()]
    bars = axes.barh(range(len(runs)), means, 0.62)
    for position, bar in enumerate(bars):
        _fill([bar], style_of(position))
    axes.bar_label(bars, [f"{seconds_text(mean)} s" for mean in means], padding=3, fontsize=8, color=PAPER)
    axes.set_yticks(range(len(runs)), [wrapped(policy, TICK_CHARS) for policy in runs])
    axes.set_xlim(0, max(means) * 1.2 or 1)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.grid(False, axis="y")
    axes.invert_yaxis()
    return svg(figure, f"{name}-times", "Seconds of a run by policy")


def utilisation(runs: Runs, nodes: Nodes, resource: str, name: str) -> list[str]:
    """Draw how full each node is, in blocks by shape (down) and policy (across): means over seeds."""
    policies = list(runs)
    parts = [policies[start : start + MOST_ACROSS] for start in range(0, len(policies), MOST_ACROSS)]
    return [
        _heatmap({policy: runs[policy] for policy in part}, nodes, resource, f"{name}-{resource}-{number}")
        for number, part in enumerate(parts)
    ]


def _heatmap(runs: Runs, nodes: Nodes, resource: str, name: str) -> str:
    percent: list[NDArray[np.float64]] = []
    for records in runs.values():
        rows = np.array([each.utilisation[resource] for each in records], np.float64)
        percent.append(np.where(rows < 0, np.nan, rows).mean(axis=0))
    groups = Groups(
        zones=list(runs),
        zone_of=np.repeat(np.arange(len(runs), dtype=np.int32), nodes.count),
        shapes=[shape.title for shape in nodes.shapes],
        shape_of=np.tile(nodes.shape_of.astype(np.int32), len(runs)),
    )
    return heatmap(np.concatenate(percent), groups, resource, name, across="policy", in_order=True)
