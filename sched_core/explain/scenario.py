"""Scenario: what is to be changed about a cluster, and the objects as they would be then.

Objects in, objects out; who decides on them is the business of whatif.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from sched_core.cluster import ENDED
from sched_core.columns.labels import HOSTNAME
from sched_core.explain.capacity import pending
from sched_core.objects.load import Objects
from sched_core.objects.meta import replaced
from sched_core.objects.records import Node, Pod

MIRROR = "kubernetes.io/config.mirror"
_OF_THE_NODE = "node.kubernetes.io/"
"""Taints of these keys tell of a node's condition: a new node like it does not have them."""


class Scenario(NamedTuple):
    """Changes to a cluster."""

    add_nodes: tuple[tuple[int, Node], ...] = ()
    """How many nodes like each of these; with them come copies of the pods that belong to the node."""
    drain: frozenset[str] = frozenset()
    """Names of nodes to cordon; their pods wait for another node."""
    remove: frozenset[str] = frozenset()
    """Names of nodes to drain that are gone afterwards."""
    add_pods: tuple[Pod, ...] = ()
    reschedule_all: bool = False
    """Whether every pod waits for a node, not only those of drained nodes."""


def belongs_to_node(pod: Pod) -> bool:
    """Tell whether a pod comes and goes with its node: one of a DaemonSet, or one of the kubelet's own."""
    owners = {owner.kind for owner in pod.metadata.owner_references if owner.controller}
    return bool(owners & {"DaemonSet", "Node"}) or MIRROR in pod.metadata.annotations


def changed(objects: Objects, scenario: Scenario) -> Objects:
    """Return the objects as they would be.

    Pods that wait for a node have no ``spec.nodeName``; those that belong to a node that is removed are gone. Raises
    KeyError for a node that is not there.
    """
    leaving = scenario.drain | scenario.remove
    names = {node.metadata.name for node in objects.nodes}
    for name in sorted(leaving - names):
        raise KeyError(name)
    nodes = [_cordoned(node) if node.metadata.name in scenario.drain else node for node in objects.nodes]
    nodes = [node for node in nodes if node.metadata.name not in scenario.remove]
    pods = []
    for pod in objects.pods:
        where = pod.spec.node_name
        if not where or pod.status.phase in ENDED:
            pods.append(pod)
        elif belongs_to_node(pod):
            if where not in scenario.remove:
                pods.append(pod)
        else:
            moves = where in leaving or scenario.reschedule_all
            pods.append(pending(pod) if moves else pod)
    taken = {(pod.metadata.namespace, pod.metadata.name) for pod in objects.pods}
    for count, template in scenario.add_nodes:
        own = [pod for pod in objects.pods if pod.spec.node_name == template.metadata.name and belongs_to_node(pod)]
        for name in _fresh(f"{template.metadata.name}-new", count, names.__contains__):
            names.add(name)
            nodes.append(_like(template, name))
            pods += [_of_node(pod, name, taken) for pod in own]
    pods += scenario.add_pods
    return replace(objects, nodes=nodes, pods=pods)


def copies(pod: Pod, count: int, taken: Iterable[tuple[str, str]]) -> list[Pod]:
    """Return pods like this one that wait for a node; with one copy whose name is free, it keeps its name."""
    meta, known = pod.metadata, set(taken)
    if count == 1 and (meta.namespace, meta.name) not in known:
        return [pending(pod)]
    names = _fresh(meta.name, count, lambda name: (meta.namespace, name) in known)
    return [replaced(pending(pod), metadata=replaced(meta, name=name, uid="")) for name in names]


def _fresh(prefix: str, count: int, is_taken: Callable[[str], bool]) -> Iterator[str]:
    """Yield names that nobody has: the prefix with a number."""
    number = 0
    for _ in range(count):
        number += 1
        while is_taken(f"{prefix}-{number}"):
            number += 1
        yield f"{prefix}-{number}"


def _cordoned(node: Node) -> Node:
    return replaced(node, spec=replaced(node.spec, unschedulable=True))


def _like(node: Node, name: str) -> Node:
    """Return a new node of another name; if the old one is cordoned or ill, this one is not."""
    labels = dict(node.metadata.labels)
    if HOSTNAME in labels:
        labels[HOSTNAME] = name
    taints = tuple(taint for taint in node.spec.taints if not taint.key.startswith(_OF_THE_NODE))
    meta = replaced(node.metadata, name=name, uid="", labels=labels)
    return replaced(node, metadata=meta, spec=replaced(node.spec, unschedulable=False, taints=taints))


def _of_node(pod: Pod, node: str, taken: set[tuple[str, str]]) -> Pod:
    """Return a copy of a pod that belongs to its node, on another node."""
    namespace = pod.metadata.namespace
    name = next(_fresh(f"{pod.metadata.name}-new", 1, lambda name: (namespace, name) in taken))
    taken.add((namespace, name))
    return replaced(pod, metadata=replaced(pod.metadata, name=name, uid=""), spec=replaced(pod.spec, node_name=node))
