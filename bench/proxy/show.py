"""The table of a proxy benchmark."""

from __future__ import annotations

from collections.abc import Sequence

from bench.proxy.result import Result
from cluster_shim.cli.terminal import console, new_table


def show(results: Sequence[Result], *, stderr: bool = False) -> None:
    """Print what was measured, a row each."""
    out = console(stderr)
    table = new_table("mode", *HEADINGS)
    for each in results:
        table.add_row(each.mode, *cells(each))
    out.print(table)
    if any(each.cut_short for each in results):
        out.print("* fewer changes than asked for: they took too long")
    out.print(str(results[0].machine), style="dim")


HEADINGS = (
    "services",
    "first load, s\n(kernel)",
    "one change, ms\np50 / p99 (kernel)",
    "service, ms\n+ / −",
    "connect, µs\np50 / p99 (direct)",
    "peak, MiB",
)


def cells(result: Result) -> list[str]:
    """Return the cells of a row, after the mode."""
    load = f"{result.first_load_seconds:.2f}"
    change = f"{digits(result.change_ms_p50)} / {digits(result.change_ms_p99)}"
    if result.kernel:
        load += f" ({result.first_load_kernel_seconds:.2f})"
        change += f" ({digits(result.change_kernel_ms_p50)})"
    connect = "–"
    if result.first_packet_us_p50 is not None:
        connect = f"{result.first_packet_us_p50:.0f} / {result.first_packet_us_p99:.0f} ({result.direct_us_p50:.0f})"
    return [
        f"{result.services:,} × {result.endpoints:,}",
        load,
        change + ("*" if result.cut_short else ""),
        f"{digits(result.service_add_ms_p50)} / {digits(result.service_remove_ms_p50)}",
        connect,
        f"{result.peak_rss_bytes / 2**20:,.0f}",
    ]


def digits(value: float) -> str:
    """Return a number with as many digits as count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 10 else f"{value:.3g}"
