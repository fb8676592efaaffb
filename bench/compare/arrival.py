"""One policy on one trace by arrival (nothing leaves) → a record; and what no policy can beat there."""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.bounds.bounds import fewest_nodes, most_gpu_percent
from bench.bounds.instance import Instance, instance
from bench.compare.policy import Policy
from bench.compare.record import RESOURCES, Bound, Curve, Record, by_size, percent_of, size_classes
from bench.replay.arrivals import Arrivals, capacity_milli, draw_arrivals
from bench.replay.experiment import Experiment, run
from bench.replay.run import Run
from bench.traces.trace import Nodes, Trace

NODES_AT = 50
"""The percent of arrival at which the nodes in use are counted: early enough that no policy has turned a pod away."""
Ints = NDArray[np.int64]


class ArrivalInputs(NamedTuple):
    """What arrives where; without given arrivals their order is drawn from the seed."""

    nodes: Nodes
    trace: Trace
    ratio: float
    given: dict[int, Arrivals] | None = None

    def arrivals(self, seed: int) -> Arrivals:
        """Return the order of arrival of a seed."""
        if self.given is not None:
            return self.given[seed]
        return draw_arrivals(self.nodes, self.trace, seed, self.ratio)


def run_arrival(key: str, label: str, inputs: ArrivalInputs, policy: Policy, seed: int) -> Record:
    """Run an experiment."""
    nodes, trace = inputs.nodes, inputs.trace
    given = None if inputs.given is None else inputs.given[seed]
    done = run(Experiment(nodes, trace, policy=policy.here(), seed=seed, ratio=inputs.ratio, arrivals=given))
    level = np.rint(100.0 * done.arrived_milli / done.capacity_milli).astype(np.int64)
    last = len(done.alloc) - 1
    at = np.maximum(np.searchsorted(level, np.arange(last + 1), side="right") - 1, 0)
    failed = done.node < 0
    in_use = _nodes_in_use(done.node)
    curve = {
        "allocated": done.alloc,
        "fragmented": done.frag_ratio_by_arrival,
        "failed": 100.0 * np.cumsum(failed)[at] / (at + 1),
        "nodes": in_use[at].astype(np.float64),
    }
    return Record(
        key=key,
        trace=label,
        policy=policy.label,
        seed=seed,
        numbers=_numbers(done, level, failed, in_use),
        curve=Curve([float(each) for each in range(last + 1)], {name: _rounded(row) for name, row in curve.items()}),
        sizes=by_size(size_classes(done.gpu_count, done.gpu_milli), failed),
        utilisation=_utilisation(nodes, done),
        seconds=done.seconds,
    )


def bound_arrival(key: str, label: str, inputs: ArrivalInputs, seed: int, served_percent: int) -> Bound:
    """Work out the bounds of what arrives; some policy has served what arrives up to ``served_percent``."""
    trace = inputs.trace
    nodes = inputs.nodes
    order = trace.shape_of[inputs.arrivals(seed).order]
    arrived = 100.0 * np.cumsum(trace.amounts()[2][order]) / capacity_milli(nodes)

    def of(served: NDArray[np.int32], forced: NDArray[np.int32]) -> Instance:
        return instance(nodes.shapes, nodes.shape_of, trace.shapes, served, forced)

    early = order[arrived <= NODES_AT]
    found = {
        "allocated_any": most_gpu_percent(of(order, order[:0])),
        "allocated_served": most_gpu_percent(of(order, order[arrived <= served_percent])),
        "nodes": fewest_nodes(of(early, early)),
    }
    numbers = {name: float(value) for name, value in found.items() if value is not None}
    return Bound(key=key, trace=label, seed=seed, numbers=numbers | {"served_percent": float(served_percent)})


def _numbers(done: Run, level: Ints, failed: NDArray[np.bool_], nodes: Ints) -> dict[str, float]:
    last = round(100 * done.ratio)  # where a seed's pods really end depends on the last of them
    numbers = {f"allocated_{at}": _value_at(done.alloc, at) for at in sorted({100, 115, last}) if at <= last}
    numbers |= {f"fragmented_{at}": _value_at(done.frag_ratio_by_arrival, at) for at in (50, 80) if at <= last}
    numbers = {name: value for name, value in numbers.items() if isfinite(value)}
    return numbers | {
        "failed": float(np.count_nonzero(failed)),
        "failed_percent": 100.0 * float(np.mean(failed)),
        "served_until_percent": float(_served_until_percent(done, failed)),
        "nodes_at_50": float(nodes[max(int(np.searchsorted(level, NODES_AT, side="right")) - 1, 0)]),
        "decisions_per_s": len(failed) / done.seconds if done.seconds else 0.0,
    }


def _value_at(curve: NDArray[np.float64], percent: int) -> float:
    """Return the value at a percent of arrival, or the last one before: few pods leave gaps. NaN if there is none."""
    values = curve[: percent + 1]
    values = values[np.isfinite(values)]
    return float(values[-1]) if len(values) else float("nan")


def _served_until_percent(done: Run, failed: NDArray[np.bool_]) -> int:
    """Return the last whole percent of arrival up to which every pod has a node, -1 if the first one has none."""
    if not failed.any():
        return int(100 * done.arrived_milli[-1] // done.capacity_milli)
    # The pod that failed may have brought arrival to a whole percent, or not have asked for a GPU.
    return int((100 * done.arrived_milli[np.argmax(failed)] - 1) // done.capacity_milli)


def _nodes_in_use(node: NDArray[np.int32]) -> Ints:
    """Return how many nodes hold a pod after each event."""
    placed = np.flatnonzero(node >= 0)
    _, first = np.unique(node[placed], return_index=True)
    new = np.zeros(len(node), np.int64)
    new[placed[first]] = 1
    return np.cumsum(new)


def _utilisation(nodes: Nodes, done: Run) -> dict[str, list[float]]:
    placed = done.node >= 0
    needs = (done.cpu_milli, done.memory_bytes, done.gpu_count * done.gpu_milli)
    haves = nodes.amounts()[:, nodes.shape_of].astype(np.float64)
    used = (
        np.bincount(done.node[placed], need[placed].astype(np.float64), nodes.count).astype(np.float64)
        for need in needs
    )
    return {name: percent_of(each, have) for name, each, have in zip(RESOURCES, used, haves, strict=True)}


def _rounded(values: NDArray[np.float64]) -> list[float | None]:
    return [value if isfinite(value) else None for value in np.round(values, 4).tolist()]
