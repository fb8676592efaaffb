"""The utilisation heat map: every node a cell, in blocks by shape (down) and zone (across)."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.report.names import wrapped
from bench.report.svg import PAPER, svg
from bench.workloads.source import Groups

MOST_CELLS = 30_000
MOST_ZONES, MOST_SHAPES, ROW_CHARS = 10, 24, 32
ASPECT = 2.6
LEAST_WIDTH = 48
"""Cells across, so that those of a small cluster do not become huge."""
WIDTH_INCHES, CELLS_INCHES = 12.0, 9.3
"""Of the figure, and of it for cells: what the names of shapes and the scale of colours leave, about."""
LEAST_HEIGHT_INCHES, MARGIN_INCHES = 1.6, 0.15
CHARS_PER_INCH = 12.5
"""Of names of columns."""
ROW_INCHES = 0.13
"""Of a label of a row: blocks of fewer cells stand further apart."""
Grid = NDArray[np.float64]


class Layout(NamedTuple):
    """A grid of cells (NaN where there is no node) and where its labels stand."""

    cells: Grid
    rows: list[tuple[float, str]]
    columns: list[tuple[float, str]]
    nodes_per_cell: int


def heatmap(
    percent: Grid, groups: Groups, resource: str, name: str, across: str = "zone", in_order: bool = False
) -> str:
    """Draw the utilisation of one resource; ``percent`` is by row of the cluster, NaN where a node does not have it.

    ``across`` says what the zones of the groups are; ``in_order`` that they stay in their order.
    """
    layout = lay_out(percent, groups, in_order)
    height, width = layout.cells.shape
    chars = int(CHARS_PER_INCH * CELLS_INCHES / len(layout.columns))
    columns = [wrapped(label, chars) for _, label in layout.columns]
    # Higher than can be needed: where the height decides how large cells are, names of shapes are cut.
    figure = Figure((WIDTH_INCHES, LEAST_HEIGHT_INCHES + WIDTH_INCHES * height / width), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(
        layout.cells, cmap="viridis", vmin=0, vmax=_scale(layout.cells), interpolation="none", aspect="equal"
    )
    axes.set_yticks([position for position, _ in layout.rows], [label for _, label in layout.rows], fontsize=7.5)
    axes.set_xticks([position for position, _ in layout.columns], columns)
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    axes.spines[:].set_visible(False)
    per_cell = (
        "one cell is one node"
        if layout.nodes_per_cell == 1
        else f"one cell is the mean of {layout.nodes_per_cell} nodes"
    )
    axes.set_xlabel(f"nodes by shape (down) and {across} (across); {per_cell}")
    # Cells stay at the top, and room that is left below them: names are measured before cells have got their form.
    bar = figure.colorbar(image, ax=axes, fraction=0.02, pad=0.01, aspect=25, panchor=(0.5, 1.0))
    bar.set_label("requested (%)")
    bar.outline.set_edgecolor(PAPER)
    figure.draw_without_rendering()
    box = axes.get_tightbbox()
    assert box is not None
    figure.set_figheight(max(LEAST_HEIGHT_INCHES, box.height / figure.dpi + MARGIN_INCHES))
    return svg(figure, f"{name}-heatmap", f"Utilisation of {resource} on every node")


def lay_out(percent: Grid, groups: Groups, in_order: bool = False) -> Layout:
    """Place the nodes: a block of cells for each shape and zone, filled row by row in the order of the nodes.

    Shapes are in the order of their names, and zones as well unless they stay ``in_order``.
    """
    zone_of, zones = _fold(groups.zone_of, groups.zones, MOST_ZONES, "other zones", in_order)
    shape_of, shapes = _fold(groups.shape_of, groups.shapes, MOST_SHAPES, "other shapes")
    shapes = [shape if len(shape) <= ROW_CHARS else f"{shape[: ROW_CHARS - 1]}…" for shape in shapes]
    present = ~np.isnan(percent)
    blocks = {
        (shape, zone): percent[present & (shape_of == shape) & (zone_of == zone)]
        for shape in range(len(shapes))
        for zone in range(len(zones))
    }
    shown_shapes = [
        shape for shape in range(len(shapes)) if any(len(blocks[shape, zone]) for zone in range(len(zones)))
    ]
    count = int(present.sum())
    per_cell = max(1, -(-count // MOST_CELLS))
    if per_cell > 1:
        blocks = {key: _means(values, per_cell) for key, values in blocks.items()}
        count = sum(map(len, blocks.values()))
    block_width = max(-(-LEAST_WIDTH // len(zones)), round(np.sqrt(ASPECT * count) / len(zones)))
    label_cells = ceil(ROW_INCHES * len(zones) * (block_width + 1) / CELLS_INCHES)
    strips, rows, top = [], [], 0
    for shape in shown_shapes:
        members = [blocks[shape, zone] for zone in range(len(zones))]
        height = max(1, -(-max(map(len, members)) // block_width))
        gap = max(1, label_cells - height)
        strips.append(_strip(members, height, block_width, gap))
        rows.append((top + (height - 1) / 2, shapes[shape]))
        top += height + gap
    # A name stands in the middle of its cells, which in a small cluster do not fill their block.
    longest = [min(max(map(len, (blocks[shape, zone] for shape in shown_shapes))), block_width)
               for zone in range(len(zones))]  # fmt: skip
    columns = [(zone * (block_width + 1) + (longest[zone] - 1) / 2, label) for zone, label in enumerate(zones)]
    return Layout(np.vstack(strips)[:-gap], rows, columns, per_cell)


def _strip(members: list[Grid], height: int, width: int, gap: int) -> Grid:
    """Return the blocks of one shape side by side, with an empty column between zones and empty rows below."""
    strip = np.full((height + gap, len(members) * (width + 1) - 1), np.nan)
    for zone, values in enumerate(members):
        block = np.full(height * width, np.nan)
        block[: len(values)] = values
        left = zone * (width + 1)
        strip[:height, left : left + width] = block.reshape(height, width)
    return strip


def _scale(cells: Grid) -> int:
    """Return the end of the colour scale: 100 %, less in a cluster that is nearly empty."""
    most = float(np.nanmax(cells))
    return next((end for end in (5, 10, 25, 50) if most <= end), 100)


def _means(values: Grid, size: int) -> Grid:
    starts = np.arange(0, len(values), size)
    if not len(starts):
        return values
    return np.add.reduceat(values, starts) / np.diff(starts, append=len(values))


def _fold(
    of: NDArray[np.int32], names: list[str], most: int, rest: str, in_order: bool = False
) -> tuple[NDArray[np.int32], list[str]]:
    """Order groups by name (numbers in it as numbers); keep the largest ``most`` and fold the others into one."""
    size = np.bincount(of, minlength=len(names))
    kept = sorted(np.argsort(-size, kind="stable")[:most].tolist())
    if not in_order:
        kept.sort(key=lambda group: _natural(names[group]))
    number = np.full(len(names), len(kept), np.int32)
    number[kept] = np.arange(len(kept))
    return number[of], [names[group] for group in kept] + [rest] * (len(names) > most)


def _natural(name: str) -> list[tuple[int, str]]:
    parts = "".join(c if c.isdigit() else f" {c} " for c in name).split()
    return [(int(part), "") if part.isdigit() and part.isascii() else (-1, part) for part in parts]
