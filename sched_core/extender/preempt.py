"""The preempt verb: which candidates for preemption, and which victims on them, extenders agree to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Raw

from sched_core.cluster import Cluster
from sched_core.errors import ExtenderError
from sched_core.extender.client import ExtenderClient
from sched_core.extender.records import (
    ExtenderPreemptionArgs,
    ExtenderPreemptionResult,
    MetaPod,
    MetaVictims,
    Victims,
)
from sched_core.extender.sent import encode, placed_as_sent, uid_of_placed
from sched_core.framework.preemption import Candidate
from sched_core.framework.status import Status, error


def ask_preemption(
    clients: Iterable[ExtenderClient], pod: Raw, found: Sequence[Candidate], cluster: Cluster
) -> list[Candidate] | Status:
    """Return what extenders leave of the candidates, each of them asked about what the one before left.

    The candidates keep their order; those that an extender made up come last. An error is a Status.
    """
    left = list(found)
    for client in clients:
        if not client.config.preempt_verb:
            continue
        try:
            left = _ask(client, pod, left, cluster)
        except ExtenderError as reason:
            if client.config.ignorable:
                continue
            return error(str(reason))
        empty = [each.node for each in left if not each.victims]
        if empty and not client.config.ignorable:
            return error(f'expected at least one victim pod on node "{empty[0]}"')
        left = [each for each in left if each.victims]
        if not left:
            break
    return left


def _ask(client: ExtenderClient, pod: Raw, found: Sequence[Candidate], cluster: Cluster) -> list[Candidate]:
    question = _question(client, pod, found, cluster)
    answer: ExtenderPreemptionResult = client.ask(client.config.preempt_verb, question, ExtenderPreemptionResult)
    told = answer.node_name_to_meta_victims or {}
    order = {each.node: position for position, each in enumerate(found)}
    names = sorted(told, key=lambda name: order.get(name, len(order)))
    return [_candidate(client, name, told[name] or MetaVictims(), cluster) for name in names]


def _question(client: ExtenderClient, pod: Raw, found: Sequence[Candidate], cluster: Cluster) -> ExtenderPreemptionArgs:
    if client.config.node_cache_capable:
        meta = {
            each.node: MetaVictims(
                tuple(MetaPod(uid_of_placed(key, cluster)) for key in each.victims), each.pdb_violations
            )
            for each in found
        }
        return ExtenderPreemptionArgs(pod, None, meta)
    victims = {
        each.node: Victims([encode(placed_as_sent(key, cluster)) for key in each.victims], each.pdb_violations)
        for each in found
    }
    return ExtenderPreemptionArgs(pod, victims, None)


def _candidate(client: ExtenderClient, node: str, told: MetaVictims, cluster: Cluster) -> Candidate:
    """Return a candidate with the victims of an answer; raises ExtenderError for a node or a pod that is not there."""
    row = cluster.nodes.row_of.get(node)
    if row is None:
        raise ExtenderError(f'nodeinfo not found for node name "{node}"')
    pods = cluster.nodes.pods
    keys = [pods.key(number) for number in pods.on(row).tolist()]
    key_of = {uid_of_placed(key, cluster): key for key in reversed(keys)}
    victims = []
    for each in told.pods or ():
        uid = each.uid if each is not None else ""
        if uid not in key_of:
            claim = f"claims to preempt pod (UID: &{{{uid}}}) on node: {node}"
            raise ExtenderError(f"extender: {client.name} {claim}, but the pod is not found on that node")
        victims.append(key_of[uid])
    return Candidate(node, tuple(victims), told.num_pdb_violations)
