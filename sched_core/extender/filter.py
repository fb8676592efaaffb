"""The filter verb: which of the feasible nodes an extender leaves, and what it says of the others."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from sched_core.columns.nodes import NodeColumns
from sched_core.errors import ExtenderError
from sched_core.extender.client import ExtenderClient
from sched_core.extender.records import ExtenderArgs, ExtenderFilterResult, NodesAsked
from sched_core.extender.sent import SentNodes, encode
from sched_core.framework.status import Status, unresolvable, unschedulable
from sched_core.objects.decode import decode_slowly
from sched_core.objects.quantity import parse_quantity
from sched_core.objects.records import Node, Resources


class Feasible(NamedTuple):
    """Feasible nodes in their order, as far as extenders have been asked."""

    rows: NDArray[np.int64]
    returned: tuple[Node, ...] | None = None
    """The objects that an extender gave in place of these nodes. Upstream knows no pods on them and scores them so."""

    def question(self, client: ExtenderClient, pod: Raw, sent: SentNodes) -> ExtenderArgs:
        """Return what an extender is asked about these nodes."""
        if client.config.node_cache_capable:
            return ExtenderArgs(pod, None, [sent.nodes.names[row] for row in self.rows.tolist()])
        if self.returned is not None:
            bodies = [encode(node) for node in self.returned]
        else:
            bodies = [sent.body(row) for row in self.rows.tolist()]
        return ExtenderArgs(pod, NodesAsked(bodies), None)


def ask_filter(
    client: ExtenderClient, pod: Raw, feasible: Feasible, sent: SentNodes, statuses: MutableMapping[str, Status]
) -> Feasible:
    """Return what an extender leaves of the feasible nodes; note the status of the others by node name.

    Raises ExtenderError.
    """
    question = feasible.question(client, pod, sent)
    answer: ExtenderFilterResult = client.ask(client.config.filter_verb, question, ExtenderFilterResult)
    if answer.error:
        raise ExtenderError(answer.error)
    left = _left(client, feasible, answer, sent)
    for name, message in (answer.failed_nodes or {}).items():
        statuses[name] = unschedulable(message or "")
    for name, message in (answer.failed_and_unresolvable_nodes or {}).items():
        statuses[name] = unresolvable(message or "")
    return left


def changed_node(returned: Iterable[Node], nodes: NodeColumns) -> str:
    """Return the name of a node that an extender returned with something else that scores read; empty if there is none.

    That is: labels, taints and allocatable resources.
    """
    for node in returned:
        known = nodes.record(nodes.row_of[node.metadata.name])
        if not _is_as_before(node, known):
            return node.metadata.name
    return ""


def _is_as_before(node: Node, known: Node) -> bool:
    if node.metadata.labels != known.metadata.labels or _taints(node) != _taints(known):
        return False
    now, before = node.status.allocatable, known.status.allocatable
    try:
        return now == before or _amounts(now) == _amounts(before)
    except ValueError:
        return False


def _taints(node: Node) -> list[tuple[str, str, str]]:
    return [(taint.key, taint.value, taint.effect) for taint in node.spec.taints]


def _amounts(resources: Resources) -> dict[str, int]:
    return {name: parse_quantity(text) for name, text in resources.items()}


def _left(client: ExtenderClient, feasible: Feasible, answer: ExtenderFilterResult, sent: SentNodes) -> Feasible:
    if client.config.node_cache_capable and answer.node_names is not None:
        return _by_name(client, feasible, answer.node_names, sent)
    items = answer.nodes.items if answer.nodes is not None else None
    nodes = tuple(_node(item) for item in items or ())
    for node in nodes:
        if node.metadata.name not in sent.nodes.row_of:
            raise _unknown(client, node.metadata.name)
    rows = [sent.nodes.row_of[node.metadata.name] for node in nodes]
    return Feasible(np.array(rows, np.int64), nodes)


def _by_name(client: ExtenderClient, feasible: Feasible, names: Sequence[str], sent: SentNodes) -> Feasible:
    position_of = {sent.nodes.names[row]: position for position, row in enumerate(feasible.rows.tolist())}
    for name in names:
        if name not in position_of:
            raise _unknown(client, name)
    positions = [position_of[name] for name in names]
    returned = feasible.returned
    if returned is not None:
        returned = tuple(returned[position] for position in positions)
    return Feasible(feasible.rows[np.array(positions, np.intp)], returned)


def _unknown(client: ExtenderClient, name: str) -> ExtenderError:
    where = "which is not found in the input node list"
    return ExtenderError(f'extender "{client.name}" claims a filtered node "{name}" {where}')


def _node(item: Any) -> Node:
    """Return the record of a node in an answer; what no scheduler reads of it is left out."""
    if not isinstance(item, dict):
        raise ExtenderError("json: cannot unmarshal a node that is no object")
    try:
        return msgspec.convert(item, Node)
    except msgspec.ValidationError:
        pass
    record, problems = decode_slowly("Node", item | {"kind": "Node"}, strict=False)
    if not isinstance(record, Node):
        path, reason = problems[0]
        raise ExtenderError(f"json: cannot unmarshal a node: {path}: {reason}")
    return record
