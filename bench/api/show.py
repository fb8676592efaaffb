"""The table of an API benchmark."""

from __future__ import annotations

from bench.api.result import Result
from cluster_shim.cli.terminal import console, new_table


def show(result: Result, *, stderr: bool = False) -> None:
    """Print what was measured, a row for each figure."""
    out = console(stderr)
    table = new_table("API server", result.server)
    for name, value in rows(result):
        table.add_row(name, value)
    out.print(table)
    out.print(str(result.machine), style="dim")


def markdown(result: Result) -> str:
    """Return the table of the README."""
    lines = ["| | |", "|---|--:|", *(f"| {name} | {value} |" for name, value in rows(result))]
    date = result.created.partition("T")[0]
    return "\n".join([*lines, "", f"Measured on {date} with stowage {result.version} on {result.machine}."])


def rows(result: Result) -> list[tuple[str, str]]:
    """Return the figures with what they are."""
    found = [
        (f"pod creates of one template, {result.connections} connections", f"{result.creates_per_second:,.0f}/s"),
        ("pod creates, all different", f"{result.distinct_creates_per_second:,.0f}/s"),
        ("binds through pods/binding", f"{result.binds_per_second:,.0f}/s"),
        ("get one pod", f"{result.gets_per_second:,.0f}/s"),
        (
            f"{result.watchers} watchers, {result.changes_per_second:,.0f} changes/s: lag p50 / p99",
            f"{result.watch_lag_ms_p50:.1f} / {result.watch_lag_ms_p99:.1f} ms",
        ),
        (f"list {result.nodes:,} nodes in pages of 500", f"{result.list_seconds:.2f} s"),
        (f"list {result.pods:,} pods in pages of 500", f"{result.list_pods_seconds:.2f} s"),
    ]
    if result.rss_bytes is not None:
        state = f"{result.nodes:,} nodes and {result.pods:,} pods"
        found.append((f"resident memory with {state}", f"{result.rss_bytes / 2**20:,.0f} MiB"))
    if result.start_seconds is not None:
        found.append(("start with that state from disk", f"{result.start_seconds:.1f} s"))
    return found
