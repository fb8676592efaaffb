"""Random labels, node selector terms, taints and tolerations, as the API server accepts them."""

from __future__ import annotations

import random
from typing import Any

Json = dict[str, Any]

LABELS: dict[str, list[str]] = {
    "disk": ["ssd", "hdd", "nvme", ""],
    "gen": ["1", "2", "10", "007", "9223372036854775807", "x3"],
    "topology.kubernetes.io/zone": ["zone-a", "zone-b", "zone-c"],
    "example.com/team": ["a", "b"],
    "dedicated": ["", "gpu"],
}
TAINT_EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"]
_TAINTS: dict[str, list[str]] = {
    "dedicated": ["gpu", "infra", ""],
    "example.com/maintenance": ["", "soon"],
    "node.kubernetes.io/unschedulable": [""],
    "size": ["1", "2"],
}
_INVALID_VALUES = ["-5", "a b", "+3", 'say "hi"\n', "v" * 64, "é", "_x"]


def some(rng: random.Random, chance: float) -> bool:
    """Say yes with a probability."""
    return rng.random() < chance


def several(rng: random.Random, items: list[Any], least: int, most: int) -> list[Any]:
    """Return between `least` and `most` different items in random order."""
    return rng.sample(items, min(rng.randint(least, most), len(items)))


def random_labels(rng: random.Random, chance: float) -> dict[str, str]:
    """Return labels, each key with a probability."""
    return {key: rng.choice(values) for key, values in LABELS.items() if some(rng, chance)}


def required_term(rng: random.Random, node_names: list[str]) -> Json:
    """Return a term of required node affinity; an empty one now and then."""
    term: Json = {}
    if some(rng, 0.8):
        term["matchExpressions"] = [_expression(rng, valid=True) for _ in range(rng.randint(1, 2))]
    if some(rng, 0.25):
        term["matchFields"] = [_field(rng, node_names) for _ in range(rng.randint(1, 2))]
    return term


def preferred_term(rng: random.Random, node_names: list[str], *, valid: bool) -> Json:
    """Return a weighted term of preferred node affinity; without `valid` one whose values do not all parse."""
    preference: Json = {}
    if some(rng, 0.9):
        preference["matchExpressions"] = [_expression(rng, valid=valid) for _ in range(rng.randint(1, 3))]
    if some(rng, 0.15):
        preference["matchFields"] = [_field(rng, node_names)]
    return {"weight": rng.choice([1, 2, 10, 33, 100]), "preference": preference}


def random_taints(rng: random.Random) -> list[Json]:
    """Return taints of a node, unique by key and effect."""
    pairs = [(key, effect) for key in _TAINTS for effect in TAINT_EFFECTS]
    taints = []
    for key, effect in several(rng, pairs, 1, 3):
        value = rng.choice(_TAINTS[key])
        taints.append({"key": key, "effect": effect, **({"value": value} if value or some(rng, 0.5) else {})})
    return taints


def random_toleration(rng: random.Random) -> Json:
    """Return a toleration of any kind."""
    effect = rng.choice(["", *TAINT_EFFECTS])
    toleration: Json = {"effect": effect} if effect else {}
    if effect == "NoExecute" and some(rng, 0.3):
        toleration["tolerationSeconds"] = 300
    if some(rng, 0.25):
        return toleration | {"operator": "Exists"}
    key = rng.choice(list(_TAINTS))
    toleration["key"] = key
    if some(rng, 0.4):
        return toleration | {"operator": "Exists"}
    if some(rng, 0.5):
        toleration["operator"] = "Equal"
    value = rng.choice(_TAINTS[key])
    return toleration | ({"value": value} if value or some(rng, 0.5) else {})


def _expression(rng: random.Random, *, valid: bool) -> Json:
    key = rng.choice([*LABELS, "missing"])
    operator = rng.choice(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"])
    values = LABELS.get(key, ["v", ""]) + ([] if valid else _INVALID_VALUES)
    if operator in ("In", "NotIn"):
        return {"key": key, "operator": operator, "values": several(rng, values, 1, 3)}
    if operator in ("Gt", "Lt"):
        key = rng.choice(["gen", "gen", key])
        # An empty value and one that is no number are accepted; where a required term has one, it never matches.
        value = rng.choice(["0", "1", "9", "007", *(["x3", ""] if some(rng, 0.1) else [])]) if valid else None
        return {"key": key, "operator": operator, "values": [rng.choice(values) if value is None else value]}
    return {"key": key, "operator": operator}


def _field(rng: random.Random, node_names: list[str]) -> Json:
    operator = "In" if some(rng, 0.7) else "NotIn"
    return {"key": "metadata.name", "operator": operator, "values": [rng.choice([*node_names, "elsewhere"])]}
