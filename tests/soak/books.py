"""Books: what is there, kept as plain objects in plain lists by upstream's rules, and the cluster made of them anew."""

from __future__ import annotations

import copy

from sched_core import Cluster, Node, Pod, pod_key, replaced
from tests.engine.worlds import Json, cluster_of, node_record
from tests.naive.order import NodeList


class Books:
    """Nodes by name, placed pods by key, the pods of each node in upstream's order, and the order of the nodes."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.pods: dict[str, Pod] = {}
        self.lists: dict[str, list[str]] = {}
        """Node, there or not -> keys of its pods: one that leaves is replaced by the last."""
        self.tree = NodeList()
        self.namespaces: dict[str, dict[str, str]] = {}

    def set_node(self, node: Json) -> Node:
        """Add or update a node; return its record."""
        record = node_record(node)
        self.nodes[record.metadata.name] = record
        self.tree.set(node)
        return record

    def drop_node(self, name: str) -> None:
        del self.nodes[name]
        self.tree.drop(name)

    def place(self, pod: Pod, node_name: str) -> Pod:
        """Note that a pod runs on a node, in the place of one with the same key; return it as it is there."""
        key = pod_key(pod)
        if key in self.pods:
            self.remove(key)
        self.pods[key] = placed = replaced(pod, spec=replaced(pod.spec, node_name=node_name))
        self.lists.setdefault(node_name, []).append(key)
        return placed

    def remove(self, key: str) -> None:
        """Note that a pod is gone."""
        keys = self.lists[self.pods.pop(key).spec.node_name]
        position, last = keys.index(key), keys.pop()
        if last != key:
            keys[position] = last

    def copy(self) -> Books:
        """Return books that can be kept by themselves; the objects in them never change."""
        copied = Books()
        copied.nodes, copied.pods, copied.namespaces = dict(self.nodes), dict(self.pods), dict(self.namespaces)
        copied.lists = {name: list(keys) for name, keys in self.lists.items() if keys}
        copied.tree = copy.deepcopy(self.tree)
        return copied

    def uses_port(self, node_name: str, pod: Pod) -> bool:
        """Tell whether a pod has a host port that a pod of a node has too: they would free it together."""
        mine = _ports(pod)
        return any(mine & _ports(self.pods[key]) for key in self.lists.get(node_name, ()))

    def rebuilt(self, others: Cluster) -> Cluster:
        """Return a cluster made from the objects alone; those that are neither nodes nor pods are those of another."""
        cluster = cluster_of([])
        cluster.namespaces = dict(self.namespaces)
        for records in others.others.values():
            for record in records.values():
                cluster.add_object(record)
        for node in self.nodes.values():
            cluster.add_node(node)
        cluster.add_pods(self.pods[key] for keys in self.lists.values() for key in keys)
        listed = cluster.nodes.order()
        # The order depends on what came and went before.
        listed[:] = [cluster.nodes.row_of[name] for name in self.tree.order()]
        return cluster


def _ports(pod: Pod) -> set[tuple[str, str, int]]:
    return {
        (port.host_ip or "0.0.0.0", port.protocol or "TCP", port.host_port)
        for container in pod.spec.containers
        for port in container.ports
        if port.host_port
    }
