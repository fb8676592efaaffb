"""Spread constraints of a pod as they are counted, and the nodes that count for each (upstream:
plugins/podtopologyspread/common.go).

A plan depends on the pod's spec, node objects and Services; it is kept until one of these changes. Placed pods are not
looked at here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plugins.helper.default_selector import DefaultSelectors
from plugins.helper.label_selector import Selector, matches, of_labels, of_record
from plugins.helper.node_selector import NodeSelectorMasks
from plugins.helper.placed_pods import TopologyDomains
from sched_core import Domains, TopologySpreadConstraint, tolerates

if TYPE_CHECKING:
    from sched_core import Handle, NodeColumns, Pod

KEPT = 256
"""Sets of nodes that are kept at most."""
HOSTNAME = "kubernetes.io/hostname"
SYSTEM_DEFAULTS = (
    TopologySpreadConstraint(topology_key=HOSTNAME, when_unsatisfiable="ScheduleAnyway", max_skew=3),
    TopologySpreadConstraint(
        topology_key="topology.kubernetes.io/zone", when_unsatisfiable="ScheduleAnyway", max_skew=5
    ),
)


class Constraint(NamedTuple):
    """One constraint, defaults filled in."""

    max_skew: int
    topology_key: str
    selector: Selector
    min_domains: int
    honors_affinity: bool
    honors_taints: bool


class Counted(NamedTuple):
    """A constraint with the nodes: ``domain`` of each node by its label alone, ``counted`` where its pods count too."""

    constraint: Constraint
    domain: Domains
    counted: Domains
    present: NDArray[np.int64]
    """The domains that have a node that counts."""


class Plan(NamedTuple):
    """The constraints of a pod with one action, and which nodes have all of their labels, bool[N]."""

    constraints: tuple[Counted, ...]
    labelled: NDArray[np.bool_]
    require_all: bool


class Planner:
    """Makes plans; keeps the masks of nodes that many of them share."""

    def __init__(self, defaults: Iterable[TopologySpreadConstraint], system: bool) -> None:
        self.defaults, self.system = tuple(defaults), system
        self._masks, self._domains, self._selectors = NodeSelectorMasks(), TopologyDomains(), DefaultSelectors()
        self._counted_domains: dict[tuple[Hashable, bytes], Domains] = {}
        self._unlabelled: dict[Hashable, Domains] = {}
        self._version = -1

    def constraints(self, pod: Pod, action: str, handle: Handle) -> tuple[Constraint, ...]:
        """Return the pod's constraints of an action; the default ones if it has none at all of any action."""
        own = pod.spec.topology_spread_constraints
        wanted = [each for each in own or self.defaults if each.when_unsatisfiable == action]
        if own or not wanted:
            return tuple(_constraint(each, pod) for each in wanted)
        selector = self._selectors.of(pod, handle)
        if not selector:
            return ()
        return tuple(_constraint(each, pod)._replace(selector=selector) for each in wanted)

    def plan(self, pod: Pod, action: str, handle: Handle, nodes: NodeColumns) -> Plan | None:
        """Return the plan of a pod, None if it has no constraints of the action."""
        if nodes.object_version != self._version:
            self._version = nodes.object_version
            self._counted_domains.clear()
            self._unlabelled.clear()
        constraints = self.constraints(pod, action, handle)
        if not constraints:
            return None
        require_all = bool(pod.spec.topology_spread_constraints) or not self.system
        by_label = [self._domains.of(nodes, each.topology_key) for each in constraints]
        labelled = nodes.alive.copy()
        if require_all:
            for domains in by_label:
                labelled &= domains.of < domains.size
        else:
            by_label = [self._with_unlabelled(domains, nodes) for domains in by_label]
        counted = [
            self._counted(each, domains, pod, nodes, labelled)
            for each, domains in zip(constraints, by_label, strict=True)
        ]
        return Plan(tuple(counted), labelled, require_all)

    def _counted(
        self, constraint: Constraint, domains: Domains, pod: Pod, nodes: NodeColumns, labelled: NDArray[np.bool_]
    ) -> Counted:
        mask = labelled.copy()
        if constraint.honors_affinity:
            mask &= self._accepted(pod, nodes)
        if constraint.honors_taints:
            mask &= _tolerated(pod, nodes)
        of = np.where(mask, domains.of, domains.size)
        present = np.flatnonzero(np.bincount(of, minlength=domains.size + 1)[:-1])
        return Counted(constraint, domains, self._shared(Domains(domains.key, of, domains.size), nodes), present)

    def _shared(self, domains: Domains, nodes: NodeColumns) -> Domains:
        """Return the same domains under a key of their own; plans of like pods share it, and so their sums."""
        if len(self._counted_domains) > KEPT:
            self._counted_domains.clear()
        content = (domains.key, domains.of.tobytes())
        return self._counted_domains.setdefault(content, domains._replace(key=content))

    def _with_unlabelled(self, domains: Domains, nodes: NodeColumns) -> Domains:
        """Return the domains with one more: nodes without the label are as those with an empty value."""
        if domains.key not in self._unlabelled:
            values = nodes.label(str(domains.key)).values
            empty = values.index("") if "" in values else domains.size
            of = np.where(domains.of == domains.size, empty, domains.of)
            self._unlabelled[domains.key] = Domains((domains.key, "unlabelled"), of, domains.size + 1)
        return self._unlabelled[domains.key]

    def _accepted(self, pod: Pod, nodes: NodeColumns) -> NDArray[np.bool_]:
        """Return the nodes that the pod's own node selector and required node affinity accept."""
        mask = self._masks.of_labels(nodes, pod.spec.node_selector or {})
        affinity = pod.spec.affinity
        if affinity is not None and affinity.node_affinity is not None:
            required = affinity.node_affinity.required_during_scheduling_ignored_during_execution
            if required is not None:
                mask &= self._masks.of_selector(nodes, required)
        return mask


def _constraint(record: TopologySpreadConstraint, pod: Pod) -> Constraint:
    selector = of_record(record.label_selector)
    labels = pod.metadata.labels
    if selector is not None:
        selector = of_labels({key: labels[key] for key in record.match_label_keys if key in labels}) + selector
    return Constraint(
        record.max_skew,
        record.topology_key,
        selector,
        1 if record.min_domains is None else record.min_domains,
        record.node_affinity_policy in (None, "Honor"),
        record.node_taints_policy == "Honor",
    )


def _tolerated(pod: Pod, nodes: NodeColumns) -> NDArray[np.bool_]:
    """Return the nodes without a taint of effect NoSchedule or NoExecute that the pod does not bear."""
    by_set = [
        all(
            any(tolerates(each, taint) for each in pod.spec.tolerations)
            for taint in taints
            if taint.effect in ("NoSchedule", "NoExecute")
        )
        for taints in nodes.taint_sets
    ]
    return np.array(by_set, np.bool_)[nodes.taint_set]


def counts_pod(selector: Selector, namespace: str, pod: Pod) -> bool:
    """Tell whether a placed pod is counted: an empty selector counts none, and pods that are being deleted are out."""
    meta = pod.metadata
    if not selector or meta.deletion_timestamp is not None or (meta.namespace or "default") != namespace:
        return False
    return matches(selector, meta.labels)
