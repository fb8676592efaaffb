"""What ``stowage explain`` shows: tables for people, one document for programs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from cluster_shim.cli.terminal import console, literal, new_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from sched_core import Change, Obstacle, Preemption
    from sched_core.explain import Explanation, Fix, Margin, NodeExplanation

_VICTIMS = 5
"""Victims that are named at most."""


def show(found: Explanation, note: str, node: str, top: int) -> None:
    """Print an explanation: of all nodes the first ``top``, or ``node`` alone in full."""
    out = console()
    out.print(Text(_title(found), style="bold"))
    if note:
        out.print(Text(note, style="dim"))
    if found.outcome in ("not tried", "error"):
        out.print(Text(found.message))
        return
    if found.nominated and node in ("", found.node):
        out.print(Text("it is nominated to this node, so no other that passes is looked at"))
    if node and node not in {each.node for each in found.nodes}:
        out.print(Text(f"{node} is not looked at: the pod is nominated to {found.node}, which passes"))
    elif node:
        _show_node(out, found, found.of(node))
    elif found.node is not None:
        _show_choice(out, found, top)
    else:
        _show_refusal(out, found, top)


def document(found: Explanation, note: str) -> dict[str, Any]:
    """Return an explanation as JSON has it."""
    margin = found.margin
    return {
        "schema": "stowage/explain/1",
        "pod": found.pod,
        "schedulerName": found.scheduler_name,
        "outcome": found.outcome,
        "node": found.node,
        "message": found.message,
        "note": note,
        "nominated": found.nominated,
        "reasons": found.reasons,
        "weights": found.weights,
        "runnerUp": None
        if margin is None
        else {
            "node": margin.node,
            "margin": margin.points,
            "byPlugin": margin.by_plugin,
            "decisive": margin.decisive,
        },
        "nodes": [_node_document(each) for each in found.nodes],
        "fixes": [_fix_document(each) for each in found.fixes],
        "preemption": _preemption_document(found.preemption),
    }


def _node_document(each: NodeExplanation) -> dict[str, Any]:
    return {
        "node": each.node,
        "feasible": each.feasible,
        "refusedBy": each.refused_by,
        "reasons": each.reasons,
        "verdicts": each.verdicts,
        "scores": {name: score._asdict() for name, score in each.scores.items()},
        "total": each.total,
        "obstacles": [
            {"text": obstacle.text, "changes": [_change(change) for change in obstacle.changes]}
            for obstacle in each.obstacles
        ],
    }


def _fix_document(fix: Fix) -> dict[str, Any]:
    changes = [
        {**_change(change), "alternatives": [_change(other) for other in others]}
        for change, others in zip(fix.changes, fix.alternatives, strict=True)
    ]
    return {"node": fix.node, "changes": changes}


def _change(change: Change) -> dict[str, Any]:
    return {"text": change.text, "on": change.target, "size": change.size}


def _preemption_document(preemption: Preemption | None) -> dict[str, Any] | None:
    if preemption is None:
        return None
    chosen = preemption.chosen
    return {
        "eligible": preemption.eligible,
        "node": chosen.node if chosen is not None else None,
        "victims": chosen.victims if chosen is not None else [],
        "candidates": [
            {"node": each.node, "victims": each.victims, "pdbViolations": each.pdb_violations}
            for each in preemption.candidates
        ],
    }


def _title(found: Explanation) -> str:
    passing = sum(each.feasible for each in found.nodes)
    total = len(found.nodes)
    if found.nominated:
        return f"{found.pod} goes to {found.node}"
    match found.outcome:
        case "scheduled":
            return f"{found.pod} goes to {found.node} ({passing:,} of {total:,} nodes pass the filters)"
        case "unschedulable":
            return f"{found.pod} fits on none of {total:,} nodes" if total != 1 else f"{found.pod} does not fit"
        case "not tried":
            return f"{found.pod} is not tried"
    return f"the attempt for {found.pod} ends with an error"


def _show_choice(out: Console, found: Explanation, top: int) -> None:
    feasible = [each for each in found.nodes if each.feasible]
    if not found.nominated:
        out.print(Text(_lead(found.margin)))
    if found.margin is not None:
        _show_scores(out, found, feasible, top)
    if len(feasible) < len(found.nodes):
        out.print(_reasons(found))
        _show_obstacles(out, found, top)


def _lead(margin: Margin | None) -> str:
    if margin is None:
        return "it is the only node that passes, so nothing is scored"
    if not margin.points:
        return f"a tie with {margin.node}: the order in which nodes are looked at decides"
    parts = sorted(margin.by_plugin.items(), key=lambda item: -abs(item[1]))
    text = ", ".join(f"{name} {points:+,}" for name, points in parts if points)
    return f"{margin.points:,} points ahead of {margin.node}; {margin.decisive} makes the difference ({text})"


def _show_scores(out: Console, found: Explanation, feasible: Sequence[NodeExplanation], top: int) -> None:
    """Print the scores of the plugins that differ between nodes, and in a line those that do not."""
    differ = [name for name in found.weights if len({each.scores[name] for each in feasible}) > 1]
    same = [name for name in found.weights if name not in differ]
    table = new_table("node", "total", *(_heading(name, found.weights[name]) for name in differ))
    table.columns[0].no_wrap = True
    for each in feasible[:top]:
        table.add_row(literal(each.node), f"{each.total:,}", *(_score(each, name) for name in differ))
    if differ:
        out.print(table)
    if any(each.scores[name].raw != each.scores[name].weighted for each in feasible[:top] for name in differ):
        out.print(Text("points are weighted; below them raw→normalised", style="dim"))
    if len(feasible) > top:
        out.print(Text(f"more nodes that pass: {len(feasible) - top:,}", style="dim"))
    if same:
        values = ", ".join(f"{name} {feasible[0].scores[name].weighted}" for name in same)
        out.print(Text(f"the same on all of them: {values}", style="dim"))


def _heading(plugin: str, weight: int) -> str:
    """Return the name of a plugin with a word on each line, as narrow as it gets."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "\n", plugin) + f" ×{weight}"


def _score(each: NodeExplanation, name: str) -> Text:
    score = each.scores[name]
    text = Text(f"{score.weighted:,}")
    if score.raw != score.weighted:
        text.append(f"\n{score.raw:,}→{score.normalized:,}", style="dim")
    return text


def _show_refusal(out: Console, found: Explanation, top: int) -> None:
    out.print(Text(found.message))
    if found.reasons:
        out.print(_reasons(found))
    if found.fixes:
        out.print(_fixes(found.fixes))
    else:
        out.print(Text("no small change is known that would make it fit"))
    for text in _preemption_lines(found.preemption):
        out.print(Text(text))
    _show_obstacles(out, found, top)


def _reasons(found: Explanation) -> Table:
    table = new_table("why nodes are refused", "nodes")
    for reason, count in found.reasons.items():
        table.add_row(literal(reason), f"{count:,}")
    return table


def _fixes(fixes: Sequence[Fix]) -> Table:
    table = new_table("smallest changes with which it fits, each tried with all filters")
    for fix in fixes:
        text = Text()
        for position, (change, others) in enumerate(zip(fix.changes, fix.alternatives, strict=True)):
            text.append(("\nand " if position else "") + change.text)
            if others:
                text.append(f" (or {', or '.join(other.text for other in others)})", style="dim")
        if not any(change.target == "node" for change in fix.changes):
            text.append(f" → {fix.node}")
        table.add_row(text)
    return table


def _preemption_lines(preemption: Preemption | None) -> Iterator[str]:
    if preemption is None:
        return
    chosen = preemption.chosen
    if chosen is None:
        yield "preemption would not help" if preemption.eligible else "the pod may not preempt others"
        return
    victims = ", ".join(chosen.victims[:_VICTIMS])
    more = f" and {len(chosen.victims) - _VICTIMS:,} more" if len(chosen.victims) > _VICTIMS else ""
    broken = f" ({chosen.pdb_violations} of them against a disruption budget)" if chosen.pdb_violations else ""
    others = len(preemption.candidates) - 1
    elsewhere = f"; {others:,} other nodes would do" if others else ""
    yield f"preemption would evict {victims}{more} from {chosen.node}{broken}{elsewhere}"


def _show_obstacles(out: Console, found: Explanation, top: int) -> None:
    refused = [each for each in found.nodes if not each.feasible]
    explained = [each for each in refused if each.obstacles][:top]
    if not explained:
        return
    table = new_table("node", "what stands in the way")
    table.columns[0].no_wrap = True
    table.columns[1].justify = "left"
    for each in explained:
        table.add_row(literal(each.node), literal(_in_the_way(each.obstacles)))
    out.print(table)
    if len(refused) > len(explained):
        out.print(Text(f"more nodes that are refused: {len(refused) - len(explained):,}", style="dim"))


def _in_the_way(obstacles: Sequence[Obstacle]) -> str:
    return "\n".join(obstacle.text for obstacle in obstacles)


def _show_node(out: Console, found: Explanation, each: NodeExplanation) -> None:
    """Print one node in full: every filter, every score, every obstacle."""
    filters = new_table("filter", f"verdict on {each.node}")
    filters.columns[1].justify = "left"
    for plugin, verdict in each.verdicts.items():
        mark = " (the cycle ends here)" if plugin == each.refused_by else ""
        filters.add_row(literal(plugin), literal(verdict + mark), style="dim" if verdict == "skipped" else None)
    if each.verdicts:
        out.print(filters)
    if each.scores:
        scores = new_table("score", "raw", "normalised", "weight", "points")
        for name, score in each.scores.items():
            weight = f"{found.weights[name]}"
            scores.add_row(literal(name), f"{score.raw:,}", f"{score.normalized:,}", weight, f"{score.weighted:,}")
        scores.add_row("total", "", "", "", f"{each.total:,}", style="bold")
        out.print(scores)
    if each.feasible:
        place = [other.node for other in found.nodes].index(each.node) + 1
        out.print(Text(f"passes all filters; number {place:,} of those that do"))
        return
    if not each.refused_by:
        out.print(Text(", ".join(each.reasons)))
    for obstacle in each.obstacles:
        out.print(Text(f"in the way: {obstacle.text}"))
    if found.fixes:
        out.print(_fixes(found.fixes))
    else:
        out.print(Text("no small change is known that would make it fit there"))
