"""What the engine found out about a pod, in the form of an entry of ``expect``.

Nothing is decided, placed or compared here.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.verify.read import Json
from sched_core import Code, Decision, Diagnosis, Engine, Pod

BRIEF_NODES = 20
"""How many nodes a brief entry names at most."""

ALWAYS_THERE = frozenset({"feasible", "feasibleCount", "bestCount"})
"""Fields that are told also when they are empty or 0."""

BRIEF_CANDIDATES = 10
"""With more candidates for preemption than this, a brief entry names none."""


def skipped(engine: Engine, pod: Pod) -> Json | None:
    """Return the entry of a pod that is not tried at all; None if it is tried."""
    info = engine.cluster.classes.info(pod)
    status = engine.admit(info)
    if status.is_success:
        return None
    entry: Json = {"pod": info.key, "reason": status.message, "feasible": None}
    if pod.spec.scheduler_name not in engine.profiles:
        return {**entry, "skipped": "unknownSchedulerName"}
    if status.plugin:
        return {**entry, "skipped": "preEnqueue", "skippedPlugin": status.plugin}
    return {**entry, "skipped": "deleting"}


def entry_of(engine: Engine, decision: Decision, detail: Literal["", "brief"] = "") -> Json:
    """Return the entry of an attempt in which all nodes were looked at."""
    pod = decision.pod.pod
    entry: Json = {"pod": decision.key, "profile": pod.spec.scheduler_name, "feasible": []}
    if decision.status.code == Code.Error:
        return {**entry, "error": decision.message}
    feasible = sorted(decision.feasible)
    if decision.nominated_node_used:
        entry["nominatedNodeUsed"] = decision.nodes.names[int(decision.feasible_rows[0])]
    refused = {} if decision.nominated_node_used else _refused(decision)
    if detail == "brief":
        entry["feasibleCount"] = len(feasible)
        if refused:
            entry["infeasibleCount"] = {key: len(names) for key, names in refused.items()}
    else:
        entry["feasible"] = feasible
        if refused:
            entry["infeasible"] = refused
            entry["unresolvable"] = _unresolvable(decision)
    entry |= _scored(decision, detail)
    if decision.row < 0:
        entry |= {"unschedulable": True, "message": decision.message}
        if "DefaultPreemption" in {plugin.name for plugin in engine.profiles[entry["profile"]].points["postFilter"]}:
            entry |= _preemption(decision, detail)
    return {field: value for field, value in entry.items() if value or field in ALWAYS_THERE}


def sequence_entry_of(engine: Engine, decision: Decision) -> Json:
    """Return the entry of an attempt in which the engine took the node itself."""
    best = decision.best
    entry: Json = {
        "pod": decision.key,
        "nodes": engine.cluster.nodes.snapshot_size,
        "evaluated": decision.evaluated,
        "feasibleCount": len(decision.feasible_rows),
        "nextStart": engine.start,
    }
    if decision.status.code == Code.Error:
        return {**entry, "error": decision.message}
    if decision.row < 0:
        return {**entry, "unschedulable": True, "message": decision.message}
    if len(decision.total):
        entry |= {"score": int(decision.total.max()), "bestCount": len(best)}
    return {**entry, "chosen": decision.node}


def _scored(decision: Decision, detail: Literal["", "brief"]) -> Json:
    """Return weights, scores and totals, and the nodes that come out best."""
    best = sorted(decision.best)
    names = decision.feasible
    total = dict(zip(names, decision.total.tolist(), strict=False))
    entry: Json = {"weights": dict(decision.weights)}
    if detail == "brief":
        first = sorted(total, key=lambda name: (-total[name], name))[:BRIEF_NODES]
        entry |= {"total": {name: total[name] for name in first}, "best": best[:BRIEF_NODES], "bestCount": len(best)}
    else:
        raw, scores = decision.raw_scores, decision.scores
        entry["rawScores"] = {name: dict(zip(names, raw[name].tolist(), strict=True)) for name in raw}
        entry["scores"] = {name: dict(zip(names, scores[name].tolist(), strict=True)) for name in scores}
        entry |= {"total": total, "best": best}
    return {**entry, "chosen": best[0] if best else None}


def _refused(decision: Decision) -> dict[str, list[str]]:
    """Return ``"plugin|reason;reason"`` -> sorted names of the nodes."""
    found: dict[str, list[str]] = {}
    if decision.diagnosis is None:
        return found
    for plugin, reasons, rows in decision.diagnosis.groups():
        found.setdefault(f"{plugin}|{';'.join(sorted(reasons))}", []).extend(_names(decision, rows))
    return {key: sorted(names) for key, names in found.items()}


def _unresolvable(decision: Decision) -> list[str]:
    assert isinstance(decision.diagnosis, Diagnosis)
    return sorted(_names(decision, np.flatnonzero(decision.diagnosis.codes == Code.UnschedulableAndUnresolvable)))


def _names(decision: Decision, rows: NDArray[np.int64]) -> list[str]:
    return [decision.nodes.names[row] for row in rows.tolist()]


def _preemption(decision: Decision, detail: Literal["", "brief"]) -> Json:
    """Return how the PostFilter step ended; nothing if there was none. Of equal nodes the first by name is taken."""
    if decision.post_filter is None:
        return {}
    found = decision.preemption
    if found is None or not found.candidates:
        eligible = found.eligible if found is not None else decision.pod.pod.spec.preemption_policy != "Never"
        return {"preemption": {"eligible": eligible, "message": decision.post_filter.message}}
    tied = sorted(found.tied)
    entry: Json = {"eligible": True, "nominatedNode": tied[0], "tiedNodes": tied}
    entry["victims"] = sorted(found.of(tied[0]).victims)
    if detail != "brief" or len(found.candidates) <= BRIEF_CANDIDATES:
        entry["candidates"] = {
            each.node: {"victims": list(each.victims), "pdbViolations": each.pdb_violations}
            for each in found.candidates
        }
    return {"preemption": entry}
