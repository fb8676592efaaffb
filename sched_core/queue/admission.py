"""Whether a node would admit a pod by itself, as the kubelet sees it and as the scheduler without queueing hints does
before it lets an event of a node move the pod (upstream: AdmissionCheck of eventhandlers.go).
"""

from __future__ import annotations

from sched_core.cluster import Cluster
from sched_core.objects.records import Node, Pod
from sched_core.objects.selectors import matches_node_selector, tolerates_all

REPELLING = ("NoSchedule", "NoExecute")


def admits(cluster: Cluster, node: Node, pod: Pod) -> bool:
    """Tell whether a node has room for a pod now, is one that it selects, and has no taint that keeps it out."""
    row = cluster.nodes.row_of[node.metadata.name]
    return (
        _has_room(cluster, row, pod)
        and _is_selected(node, pod)
        and pod.spec.node_name in ("", node.metadata.name)
        and tolerates_all(pod.spec.tolerations, [each for each in node.spec.taints if each.effect in REPELLING])
    )


def _has_room(cluster: Cluster, row: int, pod: Pod) -> bool:
    nodes, info = cluster.nodes, cluster.classes.info(pod)
    cluster.classes.fit_resources()
    requests = info.requests
    width = len(requests)
    free = nodes.full("allocatable")[:width, row] - nodes.full("requested")[:width, row]
    fits = bool(((requests == 0) | (requests <= free)).all()) and nodes.pod_count[row] < nodes.allowed_pods[row]
    rare = ((nodes.resource(name), wanted) for name, wanted in info.rare_requests.items())
    fits &= all(wanted <= of.allocatable[row] - of.requested[row] for of, wanted in rare)
    return fits and not (info.port_conflicts & nodes.full("used_ports")[:, row]).any()


def _is_selected(node: Node, pod: Pod) -> bool:
    labels, spec = node.metadata.labels, pod.spec
    if any(labels.get(key) != value for key, value in (spec.node_selector or {}).items()):
        return False
    affinity = spec.affinity.node_affinity if spec.affinity is not None else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity is not None else None
    return required is None or matches_node_selector(required, labels, node.metadata.name)
