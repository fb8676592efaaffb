"""FGD: fragmentation gradient descent (policy 06; "Beware of Fragmentation", USENIX ATC 2023).

A pod goes where it leaves the least additional fragmentation, with respect to pods as they typically come; on the node
it takes the device for which that holds. It counts devices itself: a profile has it in place of GpuShare.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from plugins.policies.fragmentation import relief
from plugins.policies.gpu_share import WHOLE, GpuShare, is_new, take
from plugins.policies.openb import TYPICAL_PODS
from plugins.policies.spec import CPU
from plugins.policies.typical_pods import read_typical_pods, tables
from sched_core import kernel

if TYPE_CHECKING:
    from sched_core import NodeColumns


@kernel
def points(
    free: Any, was: int, becomes: int, number: int, cpu: Any, left: Any, model: int,
    shares: Any, cpus: Any, millis: Any, counts: Any, models: Any,
) -> int:  # fmt: skip
    """Return 0 to 100 for a change of a node, 50 if its fragmentation stays as it is; see `relief`."""
    gain = relief(free, was, becomes, number, cpu, left, model, shares, cpus, millis, counts, models)
    return int(100 * (1 / (1 + exp(-gain / WHOLE))))


@kernel
def best_device(
    free: Any, milli: int, cpu: Any, left: Any, model: int,
    shares: Any, cpus: Any, millis: Any, counts: Any, models: Any,
) -> tuple[int, int]:  # fmt: skip
    """Return the first device with the most points for a part of ``milli``, and its points; -1 if there is none."""
    chosen, best = -1, -1
    for g in range(len(free)):
        if free[g] >= milli:
            found = points(free, free[g], free[g] - milli, 1, cpu, left, model, shares, cpus, millis, counts, models)
            if found > best:
                chosen, best = g, found
    return chosen, best


class FGD(GpuShare):
    """Prefer nodes and devices by how little fragmentation grows.

    Arguments: those of GpuShare, and ``typicalPods``, the kinds of pods that come (see `typical_pods`); without them
    those of the trace openb.
    """

    name = "FGD"
    costly = True
    arguments = (*GpuShare.arguments, "typicalPods")

    def __init__(self, args: Mapping[str, Any] | None = None) -> None:
        super().__init__(args)
        given = (args or {}).get("typicalPods")
        self.typical = TYPICAL_PODS if given is None else read_typical_pods(given)

    def row_tables(self, nodes: NodeColumns) -> Mapping[str, NDArray[Any]]:
        return tables(self.typical, self.model_bits)._asdict()

    @staticmethod
    def score_row(pod: Any, node: Any, args: Any) -> Any:
        cpu = node.allocatable[CPU] - node.requested[CPU]
        left = cpu - pod.requests[CPU]
        if pod.gpu_count == 1 and pod.gpu_milli < WHOLE:
            return best_device(
                node.gpu_free_milli, pod.gpu_milli, cpu, left, node.gpu_model,
                args.shares, args.cpus, args.millis, args.counts, args.models,
            )[1]  # fmt: skip
        return points(
            node.gpu_free_milli, WHOLE, WHOLE - pod.gpu_milli, pod.gpu_count, cpu, left, node.gpu_model,
            args.shares, args.cpus, args.millis, args.counts, args.models,
        )  # fmt: skip

    @staticmethod
    def reserve_row(pod: Any, node: Any, args: Any) -> Any:
        """Take the best device for a part of one, the first whole ones; the same again if the pod was here before."""
        if pod.gpu_count == 1 and pod.gpu_milli < WHOLE and is_new(pod.gpu_taken):
            cpu = node.allocatable[CPU] - node.requested[CPU]
            chosen = best_device(
                node.gpu_free_milli, pod.gpu_milli, cpu, cpu - pod.requests[CPU], node.gpu_model,
                args.shares, args.cpus, args.millis, args.counts, args.models,
            )[0]  # fmt: skip
            if chosen >= 0:
                pod.gpu_taken[chosen] = pod.gpu_milli
        take(node.gpu_free_milli, pod.gpu_taken, pod.gpu_count, pod.gpu_milli)
