"""A plugin in compiled code: does it compile, do the three speeds agree, are own columns kept right."""

from __future__ import annotations

import random
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_shim.plugin.calls import Trying
from cluster_shim.plugin.contract import ROW_METHODS
from cluster_shim.plugin.verdict import NothingToCheck, Wrong
from sched_core import Batch, Engine, Speed, pod_key

_KINDS = ("node_columns", "pod_columns", "placed_columns")


def check_compiles(trying: Trying) -> str:
    """Check that the row functions compile, on a cluster as they come."""
    methods = [method for method in ROW_METHODS if hasattr(trying.plugin, method)]
    if not methods:
        raise NothingToCheck("it has no row form")
    began = perf_counter()
    engine = trying.engine(trying.worlds[0].cluster(), "fused")
    batch = engine.schedule_many(trying.worlds[0].waiting)
    _no_errors(batch)
    seconds = perf_counter() - began
    if not batch.speed_used.get("fused"):
        if methods == ["normalize_row"]:
            raise NothingToCheck(f"it is decided in the cycle, {_why(trying)}")
        raise Wrong(f"it is decided in the cycle, {_why(trying)}", warning=True)
    return f"compiled, or loaded from the cache, in {seconds:.1f} s"


def check_speeds(trying: Trying) -> str:
    """Check that compiled batches decide as the cycle does, pod by pod."""
    used: set[str] = set()
    placed = 0
    for world in trying.worlds:
        rows: dict[str, NDArray[np.int32]] = {}
        speeds: tuple[Speed, ...] = ("cycle", "fused", "incremental")
        for speed in speeds:
            batch = trying.engine(world.cluster(), speed).schedule_many(world.waiting)
            _no_errors(batch)
            rows[speed] = batch.node_of
            used |= set(batch.speed_used)
        for speed in ("fused", "incremental"):
            differ = np.flatnonzero(rows[speed] != rows["cycle"])
            if len(differ):
                pod = pod_key(world.waiting[int(differ[0])])
                raise Wrong(f"{speed} and cycle decide in two ways on {pod}: row {rows[speed][differ[0]]} and row"
                            f" {rows['cycle'][differ[0]]}")  # fmt: skip
        placed += int((rows["cycle"] >= 0).sum())
    if used == {"cycle"}:
        raise NothingToCheck(f"it is decided in the cycle, {_why(trying)}")
    return f"{placed} placements by cycle, fused and incremental"


def check_own_columns(trying: Trying) -> str:
    """Check that own columns come back to what they were when pods go, and with a snapshot."""
    instance = trying.instance(trying.engine(trying.worlds[0].cluster()))
    declared = {kind: [column.name for column in getattr(instance, kind, ())] for kind in _KINDS}
    if not any(declared.values()):
        raise NothingToCheck("it declares none")
    changed = False
    for number, world in enumerate(trying.worlds):
        engine = trying.engine(world.cluster(), "auto")
        names = declared["node_columns"]
        before = _columns(engine, names)
        state = engine.snapshot()
        batch = engine.schedule_many(world.waiting)
        _no_errors(batch)
        after = _columns(engine, names)
        changed |= any(not np.array_equal(before[name], after[name]) for name in names)
        engine.restore(state)
        _equal("restore", before, _columns(engine, names))
        again = engine.schedule_many(world.waiting)
        if not np.array_equal(again.node_of, batch.node_of):
            raise Wrong("the same pods are placed in another way after a restore")
        _equal("the same placements after a restore", after, _columns(engine, names))
        rows = batch.node_of.tolist()
        gone = [pod_key(pod) for pod, row in zip(world.waiting, rows, strict=True) if row >= 0]
        random.Random(number).shuffle(gone)
        for key in gone:
            engine.forget(key)
        _equal("taking all pods away again (unreserve does not undo reserve)", before, _columns(engine, names))
    moves = hasattr(instance, "reserve_row") or hasattr(instance, "reserve_pod")
    if moves and not changed:
        raise Wrong("no placement has changed an own column: do the random pods ask for what it gives?", warning=True)
    shown = "; ".join(f"{kind.partition('_')[0]}: {', '.join(names)}" for kind, names in declared.items() if names)
    return f"{shown}; {'changed by placements and back' if moves else 'never changed by placements'}"


def _columns(engine: Engine, names: list[str]) -> dict[str, NDArray[Any]]:
    nodes: Any = engine.cluster.nodes
    return {name: nodes.own(name).copy() for name in names}


def _equal(what: str, before: dict[str, NDArray[Any]], now: dict[str, NDArray[Any]]) -> None:
    for name, array in before.items():
        if not np.array_equal(array, now[name]):
            row = int(np.argwhere(array != now[name])[0][-1])
            raise Wrong(f"column {name} is not what it was, after {what}: row {row}: {array[..., row]} before,"
                        f" {now[name][..., row]} now")  # fmt: skip


def _no_errors(batch: Batch) -> None:
    for failure in batch.failures.values():
        if failure.error:
            raise Wrong(failure.message)


def _why(trying: Trying) -> str:
    """Return why a plugin keeps its profile out of compiled batches."""
    plugin = trying.plugin
    if hasattr(plugin, "normalize_score"):
        return "since normalize_score is not compiled: write normalize_row"
    if hasattr(plugin, "score_row") and hasattr(plugin, "normalize_row"):
        return "since a score in row form is not normalised in compiled code: give 0..100 at once"
    if not any(hasattr(plugin, each) for each in ("filter_row", "score_row", "sign_pod", "domain_terms", "concerns")):
        return "since it has neither a row form, nor a signature, nor a domain form, and a PreFilter or PreScore"
    return "since another extension point of it is not compiled"
