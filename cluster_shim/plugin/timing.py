"""Timing of a plugin alone: a profile with nothing else that filters or scores, beside in-tree plugins in the same way.

Where a plugin takes part in compiled batches, every pod is scored on every node (speed ``fused``), which is the price
of its arithmetic; else it is the whole cycle of one pod, with an entry of the plugin's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from msgspec import Struct

from cluster_shim.scheduler.configuration import name_of
from sched_core import (
    Cluster,
    Engine,
    Node,
    NodeArray,
    NumberedNames,
    Plugin,
    Pod,
    PodArray,
    extension_points,
    installed_plugin,
    load_config,
    load_documents,
)

SIZES = (1_000, 10_000, 100_000)
YARDSTICKS = ("NodeResourcesFit", "NodeResourcesBalancedAllocation", "TaintToleration", "NodeAffinity")
BASE = "NodeResourcesFit"
"""What ratios are of."""
ENOUGH_S = 0.1
"""A batch is long enough to be believed."""
_TEMPLATES, _CLASSES, _MOST = 48, 8, 4096


class Timing(Struct, frozen=True):
    """What one plugin takes at one size."""

    plugin: str
    nodes: int
    speed: str
    """fused or cycle."""
    us_per_pod: float
    ratio: float = 0.0
    """To BASE at the same size."""
    refused_percent: float = 0.0
    """Of the pods that were timed: what no node takes costs next to nothing."""


def measure(
    plugin: type[Plugin], args: Mapping[str, Any] | None, sizes: Sequence[int], keys: Sequence[str],
    on_step: Callable[[str], None] = lambda text: None,
) -> list[Timing]:  # fmt: skip
    """Time a plugin and the yardsticks at some numbers of nodes; ``keys`` are labels that the plugin reads.

    Raises StowageError if a plugin cannot be used.
    """
    own = name_of(plugin)
    classes = {name: installed_plugin(name) for name in YARDSTICKS if name != own} | {own: plugin}
    found = []
    for size in sizes:
        cluster = Cluster.from_array(_nodes(size, keys))
        pods = _pods(keys)
        times: dict[str, tuple[str, float, float]] = {}
        for name in classes:
            on_step(f"{name}, {size:,} nodes")
            times[name] = _time(cluster, pods, name, classes[name], args if name == own else None)
        base = max(times[BASE][1], 1e-3)
        found += [
            Timing(name, size, speed, round(us, 2), round(us / base, 2), round(refused, 1))
            for name, (speed, us, refused) in times.items()
        ]
    return found


def _time(
    cluster: Cluster, pods: list[Pod], name: str, plugin: type[Plugin], args: Mapping[str, Any] | None
) -> tuple[str, float, float]:
    """Return how a plugin is decided on, µs for each pod (the median of the last batch), and refused ones in %."""
    engine = _engine(cluster, name, plugin, args)
    empty = engine.snapshot()
    engine.schedule_many(_array(pods, 2 * len(pods)))  # compiles
    count = 2 * len(pods)
    while True:
        began = perf_counter()
        batch = engine.schedule_many(_array(pods, count), measure=True)
        seconds = perf_counter() - began
        if seconds > ENOUGH_S or count >= _MOST:
            break
        count *= 2
    engine.restore(empty)
    speed = "cycle" if "cycle" in batch.speed_used else "fused"
    return speed, float(np.median(batch.latency_ns)) / 1e3, 100.0 * (count - batch.scheduled) / count


def _engine(cluster: Cluster, name: str, plugin: type[Plugin], args: Mapping[str, Any] | None) -> Engine:
    enabled = [{"name": "PrioritySort"}, {"name": "DefaultBinder"}, {"name": name}]
    if "score" not in extension_points(plugin):  # batches are compiled where somebody scores
        enabled.append({"name": "ImageLocality"})
    profile: dict[str, Any] = {"plugins": {"multiPoint": {"disabled": [{"name": "*"}], "enabled": enabled}}}
    if args is not None:
        profile["pluginConfig"] = [{"name": name, "args": dict(args)}]
    header = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
    config = load_config({**header, "percentageOfNodesToScore": 100, "profiles": [profile]})
    return Engine(cluster, config, speed="fused", plugins={name: plugin})


def _nodes(count: int, keys: Sequence[str]) -> NodeArray:
    """Return nodes of which half have each label, so that a plugin that minds whether it is there lets some pass."""
    templates: list[Node] = []
    for number in range(_TEMPLATES):
        cores = (4, 8, 16, 32)[number % 4]
        labels = {"topology.kubernetes.io/zone": "abc"[number % 3], "disk": ("ssd", "hdd")[number % 2]}
        labels |= {key: str(number) for position, key in enumerate(keys) if number >> position % 5 & 1}
        taints = [{"key": "spot", "value": "true", "effect": "PreferNoSchedule"}] if number % 7 == 0 else []
        allocatable = {
            "cpu": str(cores),
            "memory": f"{cores * 4}Gi",
            "pods": "110",
            "nvidia.com/gpu": str(number % 3 * 4),
        }
        document = {
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": f"t{number}", "labels": labels},
            "spec": {"taints": taints}, "status": {"allocatable": allocatable, "capacity": allocatable},
        }  # fmt: skip
        templates += load_documents([document]).nodes
    return NodeArray(NumberedNames("n{}", count), templates, np.arange(count, dtype=np.int32) % _TEMPLATES)


def _pods(keys: Sequence[str]) -> list[Pod]:
    """Return pods of a few classes that prefer a zone, so that NodeAffinity has something to do."""
    preferred = {"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["a"]}]}
    affinity = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": preferred}]}
    documents = []
    for number in range(_CLASSES):
        requests = {"cpu": f"{10 + number}m", "memory": "16Mi"}
        spec = {"containers": [{"name": "c", "image": "i", "resources": {"requests": requests}}]}
        metadata = {"name": f"p{number}", "labels": dict.fromkeys(keys, "1"), "annotations": dict.fromkeys(keys, "1")}
        documents.append({
            "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {**spec, "affinity": {"nodeAffinity": affinity}},
        })  # fmt: skip
    return load_documents(documents).pods


def _array(pods: list[Pod], count: int) -> PodArray:
    return PodArray(NumberedNames("p-{}", count), pods, np.arange(count, dtype=np.int32) % len(pods))
