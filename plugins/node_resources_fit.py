"""NodeResourcesFit: enough of each resource, and three ways to score what is left (upstream: plugins/noderesources).

Of the pod, the filter reads requests with pod-level resources; the score reads what its containers request, with
defaults of 100m and 200Mi. Neither knows DeviceClasses (DRA).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plugins.helper import hints_node_resources_fit
from plugins.helper.changes import more_of, request_less
from sched_core import (
    FIXED_RESOURCES,
    UNRESOLVABLE,
    Code,
    NotSupported,
    Obstacle,
    Plugin,
    Verdicts,
    amount_text,
    is_extended_resource,
    is_scalar_resource,
    percent,
    quotient,
)

if TYPE_CHECKING:
    from sched_core import (
        ClusterEventWithHint,
        CycleState,
        NodeColumns,
        NodeResourcesFitArgs,
        PodInfo,
        UtilizationShapePoint,
    )

FIRST_SCALAR = len(FIXED_RESOURCES)
"""From this row on there are scalar resources; one counts only where it is requested."""

REASON_BITS = 62
"""Bits of a filter's answer that can hold a reason; columns are padded to more rows than resources have names."""


class NodeResourcesFit(Plugin):
    """Filter by what is free, score by what is (or will be) used."""

    name = "NodeResourcesFit"
    reads_amounts = False
    without_pre_filter = 'error reading "PreFilterNodeResourcesFit" from cycleState: not found'
    may_skip = False

    def __init__(self, args: NodeResourcesFitArgs) -> None:
        super().__init__(args)
        resources = args.scoring_strategy.resources
        self.resources = [each for each in resources if each.name in FIXED_RESOURCES or is_scalar_resource(each.name)]
        self.score_row = {
            "LeastAllocated": self.least_allocated,
            "MostAllocated": self.most_allocated,
            "RequestedToCapacityRatio": self.requested_to_capacity_ratio,
        }[args.scoring_strategy.type]

    def events_to_register(self) -> Sequence[ClusterEventWithHint]:
        return hints_node_resources_fit.events_to_register()

    def row_args(self, nodes: NodeColumns) -> Mapping[str, Any]:
        """Return ``ignored`` bool[R] for the filter; ``rows``, ``weights`` and ``curve`` for the score."""
        ratio = self.args.scoring_strategy.requested_to_capacity_ratio
        rows = [nodes.resource_row(each.name) for each in self.resources]
        self.reasons = ("Too many pods", *(f"Insufficient {name}" for name in nodes.resources))
        ignored = np.zeros(nodes.resource_count, np.bool_)
        ignored[: len(nodes.resources)] = [self._is_ignored(name) for name in nodes.resources]
        return {
            "ignored": ignored,
            "rows": np.array(rows, np.int64),
            "weights": np.array([each.weight for each in self.resources], np.int64),
            "curve": broken_line(ratio.shape if ratio is not None else ()),
        }

    def _is_ignored(self, resource: str) -> bool:
        if not is_extended_resource(resource):
            return False
        group = resource.partition("/")[0]
        return resource in self.args.ignored_resources or group in self.args.ignored_resource_groups

    def explain(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, row: int) -> Sequence[Obstacle]:
        """Say of each resource how much is short."""
        name, found = nodes.names[row], []
        count, allowed = int(nodes.pod_count[row]), int(nodes.allowed_pods[row])
        if count + 1 > allowed:
            more = more_of(name, "pods", count + 1 - allowed, allowed, too_small=False)
            found.append(Obstacle(f"runs {count} of at most {allowed} pods", (more,)))
        for resource, wanted in pod.requests_by_name.items():
            column = nodes.resource(resource)
            allocatable, used = int(column.allocatable[row]), int(column.requested[row])
            short = wanted - (allocatable - used)
            if wanted <= 0 or short <= 0 or self._is_ignored(resource):
                continue
            amounts = [amount_text(resource, each) for each in (short, wanted, allocatable - used, allocatable)]
            text = "lacks {} {resource}: {} requested, {} of {} free".format(*amounts, resource=resource)
            more = more_of(name, resource, short, allocatable, too_small=wanted > allocatable)
            found.append(Obstacle(text, (more, *request_less(pod.pod, resource, short, wanted))))
        return found

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        """Say the same as `filter_row` of a pod that requests rare resources: bit k + 1 for the k-th of its own.

        Raises NotSupported for a pod with more resources than there are bits.
        """
        bits = (nodes.pod_count + 1 > nodes.allowed_pods).astype(np.int64)
        unresolvable, reasons = np.zeros(nodes.count, np.bool_), ["Too many pods"]
        for resource, wanted in pod.requests_by_name.items():
            if wanted <= 0 or self._is_ignored(resource):
                continue
            if len(reasons) == REASON_BITS:
                text = f"pod {pod.key} requests more than {REASON_BITS - 1} different resources"
                raise NotSupported(f"{self.name}: {text}")
            allocatable, requested = nodes.resource(resource)
            bits |= (wanted > allocatable - requested).astype(np.int64) << len(reasons)
            unresolvable |= wanted > allocatable
            reasons.append(f"Insufficient {resource}")
        return Verdicts(bits, tuple(reasons), Code.Unschedulable, unresolvable)

    @staticmethod
    def filter_row(pod: Any, node: Any, args: Any) -> Any:
        """Set bit 0 for too many pods, bit r + 1 for too little of resource r."""
        bits = 1 if node.pod_count + 1 > node.allowed_pods else 0
        for r in range(min(len(args.ignored), REASON_BITS - 1)):
            wanted = 0 if args.ignored[r] else pod.requests[r]
            free = node.allocatable[r] - node.requested[r]
            bits |= (1 << (r + 1)) if (wanted > 0) & (wanted > free) else 0
            bits |= UNRESOLVABLE if (wanted > 0) & (wanted > node.allocatable[r]) else 0
        return bits

    @staticmethod
    def least_allocated(pod: Any, node: Any, args: Any) -> Any:
        """Score the free share of each resource, in percent; 0 where the node would be overcommitted."""
        total = 0
        weights = 0
        for k in range(len(args.rows)):
            r = args.rows[k]
            allocatable = node.allocatable[r]
            used = node.nonzero_requested[r] + pod.score_requests[r]
            counts = (allocatable != 0) & ((r < FIRST_SCALAR) | (pod.score_requests[r] != 0))
            share = percent(max(allocatable - used, 0), max(allocatable, 1))
            total += share * args.weights[k] if counts else 0
            weights += args.weights[k] if counts else 0
        return quotient(total, max(weights, 1))

    @staticmethod
    def most_allocated(pod: Any, node: Any, args: Any) -> Any:
        """Score the used share of each resource, in percent; 100 where the node would be overcommitted."""
        total = 0
        weights = 0
        for k in range(len(args.rows)):
            r = args.rows[k]
            allocatable = node.allocatable[r]
            used = node.nonzero_requested[r] + pod.score_requests[r]
            counts = (allocatable != 0) & ((r < FIRST_SCALAR) | (pod.score_requests[r] != 0))
            share = percent(min(used, allocatable), max(allocatable, 1))
            total += share * args.weights[k] if counts else 0
            weights += args.weights[k] if counts else 0
        return quotient(total, max(weights, 1))

    @staticmethod
    def requested_to_capacity_ratio(pod: Any, node: Any, args: Any) -> Any:
        """Score the used share by the configured curve; resources that score 0 do not count in the mean."""
        total = 0
        weights = 0
        for k in range(len(args.rows)):
            r = args.rows[k]
            allocatable = node.allocatable[r]
            used = node.nonzero_requested[r] + pod.score_requests[r]
            counts = (allocatable != 0) & ((r < FIRST_SCALAR) | (pod.score_requests[r] != 0))
            utilization = percent(min(used, allocatable), max(allocatable, 1))
            share = args.curve[int(utilization)]
            total += share * args.weights[k] if counts & (share > 0) else 0
            weights += args.weights[k] if counts & (share > 0) else 0
        return quotient(2 * total + weights, max(2 * weights, 1))  # the mean, rounded half up

    score_row: Callable[[Any, Any, Any], Any] = least_allocated


def broken_line(shape: Sequence[UtilizationShapePoint]) -> NDArray[np.int64]:
    """Return the score (0 to 100) at each utilization from 0 to 100, int64[101]; points score 0 to 10."""
    if not shape:
        return np.zeros(101, np.int64)
    xs = [point.utilization for point in shape]
    ys = [point.score * 10 for point in shape]
    curve = np.full(101, ys[-1], np.int64)
    for x in range(min(xs[-1], 100) + 1):
        i = bisect_left(xs, x)
        if i == 0:
            curve[x] = ys[0]
        else:
            rise = (ys[i] - ys[i - 1]) * (x - xs[i - 1])
            run = xs[i] - xs[i - 1]
            curve[x] = ys[i - 1] + (rise // run if rise >= 0 else -(-rise // run))  # toward zero, as Go divides
    return curve
