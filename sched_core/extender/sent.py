"""Nodes and pods as they are sent to extenders.

Records keep no more than schedulers read: what is left out of them arrives as empty objects or not at all. A pod that
no API server has seen is sent with ``namespace/name`` as its uid.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from sched_core.cluster import Cluster
from sched_core.columns.classes import PodInfo
from sched_core.columns.nodes import NodeColumns
from sched_core.columns.pods import NOT_STARTED
from sched_core.objects.meta import replaced
from sched_core.objects.records import Node, Pod
from sched_core.objects.times import rfc3339

_encode = msgspec.json.Encoder(order="deterministic").encode


class SentNodes:
    """The nodes of a cluster as JSON, each encoded once until a node object changes."""

    def __init__(self, nodes: NodeColumns) -> None:
        self.nodes = nodes
        self._version = -1
        self._kept: dict[int, Raw] = {}

    def body(self, row: int) -> Raw:
        """Return the node of a row."""
        if self._version != self.nodes.object_version:
            self._version = self.nodes.object_version
            self._kept.clear()
        found = self._kept.get(row)
        if found is None:
            found = self._kept[row] = encode(self.nodes.record(row))
        return found


def encode(record: Node | Pod) -> Raw:
    """Return a record as JSON that can be part of a larger one."""
    return Raw(_encode(record))


def pod_as_sent(pod: PodInfo) -> Pod:
    """Return the record of a pod with the name and uid that are its own."""
    namespace, _, name = pod.key.partition("/")
    metadata = replaced(pod.pod.metadata, namespace=namespace, name=name, uid=pod.uid or pod.key)
    return replaced(pod.pod, metadata=metadata)


def placed_as_sent(key: str, cluster: Cluster) -> Pod:
    """Return the record of a placed pod: that of its class, with what is its own as far as it is known."""
    pods = cluster.nodes.pods
    number = pods.find(key)
    assert number is not None
    record = cluster.classes.pods[int(pods.class_of[number])]
    node, started = cluster.nodes.names[pods.node_of[number]], int(pods.start_time[number])
    namespace, _, name = key.partition("/")
    uid = uid_of_placed(key, cluster)
    return replaced(
        record,
        metadata=replaced(record.metadata, namespace=namespace, name=name, uid=uid, annotations={}),
        spec=replaced(record.spec, node_name=node),
        status=replaced(record.status, start_time=None if started == NOT_STARTED else rfc3339(started)),
    )


def uid_of_placed(key: str, cluster: Cluster) -> str:
    """Return the uid under which extenders know a placed pod."""
    return cluster.uids.get(key, key)
