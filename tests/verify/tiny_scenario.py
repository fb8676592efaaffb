"""A small scenario of which every kind of entry has one pod, and a sequence of which every change has one step.

Nodes of the scenario; all hold 10 pods:

=====  ===  ======  =======================================
node   cpu  memory
=====  ===  ======  =======================================
a      4    8Gi
b      8    8Gi
c      8    8Gi     taint dedicated=gpu:NoSchedule
d      1    1Gi     a pod of 500m runs here
=====  ===  ======  =======================================

What is expected of it comes from the naive twin, but for the nominated pod, which that one does not know.
"""

from __future__ import annotations

import copy
from typing import Any

from tests.naive.cycle import NaiveScheduler

Json = dict[str, Any]

PLACED, REFUSED, GATED, STRANGER, DELETED, BROKEN, NOMINATED = range(7)
"""Positions of the pods in the scenario."""

MINIMUM = (
    "PrioritySort",
    "NodeUnschedulable",
    "NodeResourcesFit",
    "DynamicResources",
    "DefaultPreemption",
    "DefaultBinder",
)
"""The plugins of the sequence."""

SCORE_EMPTY = (93 + 96) // 2
"""NodeResourcesFit of an empty node of 8 cpu and 8Gi: 100 * 7500 / 8000 for cpu and 100 * 7936 / 8192 for memory."""


def node(name: str, cpu: str, memory: str, *taints: Json, **labels: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {key.replace("_", "/"): value for key, value in labels.items()}},
        "spec": {"taints": list(taints)} if taints else {},
        "status": {"allocatable": {"cpu": cpu, "memory": memory, "pods": "10"}},
    }


def pod(name: str, cpu: str, *, metadata: Json | None = None, status: Json | None = None, **spec: Any) -> Json:
    container = {"name": "main", "image": "app", "resources": {"requests": {"cpu": cpu, "memory": "256Mi"}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", **(metadata or {})},
        "spec": {"containers": [container], **spec},
        "status": status or {},
    }


def scenario() -> Json:
    """Return the scenario with its expected entries."""
    taint = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
    objects = [
        node("a", "4", "8Gi"), node("b", "8", "8Gi"), node("c", "8", "8Gi", taint), node("d", "1", "1Gi"),
        pod("running", "500m", nodeName="d"),
    ]  # fmt: skip
    below_zero = {"matchExpressions": [{"key": "gen", "operator": "Gt", "values": ["-5"]}]}
    preferred = [{"weight": 1, "preference": below_zero}]
    pods = [
        pod("placed", "900m"),
        pod("refused", "16"),
        pod("gated", "1", schedulingGates=[{"name": "quota"}]),
        pod("stranger", "1", schedulerName="another"),
        pod("deleted", "1", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}),
        pod("broken", "1", affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}),
        pod("nominated", "1", status={"nominatedNodeName": "a"}, priority=-1),
    ]
    twin = NaiveScheduler(copy.deepcopy(objects), None)
    expect = [twin.schedule(copy.deepcopy(each), index) for index, each in enumerate(pods[:NOMINATED])]
    expect.append(
        {
            "pod": "default/nominated",
            "profile": "default-scheduler",
            "nominatedNodeUsed": "a",
            "feasible": ["a"],
            "best": ["a"],
            "chosen": "a",
        }
    )
    return {"name": "tiny-1", "objects": objects, "pods": pods, "expect": expect}


def brief() -> Json:
    """Return the same scenario in the brief form."""
    found = scenario()
    for entry in found["expect"]:
        if "skipped" in entry or "error" in entry:
            continue
        infeasible = {key: len(names) for key, names in entry.get("infeasible", {}).items()}
        entry |= {"feasibleCount": len(entry["feasible"]), "bestCount": len(entry.get("best", [])), "feasible": []}
        entry |= {"infeasibleCount": infeasible} if infeasible else {}
        for field in ("infeasible", "unresolvable", "rawScores", "scores"):
            entry.pop(field, None)
    kept = [
        index for index in range(len(found["pods"])) if index != BROKEN
    ]  # how a brief entry tells errors is unknown
    return {
        **found,
        "name": "brief-1",
        "detail": "brief",
        "pods": [found["pods"][index] for index in kept],
        "expect": [found["expect"][index] for index in kept],
    }


def sequence() -> Json:
    """Return a sequence, worked out by hand: nodes x and y are alike, z is too small for all but the last pod.

    Order of the nodes: x and z are in zone 1, y is in zone 2, so x, y, z; later y, z, x.
    """
    zone = "topology.kubernetes.io_zone"
    x, y = node("x", "8", "8Gi", **{zone: "1"}), node("y", "8", "8Gi", **{zone: "2"})
    z = node("z", "100m", "8Gi", **{zone: "1"})
    enabled = [{"name": name} for name in MINIMUM]
    short = "1 Insufficient cpu"
    refusal = (
        "no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    )
    return {
        "name": "sequence-tiny",
        "kind": "sequence",
        "config": {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "parallelism": 1,
            "profiles": [
                {"plugins": {"multiPoint": {"disabled": [{"name": "*"}], "enabled": enabled}}},
            ],
        },
        "objects": [x, z, y],
        "pods": [pod(f"p{number}", "500m") for number in range(5)],
        "steps": [
            {"before": 2, "deleteNode": "x"},
            {"before": 3, "updateNode": {**y, "spec": {"unschedulable": True}}},
            {"before": 4, "addNode": x},
            {"before": 4, "deletePod": "default/p0"},
        ],
        "expect": [
            _sequence_entry(0, 3, 3, 2, chosen="x", score=SCORE_EMPTY, bestCount=2),
            _sequence_entry(1, 3, 3, 2, chosen="y", score=SCORE_EMPTY, bestCount=1),
            _sequence_entry(2, 2, 2, 1, chosen="y"),
            _sequence_entry(
                3, 2, 2, 0, unschedulable=True,
                message=f"0/2 nodes are available: {short}, 1 node(s) were unschedulable. {refusal}",
            ),
            _sequence_entry(4, 3, 3, 1, chosen="x"),
        ],
    }  # fmt: skip


def _sequence_entry(number: int, nodes: int, evaluated: int, feasible: int, **told: Any) -> Json:
    entry = {"pod": f"default/p{number}", "nodes": nodes, "evaluated": evaluated, "feasibleCount": feasible}
    return {**entry, "nextStart": 0, **told}
