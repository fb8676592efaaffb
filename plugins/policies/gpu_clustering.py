"""GpuClustering: pods of one size on the same nodes (policy 03 of the FGD paper). Needs GpuShare.

A size is a part of one device, or a number of devices. Pods without a GPU score 0 everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from plugins.policies.gpu_share import WHOLE
from plugins.policies.spec import MAX_GPU_MILLI
from sched_core import Column, Plugin

SIZES = 9
"""Entry 0 counts pods with a part of one device, entry k those with k devices; the last one those with more, too."""


class GpuClustering(Plugin):
    """Prefer nodes that have pods of this size, best of all no others; among them fuller ones."""

    name = "GpuClustering"
    node_columns = (Column("gpu_pods_by_size", np.int64, (SIZES,)),)

    @staticmethod
    def score_row(pod: Any, node: Any, args: Any) -> Any:
        idle = 0
        for g in range(len(node.gpu_free_milli)):
            idle += node.gpu_free_milli[g]
        size = 0 if (pod.gpu_count == 1) & (pod.gpu_milli < WHOLE) else min(pod.gpu_count, SIZES - 1)
        sizes, same = 0, 0
        for s in range(SIZES):
            there = node.gpu_pods_by_size[s] > 0
            sizes += there
            same |= there & (s == size)
        base = max(25 * (MAX_GPU_MILLI - idle) // MAX_GPU_MILLI, 0)
        kind = (75 if sizes == 1 else 50) if same else (25 if sizes == 0 else 0)
        return 0 if pod.gpu_count == 0 else min(base, 25) + kind

    @staticmethod
    def reserve_row(pod: Any, node: Any, args: Any) -> Any:
        size = 0 if pod.gpu_count == 1 and pod.gpu_milli < WHOLE else min(pod.gpu_count, SIZES - 1)
        node.gpu_pods_by_size[size] += 1 if pod.gpu_count > 0 else 0

    @staticmethod
    def unreserve_row(pod: Any, node: Any, args: Any) -> Any:
        size = 0 if pod.gpu_count == 1 and pod.gpu_milli < WHOLE else min(pod.gpu_count, SIZES - 1)
        node.gpu_pods_by_size[size] -= 1 if pod.gpu_count > 0 else 0
