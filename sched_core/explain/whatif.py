"""What if: two states of a cluster, each with all pods placed that wait, and how they differ.

Pods wait in the order of upstream's queue as far as objects tell it: by priority, then by age. Nobody is evicted; a pod
for which preemption would make room is among the pending ones, with its victims named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sched_core.cluster import ENDED, Cluster
from sched_core.columns.classes import pod_key
from sched_core.config import SchedulerConfiguration
from sched_core.engine.batch import Failure
from sched_core.engine.engine import Engine
from sched_core.explain.scenario import belongs_to_node
from sched_core.explain.utilisation import Utilisation, utilisation
from sched_core.framework.plugin import Plugin
from sched_core.objects.load import Objects
from sched_core.objects.records import Pod


class Outcome(NamedTuple):
    """A cluster once every pod that waited was tried."""

    nodes: int
    node_of: dict[str, str]
    """``namespace/name`` -> node, of the pods that have one."""
    pending: dict[str, Failure]
    """The pods that fit nowhere, and why."""
    utilisation: dict[str, Utilisation]
    empty: list[str]
    """Nodes on which no pod runs but those that belong to the node."""


class Move(NamedTuple):
    """A pod that would run elsewhere."""

    pod: str
    before: str
    after: str


class Comparison(NamedTuple):
    """How two outcomes differ."""

    before: Outcome
    after: Outcome
    moved: list[Move]
    placed: list[str]
    """Pods that have a node afterwards and had none before, new ones among them."""
    evicted: list[str]
    """Pods that had a node before and are pending afterwards."""
    gone: list[str]
    """Pods that are not there any more."""
    emptied: list[str]
    """Nodes that are empty only afterwards."""


def settle(
    objects: Objects, config: SchedulerConfiguration, plugins: Mapping[str, type[Plugin]] | None = None
) -> Outcome:
    """Place all pods that wait for a node and return what came of it.

    Raises InvalidConfig, NotSupported or PluginError.
    """
    cluster = Cluster.from_objects(objects)
    waiting = [pod for pod in objects.pods if not pod.spec.node_name and pod.status.phase not in ENDED]
    waiting.sort(key=_place_in_queue)
    batch = Engine(cluster, config, plugins=plugins).schedule_many(waiting)
    node_of = {
        pod_key(pod): pod.spec.node_name for pod in objects.pods if pod.spec.node_name and pod.status.phase not in ENDED
    }
    own = {pod_key(pod) for pod in objects.pods if pod.spec.node_name and belongs_to_node(pod)}
    for pod, row in zip(waiting, batch.node_of.tolist(), strict=True):
        if row >= 0:
            node_of[pod_key(pod)] = cluster.nodes.names[row]
    used = {node for key, node in node_of.items() if key not in own}
    return Outcome(
        len(objects.nodes),
        node_of,
        {pod_key(waiting[position]): failure for position, failure in sorted(batch.failures.items())},
        utilisation(cluster.nodes),
        [node.metadata.name for node in objects.nodes if node.metadata.name not in used],
    )


def compare(before: Outcome, after: Outcome) -> Comparison:
    """Return how one outcome differs from another."""
    was, now = before.node_of, after.node_of
    moved = [Move(key, node, now[key]) for key, node in was.items() if key in now and now[key] != node]
    empty = set(before.empty)
    return Comparison(
        before,
        after,
        moved,
        [key for key in now if key not in was],
        [key for key in was if key in after.pending],
        [key for key in (*was, *before.pending) if key not in now and key not in after.pending],
        [name for name in after.empty if name not in empty],
    )


def _place_in_queue(pod: Pod) -> tuple[int, str]:
    return -(pod.spec.priority or 0), pod.metadata.creation_timestamp or ""
