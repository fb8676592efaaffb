"""The HTML report of a proxy benchmark: the table, and how each time grows with the number of services."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from bench.proxy.result import Result
from bench.proxy.show import HEADINGS, cells
from bench.report.style import STYLE
from bench.report.svg import COLOURS, drawing, plain_axes, svg
from cluster_shim.cli.output import write_atomically

SIZE = (6.0, 3.4)
BARS = 3
"""With fewer sizes a curve tells nothing, and bars are drawn."""
WIDE = 10
"""From this ratio of the largest value to the smallest on, values have a logarithmic axis."""
FIGURES: Sequence[tuple[str, str, Callable[[Result], float | None]]] = (
    ("First load", "time (s)", lambda each: each.first_load_seconds),
    ("One endpoint changes (median)", "time (ms)", lambda each: each.change_ms_p50),
    ("One endpoint changes (99 % are faster)", "time (ms)", lambda each: each.change_ms_p99),
    ("A service is added (median)", "time (ms)", lambda each: each.service_add_ms_p50),
    ("A new connection (median)", "time (µs)", lambda each: each.first_packet_us_p50),
    ("Memory", "peak (MiB)", lambda each: each.peak_rss_bytes / 2**20),
)


def write_report(path: Path, results: Sequence[Result]) -> None:
    """Draw results and write them as one file."""
    write_atomically(path, page(results))


def page(results: Sequence[Result]) -> str:
    """Return the report."""
    first = results[0]
    with drawing():
        figures = [
            _figure(results, caption, axis, value, f"figure{place}")
            for place, (caption, axis, value) in enumerate(FIGURES)
            if any(value(each) is not None for each in results)
        ]
    head = f"stowage {escape(first.version)} · {escape(first.created)} · {escape(str(first.machine))}"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Proxy benchmark</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<header><h1>Proxy benchmark</h1><p class="dim">{head}</p></header>\n'
        f'<div class="scroll">{_table(results)}</div>\n<div class="pair">{"".join(figures)}</div>\n</body>\n</html>\n'
    )


def _table(results: Sequence[Result]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in ("mode", *HEADINGS))
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in (each.mode, *cells(each)))}</tr>" for each in results
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _figure(
    results: Sequence[Result], caption: str, axis: str, value: Callable[[Result], float | None], name: str
) -> str:
    by_mode: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for each in results:
        found = value(each)
        if found is not None:
            by_mode[each.mode].append((each.services, found))
    figure = Figure(SIZE, layout="constrained")
    if len({each.services for each in results}) < BARS:
        _bars(figure, by_mode, axis)
    else:
        _curves(figure, by_mode, axis)
    return f"<figure><figcaption>{escape(caption)}</figcaption>{svg(figure, name, caption)}</figure>"


def _curves(figure: Figure, by_mode: dict[str, list[tuple[int, float]]], axis: str) -> None:
    values = [value for points in by_mode.values() for _, value in points]
    is_wide = min(values) > 0 and max(values) >= WIDE * min(values)
    axes = plain_axes(figure, "services (log scale)", f"{axis}, log scale" if is_wide else axis)
    axes.set_xscale("log")
    if is_wide:
        axes.set_yscale("log")
    else:  # a part of a decade would have no number beside it, and make a mountain of nothing
        axes.set_ylim(0, max(values) * 1.1 or 1)
    for colour, (mode, points) in zip(COLOURS, by_mode.items(), strict=False):
        axes.plot(*zip(*sorted(points), strict=True), color=colour, marker="o", markersize=4, label=mode)
    sizes = sorted({services for points in by_mode.values() for services, _ in points})
    axes.set_xticks(sizes, [f"{each:,}" for each in sizes])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    figure.legend(loc="outside lower center", ncols=4, fontsize=8)


def _bars(figure: Figure, by_mode: dict[str, list[tuple[int, float]]], axis: str) -> None:
    axes = plain_axes(figure, axis, "")
    rows = [(f"{mode}, {services:,}", number) for mode, points in by_mode.items() for services, number in points]
    colours = [colour for colour, points in zip(COLOURS, by_mode.values(), strict=False) for _ in points]
    bars = axes.barh(range(len(rows)), [number for _, number in rows], color=colours, height=0.6)
    axes.bar_label(bars, [f"{number:,.3g}" for _, number in rows], padding=3, fontsize=8)
    axes.set_yticks(range(len(rows)), [label for label, _ in rows])
    axes.set_xlim(0, max(number for _, number in rows) * 1.2 or 1)
    axes.invert_yaxis()
