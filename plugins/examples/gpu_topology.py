"""GpuTopology: which GPUs of a node are free, kept in own columns, and pods on GPUs that are wired to each other.

The GPUs of a node, 8 at most, come in groups of ``example.com/gpu-group-size`` (a label; NVLink or one PCIe switch). A
pod that asks for ``nvidia.com/gpu`` is best off with all of them in one group, and the others are if it takes the group
with the fewest free ones that it fits into. NodeResourcesFit stays beside it and counts:

``stowage bench scheduling --plugin plugins/examples/gpu_topology.py:GpuTopology=5``
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sched_core import Column, Plugin, parse_quantity, pod_requests, quotient, resource_amount

if TYPE_CHECKING:
    from sched_core import Node, Pod

GPU, GROUP_SIZE = "nvidia.com/gpu", "example.com/gpu-group-size"
MOST = 8


class GpuTopology(Plugin):
    """Prefer nodes with a group that the pod fits into, the fuller the better; else those where it spans few."""

    name = "GpuTopology"
    costly = True  # loops and branches: called only for nodes that pass the filters
    node_columns = (Column("gpu_free", np.int64, (MOST,)), Column("gpu_group_size"))
    pod_columns = (Column("gpu_wanted"),)
    placed_columns = (Column("gpu_taken", np.int64, (MOST,)),)
    reasons = ("node(s) had too few free GPUs",)

    def fill_node(self, node: Node) -> Mapping[str, Any]:
        count = min(resource_amount(GPU, parse_quantity(node.status.allocatable.get(GPU, "0"))), MOST)
        label = node.metadata.labels.get(GROUP_SIZE, "")
        size = int(label) if label.isdecimal() and 1 <= int(label) <= MOST else MOST
        return {"gpu_free": [1] * count + [0] * (MOST - count), "gpu_group_size": size}

    def fill_pod(self, pod: Pod) -> Mapping[str, Any]:
        requests = pod_requests(pod, use_status=False)
        return {"gpu_wanted": min(resource_amount(GPU, requests.get(GPU, 0)), MOST + 1)}  # more than any node has

    @staticmethod
    def filter_row(pod: Any, node: Any, args: Any) -> Any:
        free = 0
        for gpu in range(MOST):
            free += node.gpu_free[gpu]
        return 1 if free < pod.gpu_wanted else 0

    @staticmethod
    def score_row(pod: Any, node: Any, args: Any) -> Any:
        if pod.gpu_wanted == 0:
            return 0
        least = MOST + 1  # free GPUs that would be left in the fullest group that the pod fits into
        for start in range(0, MOST, node.gpu_group_size):
            free = 0
            for gpu in range(start, min(start + node.gpu_group_size, MOST)):
                free += node.gpu_free[gpu]
            if pod.gpu_wanted <= free < least + pod.gpu_wanted:
                least = free - pod.gpu_wanted
        return 100 - 5 * least if least <= MOST else quotient(node.gpu_group_size * 50, MOST)

    @staticmethod
    def reserve_row(pod: Any, node: Any, args: Any) -> None:
        known = 0  # a pod that was here before has the same again
        for gpu in range(MOST):
            known += pod.gpu_taken[gpu]
        left, fullest, least = pod.gpu_wanted - known, -1, MOST + 1
        for start in range(0, MOST, node.gpu_group_size):
            free = 0
            for gpu in range(start, min(start + node.gpu_group_size, MOST)):
                free += node.gpu_free[gpu]
            if left <= free < least:
                fullest, least = start, free
        for turn in range(2):  # first of that group, then wherever there are any
            for gpu in range(MOST):
                inside = fullest <= gpu < fullest + node.gpu_group_size
                if left > 0 and node.gpu_free[gpu] > 0 and (turn == 1 or (fullest >= 0 and inside)):
                    pod.gpu_taken[gpu] = 1
                    left -= 1
                if turn == 1:
                    node.gpu_free[gpu] -= pod.gpu_taken[gpu]

    @staticmethod
    def unreserve_row(pod: Any, node: Any, args: Any) -> None:
        for gpu in range(MOST):
            node.gpu_free[gpu] += pod.gpu_taken[gpu]
