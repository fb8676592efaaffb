"""What ``stowage trace`` does with its options."""

from __future__ import annotations

from pathlib import Path

import click

from bench.traces.generate import fit
from bench.traces.generate import generate as generated
from bench.traces.info import Info, info
from bench.traces.load import load_trace, mapping
from bench.traces.write import write_trace
from cluster_shim.cli.output import check_writable
from cluster_shim.cli.result import check_json, write_json
from cluster_shim.cli.terminal import console, literal, new_table, notice, working


def show_info(file: Path, given: tuple[str, ...], map_file: Path | None, json_file: str | None) -> None:
    """Print the numbers of a trace. Raises InvalidObjects."""
    check_json(json_file)
    with working("reading the trace"):
        found = info(load_trace(file, mapping(given, map_file).pods))
    if not write_json(json_file, found):
        _show(found)


def make(
    like: Path, pods: int, seed: int, span: float | None, out: Path, given: tuple[str, ...], map_file: Path | None
) -> None:
    """Write a trace like another one. Raises InvalidObjects."""
    check_writable(out, "--out")
    if out.exists() and out.resolve() == like.resolve():
        raise click.UsageError("--out and --like name the same file.")
    with working("reading the trace"):
        trace = load_trace(like, mapping(given, map_file).pods)
    with working("making pods"):
        write_trace(out, generated(fit(trace), pods, seed, span))
    notice(f"{out}: {pods:,} pods like the {trace.count:,} of {like}")


def _show(found: Info) -> None:
    out = console()
    table = new_table("", "")
    table.columns[1].justify = "left"
    days = found.span_s / 86_400
    rows = [
        ("pods", f"{found.pods:,}"),
        ("shapes", f"{found.shapes:,}"),
        ("with devices", f"{found.gpu_pods:,} ({found.gpu_share_pods:,} ask for a part of one)"),
        ("on some models only", f"{found.model_pods:,}"),
        ("from first to last", f"{found.span_s:,.0f} s ({days:.1f} days), {found.arrivals_per_s:.3g} pods/s"),
        ("never go", f"{found.never_go:,}"),
    ]
    if found.duration_s:
        times = " / ".join(f"{value:,.0f}" for value in found.duration_s.values())
        rows.append((f"duration {' / '.join(found.duration_s)}", f"{times} s"))
    for name, unit in (("cpu_cores", "cores"), ("memory_gib", "GiB"), ("gpus", "devices")):
        peak = f"{found.peak[name]:,.1f} at once at most, after {found.peak_s[name]:,.0f} s"
        rows.append((unit, f"{found.total[name]:,.1f} in all; {peak}"))
    for label, text in rows:
        table.add_row(label, text)
    out.print(literal(found.title), style="bold")
    out.print(table)
    shapes = new_table("most frequent shapes", "pods", "%")
    for each in found.most_frequent:
        shapes.add_row(literal(each.shape), f"{each.pods:,}", f"{100 * each.pods / found.pods:.1f}")
    out.print(shapes)
