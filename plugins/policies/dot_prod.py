"""DotProd: where a pod's demand and what a node has free point in different directions (policy 02 of the FGD paper).

The smaller the product of the two, the better: big demands are kept away from nodes with much free. Needs GpuShare.
"""

from __future__ import annotations

from typing import Any

from plugins.policies.spec import CPU, MAX_CPU_MILLI, MAX_GPU_MILLI
from sched_core import Plugin


class DotProd(Plugin):
    """Prefer a small dot product of free and wanted CPU and GPU, all devices of a node taken together."""

    name = "DotProd"

    @staticmethod
    def score_row(pod: Any, node: Any, args: Any) -> Any:
        idle = 0
        for g in range(len(node.gpu_free_milli)):
            idle += node.gpu_free_milli[g]
        cpu = (node.allocatable[CPU] - node.requested[CPU]) / MAX_CPU_MILLI * (pod.requests[CPU] / MAX_CPU_MILLI)
        gpu = idle / MAX_GPU_MILLI * (pod.gpu_count * pod.gpu_milli / MAX_GPU_MILLI)
        return max(100 * (1 - (cpu + gpu) / 2), 0)  # what is left of the fraction is cut off
