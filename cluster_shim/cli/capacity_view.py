"""What ``stowage capacity`` shows: tables for people, one document for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from cluster_shim.cli.terminal import console, literal, new_table
from sched_core import amount_text

if TYPE_CHECKING:
    from rich.table import Table

    from sched_core.explain import Capacity, Utilisation


def document(found: Sequence[Capacity]) -> dict[str, Any]:
    """Return capacities as JSON has them."""
    return {
        "schema": "stowage/capacity/1",
        "pods": [
            {
                "pod": each.pod,
                "fits": each.fits,
                "byNode": each.by_node,
                "byZone": each.by_zone,
                "stoppedBy": each.stopped_by,
                "reasons": each.reasons,
                "error": each.error,
                "before": utilisation_document(each.before),
                "after": utilisation_document(each.after),
            }
            for each in found
        ],
    }


def utilisation_document(of: Mapping[str, Utilisation]) -> dict[str, Any]:
    """Return the utilisation of each resource as JSON has it."""
    return {
        name: {
            "requested": each.requested,
            "allocatable": each.allocatable,
            "percent": each.percent,
            "meanPercent": each.mean_percent,
            "stddevPercent": each.stddev_percent,
        }
        for name, each in of.items()
    }


def show(found: Capacity, nodes: int, top: int) -> None:
    """Print one capacity."""
    out = console()
    more = "1 more fits" if found.fits == 1 else f"{found.fits:,} more fit"
    out.print(Text(f"{found.pod}: {more}, on {len(found.by_node):,} of {nodes:,} nodes", style="bold"))
    if found.fits:
        out.print(_zones(found))
        out.print(_nodes(found, top))
    if not found.stopped_by:
        out.print(Text("the count ended at its limit; more may fit"))
    elif found.error or not found.reasons:
        out.print(Text(f"the next one fails: {found.stopped_by}"))
    else:
        out.print(_reasons(found))
    if found.fits:
        out.print(utilisation_table(found.before, found.after))


def _zones(found: Capacity) -> Table:
    table = new_table("zone", "pods")
    for zone, count in sorted(found.by_zone.items()):
        table.add_row(literal(zone or "no zone"), f"{count:,}")
    return table


def _nodes(found: Capacity, top: int) -> Table:
    """Return how many nodes take how many, with the names of some."""
    if len(found.by_node) <= top:
        table = new_table("node", "pods")
        for node, count in found.by_node.items():
            table.add_row(literal(node), f"{count:,}")
        return table
    table = new_table("pods on a node", "nodes", "such as")
    table.columns[2].justify = "left"
    first: dict[int, str] = {}
    for node, count in found.by_node.items():
        first.setdefault(count, node)
    counts = sorted(Counter(found.by_node.values()).items(), reverse=True)
    for count, total in counts[:top]:
        table.add_row(f"{count:,}", f"{total:,}", literal(first[count]))
    if len(counts) > top:
        rest = sum(total for _, total in counts[top:])
        table.add_row(f"fewer than {counts[top - 1][0]:,}" if top else "any", f"{rest:,}", "")
    return table


def _reasons(found: Capacity) -> Table:
    table = new_table("what stops the next one", "nodes")
    for reason, count in found.reasons.items():
        table.add_row(literal(reason), f"{count:,}")
    return table


def utilisation_table(before: Mapping[str, Utilisation], after: Mapping[str, Utilisation]) -> Table:
    """Return the utilisation before and after; resources that nobody uses are left out."""
    table = new_table("resource", "allocatable", "before %", "after %", "spread before", "spread after")
    for name in {**before, **after}:
        was, now = before.get(name), after.get(name)
        if not any(each is not None and each.requested for each in (was, now)):
            continue
        there = now or was
        assert there is not None
        table.add_row(
            literal(name),
            amount_text(name, there.allocatable),
            *(f"{each.percent:.1f}" if each is not None else "-" for each in (was, now)),
            *(f"{each.stddev_percent:.1f}" if each is not None else "-" for each in (was, now)),
        )
    return table
