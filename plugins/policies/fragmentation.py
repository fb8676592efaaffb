"""Fragmentation of a node: how much of what is free on its devices typical pods cannot use (FGD paper, section 3).

For each typical pod, weighed by how often it comes: everything that is free, where the pod does not fit for its CPU,
its devices or its model, or asks for no device at all; else what is free on devices that are too full for it.
"""

from __future__ import annotations

from typing import Any

from sched_core import kernel


@kernel
def fragmentation(
    free: Any, was: int, becomes: int, number: int, cpu: Any, model: int,
    shares: Any, cpus: Any, millis: Any, counts: Any, models: Any,
) -> Any:  # fmt: skip
    """Return the fragmentation in milli-GPU of a node of which some devices change.

    ``free`` int64[G] is what is free on each device, as it is; ``number`` devices with ``was`` free have ``becomes``
    free afterwards. ``cpu`` and ``model`` are those of the node afterwards. The other arrays have an entry for each
    typical pod (see `typical_pods.Tables`). Sums are kept apart by what is lacking, and added up in the end, as the
    original does: otherwise some scores come out one point off.
    """
    idle = number * (becomes - was)
    for g in range(len(free)):
        idle += free[g]
    neither, no_gpu, no_cpu, plain, plain_no_cpu, no_model = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for t in range(len(shares)):
        milli = millis[t]
        fit = number * (int(becomes >= milli) - int(was >= milli))
        small = number * ((becomes if becomes < milli else 0) - (was if was < milli else 0))
        for g in range(len(free)):
            fit += free[g] >= milli
            small += free[g] if free[g] < milli else 0
        has_gpu, has_cpu = fit >= counts[t], cpu >= cpus[t]
        lost = shares[t] * idle
        if milli == 0:
            plain += lost if has_cpu else 0.0
            plain_no_cpu += 0.0 if has_cpu else lost
        elif models[t] != 0 and (models[t] & model) == 0:
            no_model += lost
        elif has_cpu:
            no_gpu += shares[t] * small if has_gpu else lost
        else:
            no_cpu += lost if has_gpu else 0.0
            neither += 0.0 if has_gpu else lost
    return ((((neither + no_gpu) + no_cpu) + plain) + plain_no_cpu) + no_model


@kernel
def relief(
    free: Any, was: int, becomes: int, number: int, cpu: Any, left: Any, model: int,
    shares: Any, cpus: Any, millis: Any, counts: Any, models: Any,
) -> Any:  # fmt: skip
    """Return by how much the fragmentation of a node shrinks, in milli-GPU, where its free CPU goes to ``left``."""
    before = fragmentation(free, 0, 0, 0, cpu, model, shares, cpus, millis, counts, models)
    return before - fragmentation(free, was, becomes, number, left, model, shares, cpus, millis, counts, models)
