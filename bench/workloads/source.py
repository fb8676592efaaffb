"""One ``Workload`` from any source: a seed, lists in the openb format, or objects from files.

A workload is a cluster with nothing of the benchmark placed on it yet, the pods to place, and where each node stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.workloads import mixed, nodes, openb, variety
from sched_core import Cluster, InvalidObjects, Node, NodeArray, Pod, PodArray, Problem, load
from sched_core.objects.load import Objects

ZONE_LABEL = "topology.kubernetes.io/zone"
SHAPE_LABEL = "node.kubernetes.io/instance-type"
NO_ZONE = "no zone"
ENDED = ("Succeeded", "Failed")
WORKLOADS = ("one-class", "classes:N", "all-different", "mixed")


@dataclass(frozen=True)
class Groups:
    """Where each node stands and what it is: the axes of the heat map. Arrays go by rows of the cluster."""

    zones: list[str]
    shapes: list[str]
    zone_of: NDArray[np.int32]
    shape_of: NDArray[np.int32]


@dataclass(frozen=True)
class Workload:
    """What is scheduled, and onto what."""

    title: str
    identity: dict[str, Any]
    """What makes two runs comparable: equal identities are the same pods onto the same nodes."""
    cluster: Cluster
    pods: PodArray | Sequence[Pod]
    pod_count: int
    groups: Groups
    notes: list[str] = field(default_factory=list)
    """What a reader of the results has to know."""

    def part(self, start: int, stop: int) -> PodArray | Sequence[Pod]:
        """Return the pods ``start`` to ``stop`` (exclusive), in order."""
        return self.pods.part(start, stop) if isinstance(self.pods, PodArray) else self.pods[start:stop]


def synthetic(workload: str, node_count: int, pod_count: int, zones: int, seed: int) -> Workload:
    """Make a cluster and pods from a seed; ``workload`` is one of WORKLOADS with a number for N."""
    node_array = nodes.synthetic_nodes(node_count, zones, seed)
    if workload == "one-class":
        pods = variety.one_class(pod_count)
    elif workload == "all-different":
        pods = variety.all_different(pod_count, zones, seed)
    elif workload == "mixed":
        pods = mixed.mixed(pod_count, zones, seed)
    else:
        pods = variety.classes(pod_count, int(workload.removeprefix("classes:")), zones, seed)
    identity = {"source": "synthetic", "workload": workload, "nodes": node_count, "pods": pod_count, "zones": zones}
    title = f"{workload}: {pod_count:,} pods onto {node_count:,} synthetic nodes in {zones} zone{'s' * (zones != 1)}"
    cluster = Cluster.from_array(node_array)
    return Workload(title, identity | {"seed": seed}, cluster, pods, pod_count, groups_of_array(node_array))


def trace(nodes_csv: Path, pods_csv: Path) -> Workload:
    """Read a trace in the openb format; raises InvalidObjects."""
    node_array, pods, shared = openb.read_trace(nodes_csv, pods_csv)
    count, pod_count = len(node_array.names), len(pods.names)
    identity = {
        "source": "openb",
        "nodes_csv": nodes_csv.name,
        "pods_csv": pods_csv.name,
        "nodes": count,
        "pods": pod_count,
    }
    part = f"{shared:,} pods ask for a part of one GPU; unless a plugin shares GPUs, each takes a whole one"
    notes = [part] if shared else []
    title = f"openb {pods_csv.name}: {pod_count:,} pods onto the {count:,} nodes of {nodes_csv.name}"
    return Workload(
        title, identity, Cluster.from_array(node_array), pods, pod_count, groups_of_array(node_array), notes
    )


def objects(
    files: Sequence[str], *, skip_invalid: bool, strict: bool, on_progress: Callable[[int, int], None] | None = None
) -> Workload:
    """Load node and pod objects; pods without a node are scheduled in the order of the files, the others run already.

    Raises InvalidObjects, also when there is no node or nothing to schedule.
    """
    loaded = load(files, skip_invalid=skip_invalid, strict=strict, on_progress=on_progress)
    pending = [pod for pod in loaded.pods if not pod.spec.node_name and pod.status.phase not in ENDED]
    where = ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
    if not loaded.nodes or not pending:
        reason = "there is no pending pod (one without spec.nodeName)" if loaded.nodes else "there is no node"
        raise InvalidObjects([*loaded.skipped, Problem(where, "", "", reason)])
    running = sum(1 for pod in loaded.pods if pod.spec.node_name and pod.status.phase not in ENDED)
    count = len(loaded.nodes)
    identity = {"source": "objects", "files": [Path(name).name for name in files], "nodes": count, "running": running}
    title = f"{where}: {len(pending):,} pending pods onto {count:,} nodes with {running:,} running pods"
    cluster = Cluster.from_objects(loaded)
    groups = groups_of_objects(loaded.nodes, cluster)
    return Workload(title, identity | {"pods": len(pending)}, cluster, pending, len(pending), groups, _notes(loaded))


def _notes(loaded: Objects) -> list[str]:
    notes = []
    if loaded.skipped:
        others = f" and {len(loaded.skipped) - 1:,} more problems" if len(loaded.skipped) > 1 else ""
        notes.append(f"skipped what is invalid: {loaded.skipped[0]}{others}")
    if loaded.ignored:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(loaded.ignored.items()))
        notes.append(f"no scheduler reads these: {kinds}")
    return notes


def groups_of_objects(nodes_loaded: Sequence[Node], cluster: Cluster) -> Groups:
    """Return the groups of nodes that were added one by one."""
    rows = [cluster.nodes.row_of[node.metadata.name] for node in nodes_loaded]
    zone_number, zones = _numbered([nodes.label_of(node, ZONE_LABEL) or NO_ZONE for node in nodes_loaded])
    shape_number, shapes = _numbered([shape_name(node) for node in nodes_loaded])
    zone_of, shape_of = np.zeros(cluster.nodes.count, np.int32), np.zeros(cluster.nodes.count, np.int32)
    zone_of[rows], shape_of[rows] = zone_number, shape_number
    return Groups(zones, shapes, zone_of, shape_of)


def groups_of_array(array: NodeArray) -> Groups:
    """Return the groups of a NodeArray, whose order is that of the cluster's rows."""
    zone_of, zones = _numbered([nodes.label_of(node, ZONE_LABEL) or NO_ZONE for node in array.templates])
    shape_of, shapes = _numbered([shape_name(node) for node in array.templates])
    return Groups(zones, shapes, zone_of[array.template_of], shape_of[array.template_of])


def shape_name(node: Node) -> str:
    """Return a node's instance type; without that label, its CPU and memory."""
    resources = node.status.allocatable or node.status.capacity
    return nodes.label_of(node, SHAPE_LABEL) or f"{resources.get('cpu', 0)} CPU {resources.get('memory', 0)}"


def _numbered(values: Sequence[str]) -> tuple[NDArray[np.int32], list[str]]:
    number: dict[str, int] = {}
    numbers = np.array([number.setdefault(value, len(number)) for value in values], dtype=np.int32)
    return numbers, list(number)
