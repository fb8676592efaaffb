"""NodeResourcesBalancedAllocation: prefer nodes where the pod evens out the use of resources (upstream:
plugins/noderesources).

Real requests count here, without the defaults of NodeResourcesFit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sched_core import FIXED_RESOURCES, SKIP, SUCCESS, Plugin, Status, is_scalar_resource, kernel, quotient

if TYPE_CHECKING:
    from sched_core import CycleState, NodeColumns, NodeResourcesBalancedAllocationArgs, PodInfo

FIRST_SCALAR = len(FIXED_RESOURCES)
"""From this row on there are scalar resources; one counts only where it is requested."""


class NodeResourcesBalancedAllocation(Plugin):
    """Compare how evenly the resources of a node are used with the pod and without it.

    Even means that the used shares deviate little from their mean. No change scores 75.
    """

    name = "NodeResourcesBalancedAllocation"
    reads_amounts = False

    def __init__(self, args: NodeResourcesBalancedAllocationArgs) -> None:
        super().__init__(args)
        names = (each.name for each in args.resources)
        self.resources = [name for name in names if name in FIXED_RESOURCES or is_scalar_resource(name)]
        self.score_row = self.score_two if len(self.resources) == 2 else self.score_any

    def row_args(self, nodes: NodeColumns) -> Mapping[str, Any]:
        return {"rows": np.array([nodes.resource_row(name) for name in self.resources], np.int64)}

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, feasible: NDArray[np.int64]) -> Status:
        """Skip pods that request none of the resources: they would all crowd on the same nodes."""
        usage = pod.usage
        for name in self.resources:
            if usage[nodes.resource_row(name)] > 0:
                return SUCCESS
        return SKIP

    @staticmethod
    def score_two(pod: Any, node: Any, args: Any) -> Any:
        """Score two resources: the deviation is half of the distance between their shares."""
        a, b = args.rows[0], args.rows[1]
        both = is_usable(a, pod.usage[a], node.allocatable[a]) & is_usable(b, pod.usage[b], node.allocatable[b])
        before = share(node.requested[a], node.allocatable[a]) - share(node.requested[b], node.allocatable[b])
        used_a, used_b = node.requested[a] + pod.usage[a], node.requested[b] + pod.usage[b]
        after = share(used_a, node.allocatable[a]) - share(used_b, node.allocatable[b])
        gain = evenness(abs(after / 2) if both else 0.0) - evenness(abs(before / 2) if both else 0.0)
        return 50 + quotient(50 + gain, 2) if (pod.usage[a] != 0) | (pod.usage[b] != 0) else 0

    @staticmethod
    def score_any(pod: Any, node: Any, args: Any) -> Any:
        """Score any number of resources; unusable ones add exact zeros, so sums round as upstream's do."""
        count = 0
        requested = False
        sum_before, sum_after = 0.0, 0.0
        first_before, first_after, last_before, last_after = 0.0, 0.0, 0.0, 0.0
        for k in range(len(args.rows)):
            r = args.rows[k]
            usable = is_usable(r, pod.usage[r], node.allocatable[r])
            before = share(node.requested[r], node.allocatable[r])
            after = share(node.requested[r] + pod.usage[r], node.allocatable[r])
            first_before = before if usable & (count == 0) else first_before
            first_after = after if usable & (count == 0) else first_after
            last_before = before if usable else last_before
            last_after = after if usable else last_after
            sum_before += before if usable else 0.0
            sum_after += after if usable else 0.0
            count += 1 if usable else 0
            requested |= pod.usage[r] != 0
        mean_before, mean_after = sum_before / max(count, 1), sum_after / max(count, 1)
        squares_before, squares_after = 0.0, 0.0
        for k in range(len(args.rows)):
            r = args.rows[k]
            usable = is_usable(r, pod.usage[r], node.allocatable[r])
            before = share(node.requested[r], node.allocatable[r]) - mean_before
            after = share(node.requested[r] + pod.usage[r], node.allocatable[r]) - mean_after
            squares_before += before * before if usable else 0.0
            squares_after += after * after if usable else 0.0
        many_before = np.sqrt(squares_before / max(count, 1)) if count > 2 else 0.0
        many_after = np.sqrt(squares_after / max(count, 1)) if count > 2 else 0.0
        deviation_before = abs((first_before - last_before) / 2) if count == 2 else many_before
        deviation_after = abs((first_after - last_after) / 2) if count == 2 else many_after
        gain = evenness(deviation_after) - evenness(deviation_before)
        return 50 + quotient(50 + gain, 2) if requested else 0

    score_row: Callable[[Any, Any, Any], Any] = score_two


@kernel(inline=True)
def is_usable(row: Any, requested: Any, allocatable: Any) -> Any:
    """Tell whether a resource takes part on a node."""
    return (allocatable != 0) & ((row < FIRST_SCALAR) | (requested != 0))


@kernel(inline=True)
def share(used: Any, allocatable: Any) -> Any:
    """Return the used share of a resource in float64, 1 at most."""
    fraction = float(used) / float(max(allocatable, 1))
    return fraction if fraction < 1.0 else 1.0


@kernel(inline=True)
def evenness(deviation: Any) -> Any:
    """Return upstream's balancedResourceScore: 50 to 100, truncated after the product in float64."""
    return np.floor((1.0 - deviation) * 100.0)
