"""``stowage bench table``: measure the workloads that have a bar, each in a process of its own, and write the table.

A process of its own, so that peak memory and "in all" are those of the command that stands in the table.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import click
import msgspec

from bench.scheduling.result import Result
from cluster_shim.cli.output import check_writable, write_atomically
from cluster_shim.cli.terminal import notice, working

MARKERS = "<!-- stowage bench {}: begin -->", "<!-- stowage bench {}: end -->"
BEGIN, END = (marker.format("table") for marker in MARKERS)
PROGRAM = "from bench.cli import bench; bench()"


class Measured(NamedTuple):
    """A result, and how long the command took from its start to its end."""

    result: Result
    wall_seconds: float


class Bar(NamedTuple):
    """A workload, what it must reach, and how a measurement reads."""

    workload: str
    options: str
    bar: str
    reached: Callable[[Measured], bool]
    shown: Callable[[Measured], str]

    @property
    def command(self) -> str:
        """Return the command as a user types it."""
        return f"stowage bench scheduling {self.options}"


def _speed_bar(workload: str, options: str, least: int) -> Bar:
    return Bar(
        workload,
        f"--nodes 10000 --pods 50000 --workload {options}",
        f"≥ {least:,}/s",
        lambda run: run.result.decisions_per_second >= least,
        lambda run: f"{_three_digits(run.result.decisions_per_second):,}/s",
    )


def _three_digits(value: float) -> int:
    """Round to three significant digits: timings are noisy."""
    return int(float(f"{value:.3g}"))


def _gib(run: Measured) -> float:
    return run.result.peak_rss_bytes / 2**30


BARS = (
    _speed_bar("50,000 pods of one class, 10,000 nodes", "one-class", 500_000),
    _speed_bar("50,000 pods, 1,000 classes interleaved, 10,000 nodes", "classes:1000", 50_000),
    _speed_bar("50,000 pods, all different, 10,000 nodes", "all-different", 20_000),
    Bar(
        "1,000,000 pods of one class, 1,000,000 nodes",
        "--nodes 1000000 --pods 1000000 --workload one-class",
        "≤ 60 s in all, ≤ 4 GiB",
        lambda run: run.wall_seconds <= 60 and _gib(run) <= 4,
        lambda run: f"{run.wall_seconds:.1f} s in all, {_gib(run):.1f} GiB",
    ),
)


def run(update: Path | None) -> None:
    """Measure all bars; print the table, or put it between the markers of a Markdown file."""
    if update:
        check_writable(update, "--update")
        replace_between_markers(update.read_text(encoding="utf-8"), "", str(update))
    measured = []
    for bar in BARS:
        measure(f"--nodes 200 --pods 400 --workload {bar.options.split()[-1]}")  # so that nothing compiles below
        notice(f"$ {bar.command}")
        with working("measuring"):
            measured.append(measure(bar.options))
    text = table(measured)
    if update is None:
        click.echo(text)
        return
    write_atomically(update, replace_between_markers(update.read_text(encoding="utf-8"), text, str(update)))
    notice(f"wrote the table into {update}")


def measure(options: str) -> Measured:
    """Run ``stowage bench scheduling`` with options in a process of its own."""
    command = [sys.executable, "-c", PROGRAM, "scheduling", *options.split(), "--json", "-"]
    root = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    begin = perf_counter()
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, check=False)
    wall_seconds = perf_counter() - begin
    if done.returncode:
        message = done.stderr.decode(errors="replace").strip()
        raise click.ClickException(f"stowage bench scheduling {options}: exit status {done.returncode}\n{message}")
    return Measured(msgspec.json.decode(done.stdout, type=Result), wall_seconds)


def table(measured: list[Measured]) -> str:
    """Return the table as Markdown."""
    lines = [
        "| workload | bar | measured | reached | scheduled | decision p50 / p99 | peak memory | command |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for bar, run in zip(BARS, measured, strict=True):
        result = run.result
        cells = (
            bar.workload,
            bar.bar,
            f"**{bar.shown(run)}**",
            "yes" if bar.reached(run) else "no",
            f"{result.scheduled:,}",
            f"{result.latency_us_p50:.1f} / {result.latency_us_p99:.1f} µs",
            f"{result.peak_rss_bytes / 2**20:,.0f} MiB",
            f"`{bar.command}`",
        )
        lines.append(f"| {' | '.join(cells)} |")
    last = measured[-1].result
    date = last.created.partition("T")[0]
    lines += ["", f"Measured on {date} with stowage {last.version} on {last.machine}; kernels compiled before."]
    return "\n".join(lines)


def replace_between_markers(text: str, replacement: str, file: str, table: str = "table") -> str:
    """Return the text of a file with what stands between the two markers of a table replaced.

    Raises a usage error if they are not there.
    """
    first, last = (marker.format(table) for marker in MARKERS)
    head, begin, rest = text.partition(first)
    _, end, tail = rest.partition(last)
    if not begin or not end:
        raise click.BadParameter(f"'{file}' does not have the lines {first} and {last}", param_hint="--update")
    return f"{head}{first}\n{replacement}\n{last}{tail}"
