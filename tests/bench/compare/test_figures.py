"""The figures of a comparison: seeds that end at different percents, gaps, many policies, long names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape
from typing import Any

import numpy as np
import pytest

from bench.compare import figures
from bench.compare.record import Curve, Record
from bench.report import heatmap
from bench.report.heatmap import lay_out
from bench.report.names import wrapped
from bench.report.svg import COLOURS, drawing
from bench.workloads.source import Groups

LONG = "LeastLoadedNodeWithTheMostFreeGpusFirst"


def record(policy: str, values: Sequence[float | None], seed: int = 42) -> Record:
    curve = Curve([*map(float, range(len(values)))], {"allocated": [*values]})
    return Record(
        key="", trace="t", policy=policy, seed=seed, numbers={}, curve=curve, sizes={"1 GPU": [10, 5]}, utilisation={},
        seconds=1.5,
    )  # fmt: skip


def words(svg: str) -> str:
    """Return what is written in a figure, lines of one text joined."""
    return unescape("".join(re.findall(r"<(?:text|tspan)[^>]*>([^<]*)<", svg)))


def test_curves_end_where_the_first_seed_does() -> None:
    runs = {"A": [record("A", [1, 2, 3, 4]), record("A", [1, 2], 43)], "B": [record("B", [1, 2, 3])]}
    assert figures.end_of(runs) == 1
    with drawing():
        assert COLOURS[1] in figures.curve(runs, "allocated", "allocated", "t")


def test_a_gap_is_what_was_before_it() -> None:
    """No percent has a pod in both seeds: without the values before there would be nothing to draw."""
    runs = {"A": [record("A", [1, None, 2, None]), record("A", [None, 1, None, 2], 43)]}
    with drawing():
        assert COLOURS[0] in figures.curve(runs, "allocated", "allocated", "t")
    assert figures._filled([None, 1, None, None, 2]).tolist()[1:] == [1, 1, 1, 2]
    assert np.isnan(figures._filled([None, 1])[0])


def test_no_two_policies_look_alike() -> None:
    styles = [figures.style_of(position) for position in range(24)]
    assert len({(style.colour, str(style.dash)) for style in styles}) == 24
    assert len({(style.colour, style.hatch) for style in styles}) == 24
    few, many = ({f"P{each}": [record(f"P{each}", [1])] for each in range(count)} for count in (6, 8))
    with drawing():
        for draw in (figures.failures, figures.times):
            assert "<pattern" not in draw(few, "t") and "<pattern" in draw(many, "t")


def test_long_names_are_whole() -> None:
    runs = {name: [record(name, [1, 2])] for name in ("Short", LONG, f"{LONG}2")}
    with drawing():
        drawn = [figures.curve(runs, "allocated", "allocated", "t"), figures.failures(runs, "t")]
        drawn.append(figures.times(runs, "t"))
    for each in drawn:
        assert LONG in words(each) and f"{LONG}2" in words(each)
    few, many = ({f"Policy{each}": [record("", [1, 2])] for each in range(count)} for count in (4, 40))
    with drawing():
        heights = [float(re.findall(r'viewBox="0 0 \S+ ([0-9.]+)"', figures.curve(each, "allocated", "", "t"))[0])
                   for each in (few, many)]  # fmt: skip
    assert heights[1] > heights[0] + 9 * 0.15 * 72  # the axes keep their height


@pytest.mark.parametrize(
    ("name", "most", "lines"),
    [
        ("FGD", 8, ["FGD"]),
        ("GpuClustering", 8, ["Gpu", "Clusteri", "ng"]),
        ("GpuClustering", 10, ["Gpu", "Clustering"]),
        ("best_fit-2.large", 9, ["best_fit-", "2.large"]),
        ("", 5, [""]),
    ],
)
def test_names_break_where_a_word_begins(name: str, most: int, lines: list[str]) -> None:
    assert wrapped(name, most).splitlines() == (lines if name else [])


def test_policies_across_a_heat_map_stay_in_their_order() -> None:
    names = ["Worth", LONG, "FGD"]
    groups = Groups(names, ["shape"], np.repeat(np.arange(3, dtype=np.int32), 2), np.zeros(6, np.int32))
    layout = lay_out(np.arange(6.0), groups, in_order=True)
    assert [label for _, label in layout.columns] == names
    places = [int(np.flatnonzero(layout.cells[0] == value)[0]) for value in range(6)]
    assert places == sorted(places)
    assert [place for place, _ in layout.columns] == [
        (a + b) / 2 for a, b in zip(places[::2], places[1::2], strict=True)
    ]


@pytest.mark.parametrize(
    ("shapes", "nodes"), [(["s"], 8), (["s"], 5000), (["96 CPU 768 GiB 8×V100M32"] * 20, 1200), (["s"] * 20, 300)]
)
@pytest.mark.parametrize("names", [["A", "B", "C"], [f"{LONG}{number}" for number in range(8)]])
def test_nothing_of_a_heat_map_is_cut(
    monkeypatch: pytest.MonkeyPatch, names: list[str], shapes: list[str], nodes: int
) -> None:
    monkeypatch.setattr(heatmap, "svg", lambda figure, *names: figure)
    count = nodes * len(names)
    shape_of = np.tile(np.arange(nodes, dtype=np.int32) % len(shapes), len(names))
    groups = Groups(names, shapes, np.repeat(np.arange(len(names), dtype=np.int32), nodes), shape_of)
    with drawing():
        figure: Any = heatmap.heatmap(np.full(count, 50.0), groups, "gpu", "t", "policy", in_order=True)
        figure.draw_without_rendering()
        for axes in figure.axes:
            box = axes.get_tightbbox()
            assert box.x0 >= -0.5 and box.x1 <= figure.bbox.width + 0.5
            assert box.y0 >= -0.5 and box.y1 <= figure.bbox.height + 0.5


def test_names_of_shapes_have_room() -> None:
    """Many zones make cells small: one row of them is lower than a name beside it."""
    zones, shapes = 8, 5
    zone_of = np.repeat(np.arange(zones, dtype=np.int32), 200)
    shape_of = np.tile(np.r_[np.arange(shapes - 1), np.full(200 - shapes + 1, shapes - 1)].astype(np.int32), zones)
    groups = Groups([f"z{zone}" for zone in range(zones)], [f"s{shape}" for shape in range(shapes)], zone_of, shape_of)
    layout = lay_out(np.full(zones * 200, 50.0), groups)
    inches = 9.3 / layout.cells.shape[1]
    apart = np.diff([place for place, _ in layout.rows]) * inches
    assert apart.min() >= 0.13
