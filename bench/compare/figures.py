"""The figures of a comparison: curves with bands over seeds, failures by size of pod, time, nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from bench.compare.record import SIZES, Record
from bench.report.heatmap import heatmap
from bench.report.svg import COLOURS, PAPER, plain_axes, svg
from bench.traces.trace import Nodes
from bench.workloads.source import Groups

SIZE = (6.0, 3.6)
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)))
"""After as many policies as there are colours, lines are dashed."""
Runs = Mapping[str, Sequence[Record]]
"""By policy."""


def _style(position: int) -> tuple[str, object]:
    return COLOURS[position % len(COLOURS)], DASHES[position // len(COLOURS) % len(DASHES)]


def curve(runs: Runs, value: str, what: str, name: str, since: float = 0.0) -> str:
    """Draw a value over what has arrived: the mean over seeds, and from the least to the most of them as a band."""
    figure = Figure(SIZE, layout="constrained")
    axes = plain_axes(figure, "arrived (% of all GPUs)", what)
    for position, (policy, records) in enumerate(runs.items()):
        colour, dash = _style(position)
        x = np.array(records[0].curve.x)
        rows = np.array([each.curve.values[value] for each in records], np.float64)
        shown = (x >= since) & ~np.isnan(rows).any(axis=0)
        x, rows = x[shown], rows[:, shown]
        if len(x):
            axes.fill_between(x, rows.min(axis=0), rows.max(axis=0), color=colour, alpha=0.2, linewidth=0)
            axes.plot(x, rows.mean(axis=0), color=colour, linestyle=dash, linewidth=1.5, label=policy)
    figure.legend(loc="outside lower center", ncols=4, fontsize=8)
    return svg(figure, f"{name}-{value}", f"{what} over what has arrived, by policy")


def failures(runs: Runs, name: str) -> str:
    """Draw how many pods of each size found no node, in percent of those that came: means over seeds."""
    sizes = [size for size in SIZES if any(size in each.sizes for records in runs.values() for each in records)]
    figure = Figure(SIZE, layout="constrained")
    axes = plain_axes(figure, "what a pod asks for", "pods without a node (%)")
    width = 0.8 / len(runs)
    for position, (policy, records) in enumerate(runs.items()):
        colour, _ = _style(position)
        means = [_mean_failed(records, size) for size in sizes]
        places = np.arange(len(sizes)) + (position - (len(runs) - 1) / 2) * width
        axes.bar(places, means, width * 0.92, color=colour, label=policy)
    axes.set_xticks(range(len(sizes)), [size.replace(" to ", " to\n").replace("below ", "below\n") for size in sizes])
    axes.tick_params(axis="x", length=0, labelsize=8)
    axes.grid(False, axis="x")
    figure.legend(loc="outside lower center", ncols=4, fontsize=8)
    return svg(figure, f"{name}-failures", "Share of pods without a node by size and policy")


def _mean_failed(records: Sequence[Record], size: str) -> float:
    shares = [100.0 * failed / pods for pods, failed in (each.sizes.get(size, (0, 0)) for each in records) if pods]
    return sum(shares) / len(shares) if shares else 0.0


def times(runs: Runs, name: str) -> str:
    """Draw how long the decisions of a run took: the mean over seeds."""
    figure = Figure((SIZE[0], 1.0 + 0.34 * len(runs)), layout="constrained")
    axes = plain_axes(figure, "deciding on all pods of a run (s)", "")
    means = [sum(each.seconds for each in records) / len(records) for records in runs.values()]
    bars = axes.barh(range(len(runs)), means, 0.62, color=[_style(position)[0] for position in range(len(runs))])
    axes.bar_label(bars, [f"{mean:.2f} s" for mean in means], padding=3, fontsize=8, color=PAPER)
    axes.set_yticks(range(len(runs)), list(runs))
    axes.set_xlim(0, max(means) * 1.2 or 1)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.grid(False, axis="y")
    axes.invert_yaxis()
    return svg(figure, f"{name}-times", "Seconds of a run by policy")


def utilisation(runs: Runs, nodes: Nodes, resource: str, name: str) -> str:
    """Draw how full each node is in the end, in blocks by shape (down) and policy (across): means over seeds."""
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
    return heatmap(np.concatenate(percent), groups, resource, f"{name}-{resource}", across="policy")
