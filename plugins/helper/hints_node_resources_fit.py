"""Queueing hints of NodeResourcesFit (upstream: plugins/noderesources/fit.go); device classes are not read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from plugins.helper.hints import holds_node, is_same_pod, on
from sched_core import (
    FIXED_RESOURCES,
    ActionType,
    EventResource,
    QueueingHint,
    is_scalar_resource,
    parse_quantity,
    pod_requests,
    queue_if,
    resource_amount,
)

if TYPE_CHECKING:
    from sched_core import ClusterEventWithHint, Node, Pod

PODS = "pods"


def events_to_register() -> Sequence[ClusterEventWithHint]:
    """Return what NodeResourcesFit registers."""
    pod_actions = ActionType.Delete | ActionType.UpdatePodScaleDown
    node_actions = ActionType.Add | ActionType.UpdateNodeAllocatable
    return (
        on(EventResource.Pod, pod_actions, after_pod_event),
        on(EventResource.Node, node_actions, after_node_change),
    )


def after_pod_event(pod: Pod, old: Pod, new: Pod | None) -> QueueingHint:
    """Queue if a pod leaves a node, if the pod itself asks for less, or a placed one for less of what it wants."""
    if new is None:
        return queue_if(holds_node(old))
    if is_same_pod(pod, new):
        return QueueingHint.Queue
    if not new.spec.node_name:
        return QueueingHint.QueueSkip
    before, now = _amounts(old, use_status=True), _amounts(new, use_status=True)
    wanted = _amounts(pod, use_status=True)
    return queue_if(any(before.get(name, 0) > now.get(name, 0) for name, amount in wanted.items() if amount))


def after_node_change(pod: Pod, old: Node | None, new: Node) -> QueueingHint:
    """Queue if the pod would fit the node, were it empty, and the node is new or has more of what the pod wants."""
    wanted = {name: amount for name, amount in _amounts(pod, use_status=False).items() if amount}
    now = _allocatable(new)
    if now.get(PODS, 0) < 1 or any(amount > now.get(name, 0) for name, amount in wanted.items()):
        return QueueingHint.QueueSkip
    if old is None:
        return QueueingHint.Queue
    before = _allocatable(old)
    return queue_if(any(now.get(name, 0) > before.get(name, 0) for name in (PODS, *wanted)))


def _amounts(pod: Pod, use_status: bool) -> dict[str, int]:
    """Return what a pod requests of the resources that count, in the units of the filter."""
    return {
        name: resource_amount(name, nano)
        for name, nano in pod_requests(pod, use_status=use_status).items()
        if name in FIXED_RESOURCES or is_scalar_resource(name)
    }


def _allocatable(node: Node) -> Mapping[str, int]:
    quantities = node.status.allocatable.items()
    return {name: resource_amount(name, parse_quantity(quantity)) for name, quantity in quantities}
