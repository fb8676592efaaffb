"""Arrivals: in which order the pods of a trace come, which of them come again, and which node wins a tie.

Drawn from a seed, or read from a file in which the published seeds are worked out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.traces.trace import WHOLE, Nodes, Trace
from sched_core import InvalidObjects, Problem
from sched_core.objects.source import find_sources, read_source

DRAWS = 4096
"""How many pods are drawn at a time while more are wanted."""


class Arrivals(NamedTuple):
    """What a seed decides."""

    order: NDArray[np.int64]
    """[E]: number of the pod in the trace that each event brings; one that comes again is a clone."""
    nodes_by_rank: list[str]
    """Among nodes with the same score the first of these wins."""


class _Seed(msgspec.Struct):
    arrivals: list[int]
    nodes_by_rank: list[str]


class _File(msgspec.Struct):
    pods_by_name: list[str]
    seeds: dict[str, _Seed]


def capacity_milli(nodes: Nodes) -> int:
    """Return what all devices of the nodes hold, in milli-GPU."""
    return int(sum(shape.gpus for shape in map(nodes.shapes.__getitem__, nodes.shape_of.tolist()))) * WHOLE


def draw_arrivals(nodes: Nodes, trace: Trace, seed: int, ratio: float) -> Arrivals:
    """Draw an order of arrival in which the pods ask for ``ratio`` times what all devices hold.

    Pods in byte order of their names are shuffled. Where they ask for too much, pods are drawn and taken out until they
    do not; where they ask for too little, pods are drawn with replacement and come again behind all others, up to the
    first one that would lead beyond. Nodes have random ranks. Raises InvalidObjects if no pod asks for a device.
    """
    generator = np.random.default_rng(seed)
    by_name = np.array(sorted(range(trace.count), key=lambda number: trace.names[number].encode()), np.int64)
    order = generator.permutation(by_name)
    per_device = np.array([shape.gpu_milli for shape in trace.shapes], np.int64)[trace.shape_of]
    total = trace.amounts()[2][trace.shape_of]
    wanted, target = int(total.sum()), ratio * capacity_milli(nodes)
    if not wanted:
        raise InvalidObjects([Problem(trace.title, "", "", "no pod asks for a GPU")])
    if wanted > target:
        order = np.delete(order, _too_many(generator, total[order], wanted - target))
    elif wanted < target:
        clones = _clones(generator, by_name, per_device, total, wanted, target)
        order = np.concatenate([order, *clones])
    ranked = sorted(nodes.names)
    return Arrivals(order, [ranked[number] for number in generator.permutation(len(ranked))])


def _too_many(generator: np.random.Generator, total: NDArray[np.int64], excess: float) -> NDArray[np.int64]:
    """Return positions, drawn until the pods there ask for at least ``excess``."""
    positions = generator.permutation(len(total))
    taken = int(np.searchsorted(np.cumsum(total[positions]), excess)) + 1
    return positions[:taken]


def _clones(
    generator: np.random.Generator, by_name: NDArray[np.int64], per_device: NDArray[np.int64], total: NDArray[np.int64],
    wanted: int, target: float,
) -> Iterator[NDArray[np.int64]]:  # fmt: skip
    """Yield pods that come again. What one of their devices needs tells whether a pod still fits, as published."""
    while True:
        drawn = by_name[generator.integers(len(by_name), size=DRAWS)]
        before = wanted + np.cumsum(total[drawn]) - total[drawn]
        beyond = before + per_device[drawn] > target
        if beyond.any():
            yield drawn[: int(beyond.argmax())]
            return
        yield drawn
        wanted += int(total[drawn].sum())


def read_arrivals(path: Path, nodes: Nodes, trace: Trace) -> dict[int, Arrivals]:
    """Read the arrivals of some seeds, also from a file that is compressed by gzip.

    Raises InvalidObjects with file and field, also for pods and nodes that are not in the lists.
    """
    data = read_source(find_sources([path])[0])
    if isinstance(data, Problem):
        raise InvalidObjects([data])
    try:
        file = msgspec.json.decode(data, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidObjects([Problem(str(path), "", "", f"is not a file of arrivals: {error}")]) from error
    problems = [Problem(str(path), "", field, reason) for field, reason in _faults(file, nodes, trace)]
    if problems:
        raise InvalidObjects(problems)
    number_of = {name: number for number, name in enumerate(trace.names)}
    numbers = np.array([number_of[name] for name in file.pods_by_name], np.int64)
    return {
        int(seed): Arrivals(numbers[np.array(each.arrivals, np.int64)], each.nodes_by_rank)
        for seed, each in file.seeds.items()
    }


def _faults(file: _File, nodes: Nodes, trace: Trace) -> Iterator[tuple[str, str]]:
    known = set(trace.names)
    unknown = [name for name in file.pods_by_name if name not in known]
    if unknown:
        yield "pods_by_name", f"{len(unknown):,} pods are not in {trace.title}, such as {unknown[0]}"
    if not file.seeds:
        yield "seeds", "is empty"
    names = sorted(nodes.names)
    for seed, each in file.seeds.items():
        if not seed.isdecimal():
            yield f"seeds.{seed}", "is not a whole number"
        if not each.arrivals:
            yield f"seeds.{seed}.arrivals", "is empty"
        elif not 0 <= min(each.arrivals) <= max(each.arrivals) < len(file.pods_by_name):
            yield f"seeds.{seed}.arrivals", f"an index is not one of {len(file.pods_by_name):,} pods"
        if sorted(each.nodes_by_rank) != names:
            yield f"seeds.{seed}.nodes_by_rank", f"are not the {len(names):,} nodes with a GPU of {nodes.title}"
