"""Random: any node, any device (policy 01 of the FGD paper). It counts devices itself: a profile has it for GpuShare.

A choice is a function of the seed and of the state of the cluster, so it is the same after a restore. It is made for
all nodes at once, hence in the cycle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plugins.policies.gpu_share import WHOLE, GpuShare, is_new, take
from sched_core import SUCCESS, kernel

if TYPE_CHECKING:
    from sched_core import CycleState, NodeColumns, PodInfo, Status

_KEY = "Random/chosen row"


@kernel
def any_device(free: Any, milli: int, number: int) -> int:
    """Return one of the devices with ``milli`` free, each equally likely for a random number; -1 if there is none."""
    fitting = 0
    for g in range(len(free)):
        fitting += free[g] >= milli
    if fitting == 0:
        return -1
    skipped = number % fitting
    for g in range(len(free)):
        if free[g] >= milli:
            if skipped == 0:
                return g
            skipped -= 1
    return -1


@kernel
def mixed(first: int, second: int, third: int) -> int:
    """Return a number of 31 bits that looks random, made of three: a linear congruential generator, a step each."""
    state = 12_345
    for part in (first, second, third):
        state = (state ^ (part & 0x7FFFFFFF)) * 1_103_515_245 + 12_345
        state = (state ^ (state >> 15)) & 0x7FFFFFFF
    return (state * 1_103_515_245 >> 7) & 0x7FFFFFFF


class Random(GpuShare):
    """Give each node that a pod fits on the same chance, and so each device.

    Arguments: those of GpuShare, and ``seed``.
    """

    name = "Random"
    arguments = (*GpuShare.arguments, "seed")

    def __init__(self, args: Mapping[str, Any] | None = None) -> None:
        super().__init__(args)
        self.seed = (args or {}).get("seed", 0)
        if not isinstance(self.seed, int) or not 0 <= self.seed < 1 << 63:
            raise ValueError(f"seed must be a number from 0 to 2^63 - 1, not {self.seed!r}")

    def row_tables(self, nodes: NodeColumns) -> Mapping[str, NDArray[Any]]:
        return {"seed": np.array([self.seed], np.int64)}

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, feasible: NDArray[np.int64]) -> Status:
        generator = np.random.default_rng([self.seed, nodes.pods.count])
        state[_KEY] = generator.choice(feasible)
        return SUCCESS

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> NDArray[np.int64]:
        scores = np.zeros(nodes.count, np.int64)
        scores[state[_KEY]] = 100
        return scores

    @staticmethod
    def reserve_row(pod: Any, node: Any, args: Any) -> Any:
        """Take any device for a part of one, the first whole ones; the same again if the pod was here before."""
        if pod.gpu_count == 1 and pod.gpu_milli < WHOLE and is_new(pod.gpu_taken):
            idle = 0
            for g in range(len(node.gpu_free_milli)):
                idle += node.gpu_free_milli[g]
            chosen = any_device(node.gpu_free_milli, pod.gpu_milli, mixed(args.seed[0], idle, node.requested[0]))
            if chosen >= 0:
                pod.gpu_taken[chosen] = pod.gpu_milli
        take(node.gpu_free_milli, pod.gpu_taken, pod.gpu_count, pod.gpu_milli)
