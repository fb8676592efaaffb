"""One experiment: a trace, a policy, a seed. Pods come one after the other, none leaves, none is tried twice."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.replay.arrivals import Arrivals, capacity_milli, draw_arrivals
from bench.replay.follow import Placements, frag_ratios
from bench.replay.policy import Policy, policy_of, typical_of
from bench.replay.run import Run
from bench.traces.arrays import node_array, pod_array
from bench.traces.trace import Nodes, Trace
from sched_core import Cluster, Engine, InvalidObjects, NodeArray, PluginError, PodArray, Problem

MOST_PODS = 1001
"""On one node, as in the published runs; it never matters there."""
PART = 2000
"""So many pods are placed at a time, between which progress is shown."""
FEW = 3
"""Nodes and pods that are enough to have everything compiled."""


class Experiment(NamedTuple):
    """What is replayed. Nodes without a device take no part."""

    nodes: Nodes
    trace: Trace
    policy: str
    """One of POLICIES, ``file.py:Class`` or ``module:Class``."""
    seed: int = 0
    ratio: float = 1.3
    """What all pods ask for, in parts of what all devices hold; given arrivals have theirs."""
    arrivals: Arrivals | None = None
    """Without them they are drawn from the seed."""


def with_devices(nodes: Nodes) -> Nodes:
    """Return the nodes that have a GPU; raises InvalidObjects if there is none."""
    has = np.array([shape.gpus > 0 for shape in nodes.shapes])[nodes.shape_of]
    if not has.any():
        raise InvalidObjects([Problem(nodes.title, "", "", "no node has a GPU")])
    rows = np.flatnonzero(has)
    names = [nodes.names[row] for row in rows.tolist()]
    return Nodes(nodes.title, names, nodes.shapes, nodes.shape_of[rows], nodes.templates)


def run(
    experiment: Experiment,
    progress: Callable[[int, int], None] | None = None,
    before_compiling: Callable[[bool], None] | None = None,
) -> Run:
    """Place all pods; ``progress`` is called with how many are placed, and of how many.

    ``before_compiling`` is told whether this machine has the compiled code already.
    Raises StowageError for a policy that cannot be used or fails.
    """
    nodes, trace = with_devices(experiment.nodes), experiment.trace
    arrivals = experiment.arrivals or draw_arrivals(nodes, trace, experiment.seed, experiment.ratio)
    typical = typical_of(trace)
    most = max(shape.gpus for shape in nodes.shapes)
    policy = policy_of(experiment.policy, typical, arrivals.nodes_by_rank, experiment.seed, most)
    pods, array = _coming(trace, arrivals), node_array(nodes, MOST_PODS)
    compile_seconds = _rehearse(policy, array, pods, before_compiling)
    engine = Engine(Cluster.from_array(array), policy.config, plugins=policy.plugins)
    node, taken, seconds = _place(engine, pods, progress)
    cpu, memory, count, milli = _amounts(trace)[:, trace.shape_of[arrivals.order]]
    ratios = frag_ratios(nodes, typical, Placements(node, taken, cpu))
    return Run(
        policy=policy.name,
        seed=experiment.seed,
        ratio=experiment.ratio,
        capacity_milli=capacity_milli(nodes),
        pod=arrivals.order,
        cpu_milli=cpu,
        memory_bytes=memory,
        gpu_count=count,
        gpu_milli=milli,
        node=node,
        frag_ratio=ratios,
        seconds=seconds,
        compile_seconds=compile_seconds,
    )


def _rehearse(
    policy: Policy, nodes: NodeArray, pods: PodArray, before_compiling: Callable[[bool], None] | None
) -> float:
    """Compile what this profile needs, or load it, by placing a few pods; return how long that took in seconds."""
    began = perf_counter()
    few = NodeArray(nodes.names[:FEW], nodes.templates, nodes.template_of[:FEW])
    engine = Engine(Cluster.from_array(few), policy.config, plugins=policy.plugins)
    if before_compiling is not None:
        before_compiling(engine.kernels_cached())
    engine.schedule_many(pods.part(0, FEW), explain=False)
    return perf_counter() - began


def _coming(trace: Trace, arrivals: Arrivals) -> PodArray:
    """Return the pods as they come; those that come again have a number behind their name."""
    array, seen = pod_array(trace), np.zeros(trace.count, np.int64)
    names = []
    for number in arrivals.order.tolist():
        again = int(seen[number])
        names.append(f"{trace.names[number]}-clone-{again}" if again else trace.names[number])
        seen[number] += 1
    return PodArray(names, array.templates, trace.shape_of[arrivals.order])


def _amounts(trace: Trace) -> NDArray[np.int64]:
    """Return int64[4, shapes]: cpu milli, memory bytes, devices, milli of each."""
    rows = [(shape.cpu_milli, shape.memory_bytes, shape.gpus, shape.gpu_milli) for shape in trace.shapes]
    return np.array(rows, np.int64).T


def _place(
    engine: Engine, pods: PodArray, progress: Callable[[int, int], None] | None
) -> tuple[NDArray[np.int32], NDArray[Any], float]:
    """Return where each pod went, what it took of each device, and how long that took in seconds."""
    nodes, taken, seconds, total = [], [], 0.0, len(pods.names)
    for start in range(0, total, PART):
        part = pods.part(start, min(start + PART, total))
        began = perf_counter()
        batch = engine.schedule_many(part, explain=False)
        seconds += perf_counter() - began
        for position, failure in batch.failures.items():
            if failure.error:
                raise PluginError("", "schedule", f"pod {part.names[position]}: {failure.message}")
        nodes.append(batch.node_of)
        taken.append(batch.placed["gpu_taken"])
        if progress is not None:
            progress(min(start + PART, total), total)
    return np.concatenate(nodes), np.concatenate(taken), seconds
