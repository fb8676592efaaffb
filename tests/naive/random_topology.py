"""Random pods that mind their neighbours, by affinity or spread constraints, and nodes and Services for them."""

from __future__ import annotations

import random
from typing import Any

from tests.naive.topology import HOSTNAME, PREFERRED, REQUIRED

Json = dict[str, Any]
ZONE = "topology.kubernetes.io/zone"
KEYS = [ZONE, HOSTNAME, "rack"]
NAMESPACES = {"default": {"team": "a"}, "other": {"team": "b"}, "bare": {}}


def random_selector(rng: random.Random) -> Json | None:
    key, values = rng.choice(["app", "tier"]), rng.sample(["x", "y", "z"], rng.randint(1, 2))
    operator = rng.choice(["In", "NotIn", "Exists", "DoesNotExist"])
    listed = {"values": values} if operator in ("In", "NotIn") else {}
    return rng.choice(
        [
            {"matchLabels": {key: values[0]}},
            {"matchLabels": {key: values[0]}},
            {"matchExpressions": [{"key": key, "operator": operator, **listed}]},
            {},
            None,
        ]
    )


def random_term(rng: random.Random) -> Json:
    term: Json = {"topologyKey": rng.choice(KEYS)}
    if (selector := random_selector(rng)) is not None:
        term["labelSelector"] = selector
    if rng.random() < 0.3:
        term["namespaces"] = rng.sample(["default", "other", "unknown"], rng.randint(1, 2))
    if rng.random() < 0.4:
        operator = rng.choice(["In", "NotIn", "Exists", "DoesNotExist"])
        listed = {"values": ["a"]} if operator in ("In", "NotIn") else {}
        wanted = [{"key": "team", "operator": operator, **listed}]
        term["namespaceSelector"] = rng.choice([{"matchExpressions": wanted}, {"matchLabels": {"team": "b"}}, {}])
    return term


def random_affinity(rng: random.Random) -> Json:
    affinity: Json = {}
    for side in ("podAffinity", "podAntiAffinity"):
        if rng.random() < 0.5:
            affinity[side] = {}
            if rng.random() < 0.5:
                affinity[side][REQUIRED] = [random_term(rng) for _ in range(rng.randint(1, 2))]
            if rng.random() < 0.5:
                affinity[side][PREFERRED] = [
                    {"weight": rng.randint(1, 100), "podAffinityTerm": random_term(rng)}
                    for _ in range(rng.randint(1, 2))
                ]
    if rng.random() < 0.2:
        wanted = {"key": ZONE, "operator": rng.choice(["In", "NotIn"]), "values": ["a"]}
        affinity["nodeAffinity"] = {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [wanted]}]}}
    return affinity


def random_constraint(rng: random.Random, default: bool = False) -> Json:
    constraint: Json = {
        "maxSkew": rng.randint(1, 3),
        "topologyKey": rng.choice(KEYS),
        "whenUnsatisfiable": rng.choice(["DoNotSchedule", "ScheduleAnyway"]),
    }
    if default:
        return constraint
    if (selector := random_selector(rng)) is not None:
        constraint["labelSelector"] = selector
    if constraint["whenUnsatisfiable"] == "DoNotSchedule" and rng.random() < 0.3:
        constraint["minDomains"] = rng.randint(1, 4)
    for policy in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        if rng.random() < 0.4:
            constraint[policy] = rng.choice(["Honor", "Ignore"])
    if rng.random() < 0.3:
        constraint["matchLabelKeys"] = ["tier"]
    return constraint


def random_pod(rng: random.Random, name: str) -> Json:
    labels = {key: rng.choice("xyz") for key in ("app", "tier") if rng.random() < 0.8}
    namespace = rng.choice(["default", "default", "other", "bare", "unknown"])
    metadata: Json = {"name": name, "namespace": namespace, "labels": labels}
    if rng.random() < 0.1:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    if rng.random() < 0.4:
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "set", "uid": "1", "controller": True}
        metadata["ownerReferences"] = [owner]
    spec: Json = {"containers": [{"name": "main", "image": "app"}]}
    if rng.random() < 0.6:
        spec["affinity"] = random_affinity(rng)
    if rng.random() < 0.6:
        spec["topologySpreadConstraints"] = [random_constraint(rng) for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.2:
        spec["nodeSelector"] = {"rack": "1"}
    if rng.random() < 0.3:
        spec["tolerations"] = [{"key": "t", "operator": "Exists"}]
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": spec}


def random_node(rng: random.Random, name: str) -> Json:
    labels = {}
    if rng.random() < 0.8:
        labels[ZONE] = rng.choice(["a", "b", "c", ""])
    if rng.random() < 0.9:
        labels[HOSTNAME] = name
    if rng.random() < 0.7:
        labels["rack"] = rng.choice("12")
    effect = rng.choice(["NoSchedule", "NoExecute", "PreferNoSchedule"])
    taints = [{"key": rng.choice("tu"), "effect": effect}] if rng.random() < 0.3 else []
    status = {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"}}
    spec = {"taints": taints}
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": status,
    }


def random_objects(rng: random.Random) -> list[Json]:
    objects = []
    if rng.random() < 0.5:
        selector = rng.choice([{"app": "x"}, {}, {"app": "x", "tier": "y"}])
        meta = {"name": "service", "namespace": "default"}
        objects.append({"kind": "Service", "metadata": meta, "spec": {"selector": selector}})
        objects.append({"kind": "Service", "metadata": {**meta, "name": "headless"}, "spec": {}})
    if rng.random() < 0.5:
        spec = {"selector": {"matchLabels": {"app": "x"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}}
        objects.append({"kind": "ReplicaSet", "metadata": {"name": "set", "namespace": "default"}, "spec": spec})
    return objects
