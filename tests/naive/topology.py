"""InterPodAffinity and PodTopologySpread for plain objects: loops over nodes and pods, with dictionaries.

A cluster is a list of nodes, each with the list of its pods. Nothing is kept between two questions.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .selectors import labels_of, term_matches, tolerates

Json = dict[str, Any]
HOSTNAME = "kubernetes.io/hostname"
SYSTEM = [
    {"maxSkew": 3, "topologyKey": HOSTNAME, "whenUnsatisfiable": "ScheduleAnyway"},
    {"maxSkew": 5, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"},
]
REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
SPREAD = "node(s) didn't match pod topology spread constraints"
LACKS_LABEL = f"{SPREAD} (missing required label)"
AFFINITY = "node(s) didn't match pod affinity rules"
ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
EXISTING = "node(s) didn't satisfy existing pods anti-affinity rules"


@dataclass
class World:
    """Nodes with their pods, labels of namespaces, and objects by kind."""

    nodes: list[Json]
    pods: dict[str, list[Json]]
    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)
    others: list[Json] = field(default_factory=list)

    def on(self, node: Json) -> list[Json]:
        """Return the pods of a node."""
        return self.pods.get(node["metadata"]["name"], [])


def selects(selector: Json | None, labels: dict[str, str]) -> bool:
    """Tell whether a LabelSelector matches."""
    if selector is None:
        return False
    met = [labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items()]
    for one in selector.get("matchExpressions") or []:
        value, values = labels.get(one["key"]), one.get("values") or []
        met.append(
            {
                "In": value is not None and value in values,
                "NotIn": value not in values,
                "Exists": value is not None,
                "DoesNotExist": value is None,
            }[one["operator"]]
        )
    return all(met)


def is_empty(selector: Json | None) -> bool:
    """Tell whether a selector is there and asks for nothing."""
    return selector is not None and not selector.get("matchLabels") and not selector.get("matchExpressions")


def _terms(pod: Json, side: str, when: str) -> list[Json]:
    return ((pod["spec"].get("affinity") or {}).get(side) or {}).get(when) or []


def _about(term: Json, owner: Json, pod: Json, namespace_labels: dict[str, str], also: Iterable[str] = ()) -> bool:
    """Tell whether the owner's term is about a pod; `also` are namespaces besides those that it lists."""
    names = set(term.get("namespaces") or [])
    selector = term.get("namespaceSelector")
    if not names and selector is None:
        names = {owner["metadata"]["namespace"]}
    names |= set(also)
    if pod["metadata"]["namespace"] not in names and not selects(selector, namespace_labels):
        return False
    return selects(term.get("labelSelector"), labels_of(pod))


class Affinity:
    """InterPodAffinity for one pod."""

    def __init__(self, world: World, pod: Json, args: Json) -> None:
        self.world, self.pod = world, pod
        self.hard_weight = args.get("hardPodAffinityWeight", 1)
        self.ignores = args.get("ignorePreferredTermsOfExistingPods", False)
        self.own_labels = world.namespaces.get(pod["metadata"]["namespace"], {})
        self.near = _terms(pod, "podAffinity", REQUIRED)
        self.far = _terms(pod, "podAntiAffinity", REQUIRED)
        self.existing, self.affinity, self.anti = Counter[Any](), Counter[Any](), Counter[Any]()
        for node in world.nodes:
            for other in world.on(node):
                self.count(other, node, 1)
        self.skips_filter = not self.existing and not self.near and not self.far

    def _mine(self, term: Json, other: Json) -> bool:
        selector = term.get("namespaceSelector")
        also = []
        if selector is not None and not is_empty(selector):
            also = [name for name, labels in self.world.namespaces.items() if selects(selector, labels)]
        return _about(term, self.pod, other, {}, also)

    def _all_mine(self, other: Json) -> bool:
        return bool(self.near) and all(self._mine(term, other) for term in self.near)

    def count(self, other: Json, node: Json, sign: int) -> None:
        """Count a pod on a node in or out."""
        labels = labels_of(node)
        hits: list[tuple[Counter[Any], str]] = []
        for term in _terms(other, "podAntiAffinity", REQUIRED):
            if _about(term, other, self.pod, self.own_labels):
                hits.append((self.existing, term["topologyKey"]))
        if self._all_mine(other):
            hits += [(self.affinity, term["topologyKey"]) for term in self.near]
        hits += [(self.anti, term["topologyKey"]) for term in self.far if self._mine(term, other)]
        for table, key in hits:
            if key in labels:
                table[key, labels[key]] += sign
                if table[key, labels[key]] == 0:
                    del table[key, labels[key]]

    def filter(self, node: Json) -> tuple[str, bool] | None:
        """Return the reason and whether it is unresolvable; None where the node passes."""
        labels = labels_of(node)
        if any(term["topologyKey"] not in labels for term in self.near):
            return AFFINITY, True
        if any(self.affinity[term["topologyKey"], labels[term["topologyKey"]]] <= 0 for term in self.near):
            alone = not +self.affinity and not -self.affinity
            if not (alone and self._all_mine(self.pod)):
                return AFFINITY, True
        if any(self.anti[term["topologyKey"], labels.get(term["topologyKey"])] > 0 for term in self.far):
            return ANTI_AFFINITY, False
        if any(self.existing[pair] > 0 for pair in labels.items()):
            return EXISTING, False
        return None

    def scores(self) -> dict[str, int] | None:
        """Return raw scores of all nodes, None where PreScore skips."""
        near, far = _terms(self.pod, "podAffinity", PREFERRED), _terms(self.pod, "podAntiAffinity", PREFERRED)
        if self.ignores and not near and not far:
            return None
        table: dict[tuple[str, str], int] = {}
        for node in self.world.nodes:
            for other in self.world.on(node):
                for key, weight in self._told(other, near, far):
                    if key in labels_of(node):
                        pair = key, labels_of(node)[key]
                        table[pair] = table.get(pair, 0) + weight
        if not table:
            return None
        return {
            node["metadata"]["name"]: sum(table.get(pair, 0) for pair in labels_of(node).items())
            for node in self.world.nodes
        }

    def _told(self, other: Json, near: list[Json], far: list[Json]) -> Iterable[tuple[str, int]]:
        for terms, sign in ((near, 1), (far, -1)):
            for one in terms:
                if self._mine(one["podAffinityTerm"], other):
                    yield one["podAffinityTerm"]["topologyKey"], sign * one["weight"]
        for term in _terms(other, "podAffinity", REQUIRED) if self.hard_weight > 0 else []:
            if _about(term, other, self.pod, self.own_labels):
                yield term["topologyKey"], self.hard_weight
        for side, sign in (("podAffinity", 1), ("podAntiAffinity", -1)):
            for one in _terms(other, side, PREFERRED):
                if _about(one["podAffinityTerm"], other, self.pod, self.own_labels):
                    yield one["podAffinityTerm"]["topologyKey"], sign * one["weight"]


def normalized_affinity(scores: list[int]) -> list[int]:
    """Stretch raw scores over 0 to 100."""
    low, high = min(scores), max(scores)
    return [int(100.0 * (float(score - low) / float(high - low))) if high > low else 0 for score in scores]


class Spread:
    """PodTopologySpread for one pod."""

    def __init__(self, world: World, pod: Json, args: Json) -> None:
        self.world, self.pod = world, pod
        self.system = args.get("defaultingType", "System") == "System"
        self.own: list[Json] = pod["spec"].get("topologySpreadConstraints") or []
        self.defaults = SYSTEM if self.system else args.get("defaultConstraints") or []
        self.hard = self._constraints("DoNotSchedule")
        self.tables: list[dict[str, int]] = [{} for _ in self.hard]
        for node in world.nodes:
            if self._has_all(node, self.hard):
                for one, table in zip(self.hard, self.tables, strict=True):
                    if self._accepts(one, node):
                        value = labels_of(node)[one["topologyKey"]]
                        table[value] = table.get(value, 0) + self._matching(one, node)

    def _constraints(self, action: str) -> list[Json]:
        wanted = [one for one in self.own or self.defaults if one["whenUnsatisfiable"] == action]
        if self.own:
            return [{**one, "labelSelector": self._merged(one)} for one in wanted]
        selector = self._default_selector()
        return [{**one, "labelSelector": selector} for one in wanted] if not is_empty(selector) else []

    def _merged(self, one: Json) -> Json | None:
        selector: Json | None = one.get("labelSelector")
        labels = labels_of(self.pod)
        keys = [key for key in one.get("matchLabelKeys") or [] if key in labels]
        if selector is None:
            return None
        more = [{"key": key, "operator": "In", "values": [labels[key]]} for key in keys]
        return {**selector, "matchExpressions": [*(selector.get("matchExpressions") or []), *more]}

    def _default_selector(self) -> Json:
        meta = self.pod["metadata"]
        near = [one for one in self.world.others if one["metadata"]["namespace"] == meta["namespace"]]
        labels: dict[str, str] = {}
        for one in near:
            selector = one["spec"].get("selector") if one["kind"] == "Service" else None
            if selector is not None and all(labels_of(self.pod).get(key) == value for key, value in selector.items()):
                labels |= selector
        expressions = [{"key": key, "operator": "In", "values": [value]} for key, value in labels.items()]
        for owner in meta.get("ownerReferences") or []:
            for one in near if owner.get("controller") else []:
                if (one["kind"], one["metadata"]["name"]) == (owner["kind"], owner["name"]):
                    theirs = one["spec"].get("selector") or {}
                    if one["kind"] == "ReplicationController":
                        theirs = {"matchLabels": theirs}
                    expressions += [
                        {"key": key, "operator": "In", "values": [value]}
                        for key, value in (theirs.get("matchLabels") or {}).items()
                    ]
                    expressions += theirs.get("matchExpressions") or []
        return {"matchExpressions": expressions}

    def _has_all(self, node: Json, constraints: list[Json]) -> bool:
        return all(one["topologyKey"] in labels_of(node) for one in constraints)

    def _accepts(self, one: Json, node: Json) -> bool:
        spec, labels = self.pod["spec"], labels_of(node)
        if one.get("nodeAffinityPolicy", "Honor") == "Honor":
            if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
                return False
            required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(REQUIRED)
            if required is not None and not any(term_matches(term, node) for term in required["nodeSelectorTerms"]):
                return False
        if one.get("nodeTaintsPolicy", "Ignore") == "Honor":
            for taint in node.get("spec", {}).get("taints") or []:
                borne = any(tolerates(each, taint) for each in spec.get("tolerations") or [])
                if taint["effect"] in ("NoSchedule", "NoExecute") and not borne:
                    return False
        return True

    def _matching(self, one: Json, node: Json) -> int:
        if is_empty(one["labelSelector"]):
            return 0
        return sum(
            not other["metadata"].get("deletionTimestamp")
            and other["metadata"]["namespace"] == self.pod["metadata"]["namespace"]
            and selects(one["labelSelector"], labels_of(other))
            for other in self.world.on(node)
        )

    def count(self, other: Json, node: Json, sign: int) -> None:
        """Count a pod on a node in or out."""
        if other["metadata"]["namespace"] != self.pod["metadata"]["namespace"] or not self._has_all(node, self.hard):
            return
        for one, table in zip(self.hard, self.tables, strict=True):
            if selects(one["labelSelector"], labels_of(other)) and self._accepts(one, node):
                table[labels_of(node)[one["topologyKey"]]] += sign

    def filter(self, node: Json) -> tuple[str, bool] | None:
        """Return the reason and whether it is unresolvable; None where the node passes."""
        for one, table in zip(self.hard, self.tables, strict=True):
            if one["topologyKey"] not in labels_of(node):
                return LACKS_LABEL, True
            lowest = min(table.values()) if len(table) >= max(one.get("minDomains") or 1, 1) else 0
            itself = selects(one["labelSelector"], labels_of(self.pod))
            if table.get(labels_of(node)[one["topologyKey"]], 0) + itself - lowest > one["maxSkew"]:
                return SPREAD, False
        return None

    def scores(self, feasible: list[Json]) -> tuple[dict[str, int], set[str]] | None:
        """Return raw scores of the feasible nodes and those that are not scored; None where PreScore skips."""
        soft = self._constraints("ScheduleAnyway")
        if not soft:
            return None
        require_all = bool(self.own) or not self.system
        ignored = {node["metadata"]["name"] for node in feasible if require_all and not self._has_all(node, soft)}
        scored = [node for node in feasible if node["metadata"]["name"] not in ignored]
        totals = dict.fromkeys((node["metadata"]["name"] for node in feasible), 0.0)
        for one in soft:
            key = one["topologyKey"]
            values = {labels_of(node).get(key, "") for node in scored}
            weight = math.log((len(scored) if key == HOSTNAME else len(values)) + 2)
            table: Counter[str] = Counter()
            for node in self.world.nodes:
                if (not require_all or self._has_all(node, soft)) and self._accepts(one, node):
                    table[labels_of(node).get(key, "")] += self._matching(one, node)
            for node in scored:
                if key in labels_of(node):
                    count = self._matching(one, node) if key == HOSTNAME else table[labels_of(node)[key]]
                    totals[node["metadata"]["name"]] += count * weight + (one["maxSkew"] - 1)
        return {name: math.floor(total + 0.5) for name, total in totals.items()}, ignored


def normalized_spread(scores: dict[str, int], ignored: set[str]) -> dict[str, int]:
    """Turn raw scores round: the lowest gets 100."""
    counted = [score for name, score in scores.items() if name not in ignored]
    if not any(counted):
        return {name: 0 if name in ignored else 100 for name in scores}
    low, high = min(counted), max(counted)
    return {name: 0 if name in ignored else 100 * (high + low - score) // high for name, score in scores.items()}
