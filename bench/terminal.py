"""What a person sees of a run: the table of results, and how they compare with earlier ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster_shim.cli.terminal import console, literal, new_table

if TYPE_CHECKING:
    from rich.table import Table

    from bench.scheduling.compare import Change, Comparison
    from bench.scheduling.result import Result


def show(result: Result, comparisons: list[Comparison], stderr: bool = False) -> None:
    """Print a result and how it compares."""
    from rich.text import Text

    out = console(stderr)
    title = Text(result.title, style="bold")
    if result.interrupted:
        title.append(f"\ninterrupted after {result.decided:,} of {result.pods:,} pods", style="bold red")
    out.print(title)
    out.print(_summary(result))
    out.print(_utilisation(result))
    if result.unschedulable_reasons:
        out.print(_reasons(result))
    if result.errors:
        first = next((each.text for each in result.unschedulable_reasons), "")
        out.print(Text(f"{result.errors:,} attempts ended with an error, such as: {first}", style="bold red"))
    for note in _notes(result):
        out.print(Text(note, style="dim"))
    for comparison in comparisons:
        out.print(Text(f"\nagainst {comparison.name} ({comparison.earlier.created})", style="bold"))
        out.print(_comparison(comparison))
        for remark in comparison.remarks:
            out.print(Text(f"  {remark}"))


def summary_rows(result: Result) -> list[tuple[str, str]]:
    """Return the headline numbers of a result as label and text, for terminal and report alike."""
    speeds = ", ".join(f"{name} {pods:,}" for name, pods in result.speeds.items())
    share = 100 * result.unschedulable / result.decided if result.decided else 0.0
    latencies = (result.latency_us_p50, result.latency_us_p90, result.latency_us_p99, result.latency_us_max)
    return [
        ("decisions per second", f"{result.decisions_per_second:,.0f}"),
        ("scheduling", f"{result.seconds:.3f} s for {result.decided:,} pods ({speeds or 'no pod'})"),
        ("latency p50 / p90 / p99 / max", " / ".join("-" if us is None else f"{us:,.1f}" for us in latencies) + " µs"),
        ("scheduled", f"{result.scheduled:,}"),
        (
            "unschedulable",
            f"{result.unschedulable:,} ({share:.2f} %)" + (f", {result.errors:,} errors" if result.errors else ""),
        ),
        ("nodes used", f"{result.nodes_used:,} of {result.nodes:,}"),
        ("peak memory", f"{result.peak_rss_bytes / 2**20:,.0f} MiB"),
        ("set-up / compile", f"{result.setup_seconds:.2f} s / {result.compile_seconds:.2f} s"),
        ("machine", str(result.machine)),
    ]


def _summary(result: Result) -> Table:
    table = new_table("", "")
    table.columns[1].justify = "left"
    for label, text in summary_rows(result):
        table.add_row(label, text)
    return table


def _utilisation(result: Result) -> Table:
    table = new_table("resource", "mean of nodes %", "std. deviation", "of the cluster %", "nodes that have it")
    for name, used in result.utilisation.items():
        table.add_row(
            literal(name),
            f"{used.mean_percent:.1f}",
            f"{used.stddev_percent:.1f}",
            f"{used.percent:.1f}",
            f"{used.nodes:,}",
        )
    return table


def _reasons(result: Result) -> Table:
    table = new_table("why pods were not scheduled", "pods")
    for reason in result.unschedulable_reasons[:12]:
        table.add_row(literal(reason.text), f"{reason.pods:,}")
    return table


def _notes(result: Result) -> list[str]:
    return list(result.notes)


def _comparison(comparison: Comparison) -> Table:
    table = new_table("", "then", "now", "change", "")
    table.columns[4].justify = "left"
    for change in comparison.changes:
        mark = f"REGRESSION ({change.rule})" if change.regression else ""
        percent = "" if change.percent is None else f"{change.percent:+.1f} %"
        label = f"{change.rule.label}, {change.rule.unit}"
        table.add_row(
            label,
            number(change, change.before),
            number(change, change.now),
            percent,
            mark,
            style="red" if mark else None,
        )
    return table


def number(change: Change, value: float) -> str:
    """Return a number of a comparison with as many digits as are worth reading."""
    return f"{value:,.1f}" if change.rule.unit == "µs" else f"{value:,.0f}"
