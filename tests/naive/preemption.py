"""Preemption, naive: every candidate worked out anew from lists of pods, in the words of the specification.

Knows the filters NodeResourcesFit and NodePorts; all pods have a start time.
"""

from __future__ import annotations

from typing import Any

from .filters import filter_node
from .nodes import NodeState, PlacedPod, pod_priority

Json = dict[str, Any]
FILTERS = ("NodePorts", "NodeResourcesFit")


def fits(pod: Json, node: Json, others: list[Json], nominated: list[Json]) -> bool:
    """Tell whether a pod fits beside others, and also beside those that are nominated to the node and count."""
    counting = [each for each in nominated if pod_priority(each) >= pod_priority(pod)]
    for present in (others + counting, others):
        state = NodeState(node, [PlacedPod.of(each) for each in present])
        if any(filter_node(plugin, pod, state, {}) is not None for plugin in FILTERS):
            return False
    return True


def candidate(
    pod: Json, node: Json, placed: list[Json], nominated: list[Json], budgets: list[Json]
) -> tuple[list[Json], int] | None:
    """Return the victims on a node, the most important first, and how many break a budget; None if it is of no help."""
    lower = [each for each in placed if pod_priority(each) < pod_priority(pod)]
    staying = [each for each in placed if pod_priority(each) >= pod_priority(pod)]
    if not lower or not fits(pod, node, staying, nominated):
        return None
    lower.sort(key=importance)
    breaking = [each for each, broken in zip(lower, broken_budgets(lower, budgets), strict=True) if broken]
    victims = []
    for each in breaking + [each for each in lower if each not in breaking]:
        if fits(pod, node, [*staying, each], nominated):
            staying.append(each)
        else:
            victims.append(each)
    return sorted(victims, key=importance), sum(each in breaking for each in victims)


def importance(pod: Json) -> tuple[int, str]:
    """Return a key that sorts the most important pod first."""
    return -pod_priority(pod), pod["status"]["startTime"]


def broken_budgets(pods: list[Json], budgets: list[Json]) -> list[bool]:
    """Tell of each pod whether its eviction breaks a budget, if those before it are evicted as well."""
    found = []
    for position, pod in enumerate(pods):
        broken = False
        for budget in budgets:
            charged = sum(is_charged(budget, each) for each in pods[: position + 1])
            broken |= is_charged(budget, pod) and charged > budget["status"]["disruptionsAllowed"]
        found.append(broken)
    return found


def is_charged(budget: Json, pod: Json) -> bool:
    """Tell whether the eviction of a pod counts for a budget."""
    selector = budget["spec"]["selector"]["matchLabels"]
    labels = pod["metadata"].get("labels") or {}
    chosen = bool(selector) and all(labels.get(key) == value for key, value in selector.items())
    same = budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return same and chosen and pod["metadata"]["name"] not in budget["status"].get("disruptedPods", {})


def price(victims: list[Json], violations: int) -> tuple[int, int, int, int, list[int]]:
    """Return what is compared between nodes, the lowest first; the start time as the negative of its characters."""
    highest = pod_priority(victims[0])
    start = min(each["status"]["startTime"] for each in victims if pod_priority(each) == highest)
    total = sum(pod_priority(each) + 2**31 for each in victims)
    return violations, highest, total, len(victims), [-ord(character) for character in start]
