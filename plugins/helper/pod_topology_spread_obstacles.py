"""By how much a node misses a spread constraint, and what would even it out (for `PodTopologySpread`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from plugins.helper.affinity_terms import namespace_of
from plugins.helper.changes import DROPPED, change_pod, edited_spec, evict, label_node
from plugins.helper.label_selector import matches
from plugins.helper.spread_constraints import Counted, counts_pod
from sched_core import Change, Obstacle, TopologySpreadConstraint, replaced

if TYPE_CHECKING:
    from sched_core import Handle, NodeColumns, Pod


def label_obstacle(each: Counted, counts: NDArray[np.int64], position: int, nodes: NodeColumns, row: int) -> Obstacle:
    """Return that a node lacks the label of a constraint; the domain with the fewest pods is proposed."""
    key = each.constraint.topology_key
    values = nodes.label(key).values
    emptiest = [int(domain) for domain in each.present[np.argsort(counts[each.present], kind="stable")]]
    relabel = [label_node(nodes.names[row], {key: values[domain]}) for domain in emptiest[:1]]
    return Obstacle(f"lacks the label {key} of a spread constraint", (*relabel, _soften(key, position)))


def skew_obstacle(
    each: Counted, counts: NDArray[np.int64], pod: Pod, position: int, handle: Handle, row: int
) -> Obstacle | None:
    """Return that the domain of a node would have too many matching pods; None if it would not.

    ``position`` is that of the constraint among those of the pod with DoNotSchedule.
    """
    constraint, domain = each.constraint, int(each.domain.of[row])
    enough = len(each.present) >= constraint.min_domains
    lowest = int(counts[each.present].min()) if len(each.present) and enough else 0
    there = int(counts[domain]) + int(matches(constraint.selector, pod.metadata.labels))
    excess = there - lowest - constraint.max_skew
    if excess <= 0:
        return None
    key = constraint.topology_key
    value = handle.nodes.labels_of(row).get(key, "")
    least = f"the least is {lowest}" if enough else f"fewer than minDomains {constraint.min_domains}, so the least is 0"
    text = f"{key}={value} would have {there} matching pods, {least}, maxSkew {constraint.max_skew}"
    allow = change_pod(
        f"allow a maxSkew of {there - lowest} over {key}", partial(_allowing, position=position, more=excess)
    )
    numbers = _matching(each, pod, domain, handle)
    fewer = (evict(handle.nodes, numbers[:excess].tolist()),) if len(numbers) >= excess else ()
    return Obstacle(text, (allow, *fewer, _soften(key, position)))


def _soften(key: str, position: int) -> Change:
    return change_pod(f"spread over {key} by ScheduleAnyway", partial(_softened, position=position), DROPPED)


def _matching(each: Counted, pod: Pod, domain: int, handle: Handle) -> NDArray[np.int64]:
    """Return the placed pods that count in a domain, those of the lowest priority first."""
    table, classes = handle.nodes.pods, handle.classes
    there = np.flatnonzero(table.node_of >= 0)
    there = there[each.counted.of[table.node_of[there]] == domain]
    selector, namespace = each.constraint.selector, namespace_of(pod)
    kept = {number: counts_pod(selector, namespace, classes.pods[number]) for number in set(table.class_of[there])}
    mine = there[np.array([kept[number] for number in table.class_of[there]], np.bool_)]
    ordered: NDArray[np.int64] = mine[np.lexsort((-mine, table.priority[mine]))]
    return ordered


def _allowing(pod: Pod, position: int, more: int) -> Pod:
    return _with_constraint(pod, position, lambda own: replaced(own, max_skew=own.max_skew + more))


def _softened(pod: Pod, position: int) -> Pod:
    return _with_constraint(pod, position, lambda own: replaced(own, when_unsatisfiable="ScheduleAnyway"))


def _with_constraint(
    pod: Pod, position: int, edit: Callable[[TopologySpreadConstraint], TopologySpreadConstraint]
) -> Pod:
    """Return a pod with another constraint among its own with DoNotSchedule; the same one if a profile has it."""
    constraints = list(pod.spec.topology_spread_constraints)
    hard = [index for index, each in enumerate(constraints) if each.when_unsatisfiable == "DoNotSchedule"]
    if position < len(hard):
        constraints[hard[position]] = edit(constraints[hard[position]])
    return edited_spec(pod, topology_spread_constraints=tuple(constraints))
