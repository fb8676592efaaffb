"""Worth: our own policy. A node is worth what its devices can still take, or what its CPU can still feed.

Whichever is less, and a little less for each typical pod that cannot be placed on it any more. A pod goes where the
worth of the node sinks least, and on the node to the device for which that holds. Nothing that fits is turned away.

On the ten published orders of arrival of the trace openb it allocates 0.7 to 1.6 points more than FGD (the README has
the table, and what else was tried). FGD sees that a node lacks CPU only when no typical pod fits any more, and strands
devices there; here CPU counts from the first pod on, which is most of the difference. The rest is what devices are
worth (`device_worth`): a remainder counts for what can still come, not for its size. A decision costs as much as FGD's:
35 typical pods times 8 devices for each node that has changed and each device that fits, about 0.25 us a node.

More of the few pods with 8 devices find no node, since devices of large nodes are not kept for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import floor
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from plugins.policies.device_worth import device_worth
from plugins.policies.gpu_share import WHOLE, GpuShare, is_new, take
from plugins.policies.openb import TYPICAL_PODS
from plugins.policies.spec import CPU
from plugins.policies.typical_pods import read_typical_pods, tables
from sched_core import kernel

if TYPE_CHECKING:
    from sched_core import NodeColumns

HOSTING: Final = 0.1
"""How much of what is free counts as lost for each typical pod that does not fit, weighted by how often it comes."""
POINT_MILLI: Final = 10.0
"""Milli-GPU of worth that a point of the score is: finer scores have fewer ties, and ties keep nodes whole."""
NONE: Final = 1 << 20
"""Added to points so that none is negative; far more than a node can lose."""


@kernel
def worth(
    free: Any, was: int, becomes: int, number: int, cpu: Any, model: int,
    devices: Any, cpu_per_milli: Any, shares: Any, cpus: Any, millis: Any, counts: Any, models: Any,
) -> Any:  # fmt: skip
    """Return the worth of a node in milli-GPU, where ``number`` devices with ``was`` free have ``becomes`` free.

    ``free`` int64[G] is what is free on each device before that, ``cpu`` and ``model`` are those of the node after it,
    ``devices`` float64[1001] is the worth of a device. The rest has an entry for each typical pod.
    """
    idle = number * (becomes - was)
    takes = number * (devices[becomes] - devices[was])
    for g in range(len(free)):
        idle += free[g]
        takes += devices[free[g]]
    lost = 0.0
    if idle > 0:
        for t in range(len(shares)):
            milli = millis[t]
            if milli > 0 and (models[t] == 0 or (models[t] & model) != 0):
                fit = number * (int(becomes >= milli) - int(was >= milli))
                for g in range(len(free)):
                    fit += free[g] >= milli
                lost += shares[t] if (cpu < cpus[t]) | (fit < counts[t]) else 0.0
    return min(takes, cpu / cpu_per_milli) - HOSTING * lost * idle


@kernel
def points(
    free: Any, was: int, becomes: int, number: int, cpu: Any, left: Any, model: int,
    devices: Any, cpu_per_milli: Any, shares: Any, cpus: Any, millis: Any, counts: Any, models: Any,
) -> Any:  # fmt: skip
    """Return the points that a node gains by a placement: fewer than none where it loses worth; see `worth`."""
    before = worth(free, 0, 0, 0, cpu, model, devices, cpu_per_milli, shares, cpus, millis, counts, models)
    after = worth(
        free, was, becomes, number, left, model, devices, cpu_per_milli, shares, cpus, millis, counts, models
    )  # fmt: skip
    return floor((after - before) / POINT_MILLI + 0.5)


@kernel
def best_device(
    free: Any, milli: int, cpu: Any, left: Any, model: int,
    devices: Any, cpu_per_milli: Any, shares: Any, cpus: Any, millis: Any, counts: Any, models: Any,
) -> tuple[int, int]:  # fmt: skip
    """Return the first device with the most points for a part of ``milli``, and its points; -1 if there is none."""
    chosen, best = -1, -NONE
    for g in range(len(free)):
        if free[g] >= milli:
            found = points(
                free, free[g], free[g] - milli, 1, cpu, left, model,
                devices, cpu_per_milli, shares, cpus, millis, counts, models,
            )  # fmt: skip
            if found > best:
                chosen, best = g, found
    return chosen, best


class Worth(GpuShare):
    """Prefer nodes and devices by how little worth a pod takes from them.

    Arguments: those of GpuShare, and ``typicalPods``, as FGD has them.
    """

    name = "Worth"
    costly = True
    keeps_best = True
    arguments = (*GpuShare.arguments, "typicalPods")

    def __init__(self, args: Mapping[str, Any] | None = None) -> None:
        super().__init__(args)
        given = (args or {}).get("typicalPods")
        self.typical = TYPICAL_PODS if given is None else read_typical_pods(given)
        self._devices = device_worth(self.typical)
        cpu = sum(pod.share * pod.cpu_milli for pod in self.typical if pod.gpu_count)
        milli = sum(pod.share * pod.gpu_milli * pod.gpu_count for pod in self.typical)
        self._cpu_per_milli = cpu / milli if cpu and milli else 1.0

    def row_tables(self, nodes: NodeColumns) -> Mapping[str, NDArray[Any]]:
        rate = np.array([self._cpu_per_milli])
        return {"devices": self._devices, "rate": rate, **tables(self.typical, self.model_bits)._asdict()}

    @staticmethod
    def score_row(pod: Any, node: Any, args: Any) -> Any:
        cpu = node.allocatable[CPU] - node.requested[CPU]
        left = cpu - pod.requests[CPU]
        if pod.gpu_count == 1 and pod.gpu_milli < WHOLE:
            return NONE + best_device(
                node.gpu_free_milli, pod.gpu_milli, cpu, left, node.gpu_model,
                args.devices, args.rate[0], args.shares, args.cpus, args.millis, args.counts, args.models,
            )[1]  # fmt: skip
        return NONE + points(
            node.gpu_free_milli, WHOLE, WHOLE - pod.gpu_milli, pod.gpu_count, cpu, left, node.gpu_model,
            args.devices, args.rate[0], args.shares, args.cpus, args.millis, args.counts, args.models,
        )  # fmt: skip

    @staticmethod
    def normalize_row(score: Any, lowest: Any, highest: Any) -> Any:
        return max(0, 100 - (highest - score))

    @staticmethod
    def reserve_row(pod: Any, node: Any, args: Any) -> Any:
        """Take the best device for a part of one, the first whole ones; the same again if the pod was here before."""
        if pod.gpu_count == 1 and pod.gpu_milli < WHOLE and is_new(pod.gpu_taken):
            cpu = node.allocatable[CPU] - node.requested[CPU]
            chosen = best_device(
                node.gpu_free_milli, pod.gpu_milli, cpu, cpu - pod.requests[CPU], node.gpu_model,
                args.devices, args.rate[0], args.shares, args.cpus, args.millis, args.counts, args.models,
            )[0]  # fmt: skip
            if chosen >= 0:
                pod.gpu_taken[chosen] = pod.gpu_milli
        take(node.gpu_free_milli, pod.gpu_taken, pod.gpu_count, pod.gpu_milli)
