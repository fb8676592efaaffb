"""PreScore, Score and NormalizeScore of the plugins.

Does not weight and sum; see `cycle.py`. Integers are Python's, so nothing overflows; division truncates like Go's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from .filters import CycleError
from .nodes import NodeState, scored_resource_is_skipped
from .requests import NON_ZERO, pod_requests, whole
from .selectors import aggregate, term_errors, term_matches, tolerates

Json = dict[str, Any]

SCORED = frozenset(
    {"TaintToleration", "NodeAffinity", "NodeResourcesFit", "NodeResourcesBalancedAllocation", "ImageLocality"}
)
_CPU_AND_MEMORY: list[Json] = [{"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1}]
_MIB = 2**20


def needs_score(plugin: str, pod: Json, args: Json) -> bool:
    """Say what PreScore says: False where it skips the plugin's Score; raises CycleError where it fails."""
    if plugin == "NodeAffinity":
        _check_preferred(pod)
        return bool(_preferred(pod) or _added(args))
    if plugin == "NodeResourcesBalancedAllocation":
        return _requests_anything(pod, args)
    return True


def score_node(plugin: str, pod: Json, node: NodeState, nodes: Sequence[NodeState], args: Json) -> int:
    """Return the raw score of one node; `nodes` are all nodes of the cluster in the order in which they came."""
    if plugin == "TaintToleration":
        return _score_taints(pod, node)
    if plugin == "NodeAffinity":
        _check_preferred(pod)
        terms = [*_added(args), *_preferred(pod)]
        return sum(one["weight"] for one in terms if term_matches(one.get("preference") or {}, node.node))
    if plugin == "NodeResourcesFit":
        return _score_fit(pod, node, args)
    if plugin == "NodeResourcesBalancedAllocation":
        return _score_balance(pod, node, args) if _requests_anything(pod, args) else 0
    return _score_images(pod, node, nodes)


def normalize(plugin: str, scores: dict[str, int]) -> dict[str, int]:
    """Bring raw scores by node into 0..100, for the plugins that do."""
    if plugin not in ("TaintToleration", "NodeAffinity"):
        return scores
    reverse = plugin == "TaintToleration"
    highest = max(scores.values())
    if highest == 0:
        return dict.fromkeys(scores, 100) if reverse else scores
    scaled = {name: 100 * score // highest for name, score in scores.items()}
    return {name: 100 - score for name, score in scaled.items()} if reverse else scaled


def _score_taints(pod: Json, node: NodeState) -> int:
    tolerations = pod["spec"].get("tolerations") or []
    return sum(
        1
        for taint in node.node.get("spec", {}).get("taints") or []
        if taint["effect"] == "PreferNoSchedule" and not any(tolerates(one, taint) for one in tolerations)
    )


def _preferred(pod: Json) -> list[Json]:
    node_affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    return node_affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or []


def _added(args: Json) -> list[Json]:
    return (args.get("addedAffinity") or {}).get("preferredDuringSchedulingIgnoredDuringExecution") or []


def _check_preferred(pod: Json) -> None:
    errors = []
    for i, term in enumerate(_preferred(pod)):
        if term["weight"] != 0:
            errors += term_errors(term.get("preference") or {}, f"[{i}]")
    if errors:
        raise CycleError(aggregate(errors))


def _score_fit(pod: Json, node: NodeState, args: Json) -> int:
    strategy = args.get("scoringStrategy") or {}
    kind = strategy.get("type") or "LeastAllocated"
    requests = pod_requests(pod, use_status=False, pod_level=False, non_missing=NON_ZERO)
    total, weights = 0, 0
    for resource in strategy.get("resources") or _CPU_AND_MEMORY:
        name, weight = resource["name"], resource.get("weight") or 1
        request = whole(name, requests.get(name, Fraction(0)))
        if scored_resource_is_skipped(node, name, request):
            continue
        capacity, wanted = node.allocatable(name), node.scored_request(name) + request
        if kind == "LeastAllocated":
            score = 0 if wanted > capacity else (capacity - wanted) * 100 // capacity
        elif kind == "MostAllocated":
            score = min(wanted, capacity) * 100 // capacity
        else:
            utilization = 100 if wanted > capacity else wanted * 100 // capacity
            score = _on_shape(strategy["requestedToCapacityRatio"]["shape"], utilization)
            if score <= 0:
                continue
        total += score * weight
        weights += weight
    if weights == 0:
        return 0
    if kind == "RequestedToCapacityRatio":
        return math.floor(Fraction(total, weights) + Fraction(1, 2))
    return total // weights


def _on_shape(shape: list[Json], utilization: int) -> int:
    """Return 10 times the score of the broken line at a utilization, truncated toward zero between two points."""
    points = [(int(point["utilization"]), 10 * int(point["score"])) for point in shape]
    for i, (x, y) in enumerate(points):
        if utilization <= x:
            if i == 0:
                return y
            last_x, last_y = points[i - 1]
            return last_y + math.trunc(Fraction((y - last_y) * (utilization - last_x), x - last_x))
    return points[-1][1]


def _balanced_requests(pod: Json, args: Json) -> dict[str, int]:
    requests = pod_requests(pod, use_status=True)
    names = [resource["name"] for resource in args.get("resources") or _CPU_AND_MEMORY]
    return {name: whole(name, requests.get(name, Fraction(0))) for name in names}


def _requests_anything(pod: Json, args: Json) -> bool:
    return any(_balanced_requests(pod, args).values())


def _score_balance(pod: Json, node: NodeState, args: Json) -> int:
    with_pod, without_pod = [], []
    for name, request in _balanced_requests(pod, args).items():
        if scored_resource_is_skipped(node, name, request):
            continue
        capacity, used = node.allocatable(name), node.requested(name)
        with_pod.append(min(1.0, float(used + request) / float(capacity)))
        without_pod.append(min(1.0, float(used) / float(capacity)))
    return 50 + math.trunc(Fraction(50 + _balance(with_pod) - _balance(without_pod), 2))


def _balance(fractions: list[float]) -> int:
    """Return (1 - standard deviation) * 100 in float64, operation by operation as upstream."""
    deviation = 0.0
    if len(fractions) == 2:
        deviation = abs((fractions[0] - fractions[1]) / 2)
    elif len(fractions) > 2:
        total = 0.0
        for one in fractions:
            total += one
        mean = total / float(len(fractions))
        squares = 0.0
        for one in fractions:
            squares = squares + (one - mean) * (one - mean)
        deviation = math.sqrt(squares / float(len(fractions)))
    return int((1 - deviation) * 100.0)


def _score_images(pod: Json, node: NodeState, nodes: Sequence[NodeState]) -> int:
    spec = pod["spec"]
    containers = [*(spec.get("initContainers") or []), *spec["containers"]]
    wanted = [container.get("image") or "" for container in containers]
    wanted += [one["image"].get("reference") or "" for one in spec.get("volumes") or [] if one.get("image") is not None]
    here = set(_image_sizes(node))
    total = 0
    for image in map(_with_tag, wanted):
        if image in here:
            holders = [one for one in nodes if image in _image_sizes(one)]
            size = _image_sizes(holders[0])[image]
            total += int(float(size) * (float(len(holders)) / float(len(nodes))))
    least, most = 23 * _MIB, 1000 * _MIB * len(containers)
    return 100 * (min(max(total, least), most) - least) // (most - least)


def _image_sizes(node: NodeState) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for image in (node.node.get("status") or {}).get("images") or []:
        for name in image.get("names") or []:
            sizes.setdefault(name, image.get("sizeBytes") or 0)
    return sizes


def _with_tag(image: str) -> str:
    return image if image.rfind(":") > image.rfind("/") else image + ":latest"
