"""NodeDeclaredFeatures: pods go where the kubelet can do what they need (upstream: plugins/nodedeclaredfeatures).

Of the features that a node can declare in 1.36, two follow from a pod's spec when it is scheduled (upstream:
component-helpers/nodedeclaredfeatures/features).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from plugins.helper.hints import is_same_pod, on
from sched_core import (
    SKIP,
    ActionType,
    EventResource,
    Obstacle,
    Plugin,
    PreFilterResult,
    QueueingHint,
    Verdicts,
    queue_if,
)

if TYPE_CHECKING:
    from sched_core import ClusterEventWithHint, CycleState, Node, NodeColumns, Pod, PodInfo


class NodeDeclaredFeatures(Plugin):
    """Refuse nodes whose ``status.declaredFeatures`` lacks what the pod needs."""

    name = "NodeDeclaredFeatures"
    reads_amounts = False
    without_pre_filter = 'error reading "PreFilterNodeDeclaredFeatures" from cycle-state: not found'
    reason = "node(s) didn't match Pod's required features"

    def events_to_register(self) -> Sequence[ClusterEventWithHint]:
        return (
            on(EventResource.Node, ActionType.Add | ActionType.UpdateNodeDeclaredFeature, self.after_node_change),
            on(EventResource.Pod, ActionType.Update, self.after_pod_update),
        )

    def after_node_change(self, pod: Pod, old: Node | None, new: Node) -> QueueingHint:
        """Queue if a node is new or declares other features, whatever the pod needs."""
        return queue_if(old is None or old.status.declared_features != new.status.declared_features)

    def after_pod_update(self, pod: Pod, old: Pod, new: Pod) -> QueueingHint:
        """Queue if the pod itself needs other features than before."""
        return queue_if(is_same_pod(pod, new) and required_features(old) != required_features(new))

    def sign_pod(self, pod: PodInfo) -> Hashable:
        return required_features(pod.pod)

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> PreFilterResult:
        return PreFilterResult() if required_features(pod.pod) else PreFilterResult(SKIP)

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        required = required_features(pod.pod)
        lacking = np.array([not required <= declared for declared in nodes.feature_sets], np.bool_)
        return Verdicts.refuse(lacking[nodes.feature_set], self.reason)

    def explain(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, row: int) -> Sequence[Obstacle]:
        missing = required_features(pod.pod) - nodes.feature_sets[nodes.feature_set[row]]
        return [Obstacle(f"its kubelet does not declare {', '.join(sorted(missing))}")]


def required_features(pod: Pod) -> frozenset[str]:
    """Return the features that a node must have declared for this pod."""
    spec = pod.spec
    features = set()
    for container in (*spec.containers, *spec.init_containers):
        if any(rule.action == "RestartAllContainers" for rule in container.restart_policy_rules or ()):
            features.add("RestartAllContainersOnContainerExits")
    if spec.host_network and spec.host_users is False:
        features.add("UserNamespacesHostNetworkSupport")
    return frozenset(features)
