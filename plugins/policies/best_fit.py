"""BestFit: where the least CPU and GPU would be left (policy 05 of the FGD paper). Needs GpuShare."""

from __future__ import annotations

from typing import Any

from plugins.policies.spec import CPU, MAX_CPU_MILLI, MAX_GPU_MILLI
from sched_core import Plugin


class BestFit(Plugin):
    """Prefer nodes on which little is left, CPU and GPU counting half each."""

    name = "BestFit"

    @staticmethod
    def score_row(pod: Any, node: Any, args: Any) -> Any:
        idle = 0
        for g in range(len(node.gpu_free_milli)):
            idle += node.gpu_free_milli[g]
        cpu = node.allocatable[CPU] - node.requested[CPU] - pod.requests[CPU]
        left = cpu / MAX_CPU_MILLI * 0.5 + (idle - pod.gpu_count * pod.gpu_milli) / MAX_GPU_MILLI * 0.5
        return min(max((1 - left) * 100, 0), 100)  # what is left of the fraction is cut off
