"""What ``stowage plugin`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from cluster_shim.cli.terminal import console, literal, new_table
from cluster_shim.plugin.contract import forms
from sched_core import Plugin, PluginError, extension_points, installed_plugin, installed_plugins

if TYPE_CHECKING:
    from cluster_shim.plugin.timing import Timing
    from cluster_shim.plugin.verdict import Verdict

_STYLES = {"ok": "green", "failed": "bold red", "warning": "yellow", "skipped": "dim"}


class Installed(Struct, frozen=True):
    """One line of the list of installed plugins."""

    name: str
    points: list[str]
    form: str
    error: str = ""


def show_verdicts(name: str, verdicts: Sequence[Verdict]) -> None:
    """Print all verdicts and what they come to."""
    table = new_table("check", "", "")
    table.columns[1].justify = table.columns[2].justify = "left"
    for each in verdicts:
        table.add_row(each.check, f"[{_STYLES[each.status]}]{each.status}[/]", literal(each.detail))
    console().print(table)
    failed = sum(each.status == "failed" for each in verdicts)
    warnings = sum(each.status == "warning" for each in verdicts)
    more = f", {warnings} warning{'s' * (warnings > 1)}" if warnings else ""
    verdict = f"{failed} check{'s' * (failed > 1)} failed" if failed else "it keeps the contract"
    console().print(literal(f"{name}: {verdict}{more}"))


def show_timings(plugin: type[Plugin], timings: Sequence[Timing]) -> None:
    """Print a table with a line for each plugin and two columns for each number of nodes."""
    sizes = list(dict.fromkeys(each.nodes for each in timings))
    table = new_table("plugin", "speed", *(text for size in sizes for text in (f"{size:,} nodes", "ratio")))
    table.columns[1].justify = "left"
    by_name = {name: [each for each in timings if each.plugin == name] for name in {each.plugin: 0 for each in timings}}
    for name, own in by_name.items():
        cells = [text for each in own for text in (f"{each.us_per_pod:,.1f} µs", f"{each.ratio:.2f}")]
        mine = name in (plugin.name, plugin.__name__)
        table.add_row(literal(name), own[0].speed, *cells, style="bold" if mine else None)
    console().print(table)
    console().print("µs: median time of a decision with the plugin alone, on all nodes; ratio: to NodeResourcesFit")
    for name, own in by_name.items():
        refused = max(each.refused_percent for each in own)
        if refused > 1:
            console().print(literal(f"{name}: no node took {refused:.0f} % of the pods, which costs next to nothing"))


def rows_of_installed() -> list[Installed]:
    """Return what is known of each installed plugin; one that cannot be imported has the reason."""
    rows = []
    for name in installed_plugins():
        try:
            found = installed_plugin(name)
        except PluginError as reason:
            rows.append(Installed(name, [], "", str(reason)))
        else:
            rows.append(Installed(name, sorted(extension_points(found)), forms(found)))
    return rows


def show_installed(rows: Sequence[Installed]) -> None:
    """Print the list of installed plugins."""
    table = new_table("plugin", "extension points", "form")
    table.columns[1].justify = table.columns[2].justify = "left"
    for each in rows:
        table.add_row(literal(each.name), literal(each.error or ", ".join(each.points)), each.form)
    console().print(table)
