"""GpuPacking: devices in use first, then free devices of nodes in use, then free nodes (policy 04 of the FGD paper).

Needs GpuShare. Pods without a GPU score 0 everywhere.
"""

from __future__ import annotations

from typing import Any

from plugins.policies.gpu_share import WHOLE
from sched_core import Plugin


class GpuPacking(Plugin):
    """Prefer nodes on which a pod begins no new device."""

    name = "GpuPacking"
    costly = True

    @staticmethod
    def score_row(pod: Any, node: Any, args: Any) -> Any:
        """Score by the fullest ``gpu_count`` devices that fit: those in use come before free ones."""
        free, used = 0, 0
        for g in range(len(node.gpu_free_milli)):
            free += node.gpu_free_milli[g] == WHOLE
            used += (node.gpu_free_milli[g] >= pod.gpu_milli) & (node.gpu_free_milli[g] < WHOLE)
        if pod.gpu_count == 0:
            return 0
        if free == node.gpu_devices:
            return max(33 - free, free)
        if used < pod.gpu_count:
            return max(50 - (pod.gpu_count - used), 33)
        percent, counted = 0, 0
        for _ in range(pod.gpu_count):
            best = -1
            for g in range(len(node.gpu_free_milli)):
                fits = node.gpu_free_milli[g] >= pod.gpu_milli and (counted >> g) & 1 == 0
                if fits and (best < 0 or node.gpu_free_milli[g] < node.gpu_free_milli[best]):
                    best = g
            counted |= 1 << best
            percent += node.gpu_free_milli[best] * 100 // WHOLE
        return max(100 - percent // 10, 50)
