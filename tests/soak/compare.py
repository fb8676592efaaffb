"""A cluster that has lived for long against one just made of the same objects: byte for byte, and in its decisions."""

from __future__ import annotations

from typing import Any

import numpy as np

from sched_core import Cluster, Decision, Engine, Pod
from sched_core.engine.batch import Batch
from tests.engine.worlds import Json

NUMBERS = (
    "allocatable", "requested", "nonzero_requested", "pod_count", "allowed_pods", "alive", "unschedulable",
    "hostname_is_name",
)  # fmt: skip
LABELS = ("kubernetes.io/hostname", "topology.kubernetes.io/zone", "disk", "serial")


def described(cluster: Cluster) -> dict[str, Any]:
    """Return all that is kept of nodes and placed pods, in the order of the nodes; numbers as bytes."""
    nodes, pods = cluster.nodes, cluster.nodes.pods
    order = nodes.order()
    found: dict[str, Any] = {name: getattr(nodes, name)[..., order].tobytes() for name in NUMBERS}
    rows = order.tolist()
    found["order"] = [nodes.names[row] for row in rows]
    for name, sets in (("taint_set", nodes.taint_sets), ("feature_set", nodes.feature_sets)):
        found[name] = [sets[number] for number in getattr(nodes, name)[order].tolist()]
    for key in LABELS:
        column = nodes.label(key)
        found[key] = [column.values[number] if number >= 0 else None for number in column.ids[order].tolist()]
    found["images"] = {
        name: (image.size, sorted(nodes.names[row] for row in image.rows.tolist()))
        for name, image in nodes.images.items()
    }
    found["ports"] = [
        {port for bit, port in enumerate(nodes.ports.ports) if int(nodes.used_ports[bit >> 6, row]) >> (bit & 63) & 1}
        for row in rows
    ]
    found["pods"] = [[_pod(cluster, number) for number in pods.on(row).tolist()] for row in rows]
    found["waiting"] = sorted(pods.key(number) for number in np.flatnonzero((pods.node_of < 0) & ~pods.gone).tolist())
    found["placed"], found["live"] = pods.placed, pods.live
    found["others"] = {kind: list(records.values()) for kind, records in cluster.others.items() if records}
    return found


def _pod(cluster: Cluster, number: int) -> tuple[str, bytes, bytes, int, int]:
    """Return key, amounts, priority and start time of a placed pod."""
    pods, classes = cluster.nodes.pods, cluster.classes
    row, key = int(pods.class_of[number]), pods.key(number)
    assert pods.find(key) == number
    amounts = classes.usage[row].tobytes(), classes.nonzero_usage[row].tobytes()
    return key, *amounts, int(pods.priority[number]), int(pods.start_time[number])


def assert_same_cluster(lived: Cluster, fresh: Cluster) -> None:
    """Hold two clusters together part by part."""
    lived.classes.fit_resources()
    fresh.classes.fit_resources()
    mine, other = described(lived), described(fresh)
    for name, kept in other.items():
        assert mine[name] == kept, name


def decided(decision: Decision) -> Json:
    """Return all that a decision says; scores as bytes."""
    scores = {
        plugin: (decision.raw_scores[plugin].tobytes(), decision.scores[plugin].tobytes())
        for plugin in decision.raw_scores
    }
    found = decision.preemption
    candidates = [(each.node, *each.victims, each.pdb_violations) for each in found.candidates] if found else []
    return {
        "node": decision.node, "message": decision.message, "feasible": decision.feasible, "scores": scores,
        "total": decision.total.tobytes(), "reasons": decision.reasons, "candidates": candidates,
        "tied": found.tied if found else None,
    }  # fmt: skip


def outcome(engine: Engine, batch: Batch) -> Json:
    """Return what became of a batch."""
    names = [engine.cluster.nodes.names[row] if row >= 0 else "" for row in batch.node_of.tolist()]
    return {"nodes": names, "failures": batch.failures, "start": engine.start}


def assert_same_decision(lived: Engine, fresh: Engine, pod: Pod) -> None:
    """Let two engines decide on a pod without placing it."""
    mine, other = decided(lived.evaluate(pod)), decided(fresh.evaluate(pod))
    for name, kept in other.items():
        assert mine[name] == kept, (pod.metadata.name, name)
