"""What ``stowage whatif`` shows: tables for people, one document for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from cluster_shim.cli.capacity_view import utilisation_document, utilisation_table
from cluster_shim.cli.terminal import console, literal, new_table

if TYPE_CHECKING:
    from rich.table import Table

    from sched_core.explain import Comparison, Outcome


def document(found: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON has it."""
    return {
        "schema": "stowage/whatif/1",
        "before": _outcome_document(found.before),
        "after": _outcome_document(found.after),
        "moved": [each._asdict() for each in found.moved],
        "placed": found.placed,
        "evicted": found.evicted,
        "gone": found.gone,
        "emptied": found.emptied,
    }


def _outcome_document(outcome: Outcome) -> dict[str, Any]:
    return {
        "nodes": outcome.nodes,
        "placed": len(outcome.node_of),
        "nodeOf": outcome.node_of,
        "pending": [
            {
                "pod": pod,
                "message": failure.message,
                "reasons": failure.reasons,
                "nominatedNode": failure.nominated_node,
                "victims": failure.victims,
            }
            for pod, failure in outcome.pending.items()
        ],
        "utilisation": utilisation_document(outcome.utilisation),
        "empty": outcome.empty,
    }


def show(found: Comparison, top: int) -> None:
    """Print a comparison; of pods and nodes the first ``top``."""
    out = console()
    before, after = found.before, found.after
    out.print(Text(_title(found), style="bold"))
    out.print(_counts(found))
    out.print(utilisation_table(before.utilisation, after.utilisation))
    if after.pending:
        out.print(_pending(after, top))
        helped = sum(bool(failure.victims) for failure in after.pending.values())
        if helped:
            out.print(Text(f"preemption would make room for {helped:,} of them; nobody was evicted here"))
    if found.moved:
        out.print(_moved(found, top))
    for label, names in (
        ("placed that had no node", found.placed),
        ("without a node that had one", found.evicted),
        ("gone with their node", found.gone),
        ("nodes that become empty", found.emptied),
    ):
        if names:
            out.print(Text(f"{label}: {_some(names, top)}"))


def _title(found: Comparison) -> str:
    moved, pending = len(found.moved), len(found.after.pending)
    parts = [
        f"{moved:,} pod{'s' * (moved != 1)} would run elsewhere",
        f"{len(found.placed):,} would get a node",
        f"{pending:,} would be pending",
    ]
    return ", ".join(parts)


def _counts(found: Comparison) -> Table:
    before, after = found.before, found.after
    table = new_table("", "before", "after")
    rows = [
        ("nodes", before.nodes, after.nodes),
        ("pods with a node", len(before.node_of), len(after.node_of)),
        ("pods pending", len(before.pending), len(after.pending)),
        ("empty nodes", len(before.empty), len(after.empty)),
    ]
    for label, was, now in rows:
        table.add_row(label, f"{was:,}", f"{now:,}")
    return table


def _pending(after: Outcome, top: int) -> Table:
    """Return the messages of pending pods, with how many pods have each and the name of one."""
    counts = Counter(failure.message for failure in after.pending.values())
    first: dict[str, str] = {}
    for pod, failure in after.pending.items():
        first.setdefault(failure.message, pod)
    table = new_table("why pods are pending", "pods", "such as")
    table.columns[2].justify = "left"
    for message, count in counts.most_common(top):
        table.add_row(literal(message), f"{count:,}", literal(first[message]))
    if len(counts) > top:
        table.add_row("other reasons", f"{counts.total() - sum(n for _, n in counts.most_common(top)):,}", "")
    return table


def _moved(found: Comparison, top: int) -> Table:
    table = new_table("pods that run elsewhere", "before", "after")
    for column in table.columns[1:]:
        column.justify = "left"
    for each in found.moved[:top]:
        table.add_row(literal(each.pod), literal(each.before), literal(each.after))
    if len(found.moved) > top:
        table.add_row(f"{len(found.moved) - top:,} more", "", "")
    return table


def _some(names: Sequence[str], top: int) -> str:
    more = len(names) - top
    return ", ".join(names[:top]) + (f" and {more:,} more" if more > 0 else "")
