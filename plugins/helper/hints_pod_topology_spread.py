"""Queueing hints of PodTopologySpread (upstream: plugins/podtopologyspread/plugin.go)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from plugins.helper.hints import holds_node, is_same_pod, on
from sched_core import ActionType, EventResource, QueueingHint, matches_label_selector, queue_if

if TYPE_CHECKING:
    from sched_core import ClusterEventWithHint, Node, Pod

Labels = Mapping[str, str]


class HardConstraint(NamedTuple):
    """What hints need of a constraint that must hold."""

    topology_key: str
    matches: Callable[[Labels], bool]
    honors_taints: bool = False


Constraints = Callable[["Pod"], Sequence[HardConstraint]]


def no_defaults(pod: Pod) -> Sequence[HardConstraint]:
    """Return the default constraints of a profile whose defaults are the system's: none of them must hold."""
    return ()


def events_to_register(defaults: Constraints = no_defaults) -> Sequence[ClusterEventWithHint]:
    """Return what PodTopologySpread registers; ``defaults`` gives the constraints of a pod that has none of its own."""
    pod_actions = ActionType.Add | ActionType.UpdatePodLabel | ActionType.UpdatePodToleration | ActionType.Delete
    node_actions = ActionType.Add | ActionType.Delete | ActionType.UpdateNodeLabel | ActionType.UpdateNodeTaint
    return (
        on(EventResource.Pod, pod_actions, partial(after_pod_change, defaults)),
        on(EventResource.Node, node_actions, partial(after_node_change, defaults)),
    )


def after_pod_change(defaults: Constraints, pod: Pod, old: Pod | None, new: Pod | None) -> QueueingHint:
    """Queue if a pod that counts, or the pod itself, begins or ceases to match a constraint."""
    if any(each is not None and not _is_involved(each, pod) for each in (old, new)):
        return QueueingHint.QueueSkip
    constraints = hard_constraints(pod, defaults)
    if old is not None and new is not None:
        tolerates_others = is_same_pod(pod, new) and new.spec.tolerations != old.spec.tolerations
        if tolerates_others and any(each.honors_taints for each in constraints):
            return QueueingHint.Queue
        before, now = old.metadata.labels, new.metadata.labels
        return queue_if(any(each.matches(before) != each.matches(now) for each in constraints))
    changed = new or old
    assert changed is not None
    return queue_if(any(each.matches(changed.metadata.labels) for each in constraints))


def after_node_change(defaults: Constraints, pod: Pod, old: Node | None, new: Node | None) -> QueueingHint:
    """Queue if a node with all topology keys comes or goes, or changes its domains or taints."""
    keys = {each.topology_key for each in hard_constraints(pod, defaults)}
    if old is None or new is None:
        node = new or old
        assert node is not None
        return queue_if(keys <= node.metadata.labels.keys())
    before, now = old.metadata.labels, new.metadata.labels
    if (keys <= before.keys()) != (keys <= now.keys()):
        return QueueingHint.Queue
    moved = any(before.get(key) != now.get(key) for key in keys) or old.spec.taints != new.spec.taints
    return queue_if(keys <= now.keys() and moved)


def hard_constraints(pod: Pod, defaults: Constraints) -> Sequence[HardConstraint]:
    """Return the constraints of a pod that must hold: its own if it has any at all, else the defaults."""
    own = pod.spec.topology_spread_constraints
    if not own:
        return defaults(pod)
    found = []
    for each in own:
        if each.when_unsatisfiable == "DoNotSchedule":
            labels = pod.metadata.labels
            more = {key: labels[key] for key in each.match_label_keys if key in labels}

            def matches(other: Labels, selector=each.label_selector, more=more) -> bool:  # type: ignore[no-untyped-def]
                return matches_label_selector(selector, other) and more.items() <= other.items()

            found.append(HardConstraint(each.topology_key, matches, each.node_taints_policy == "Honor"))
    return found


def _is_involved(other: Pod, pod: Pod) -> bool:
    """Tell whether a pod takes part in the spreading of another: it is the same, or placed in the same namespace."""
    return is_same_pod(other, pod) or (holds_node(other) and other.metadata.namespace == pod.metadata.namespace)
