"""Small clusters for the tests of explanations: plain objects, some of them random, with everything that filters read.

Address plan: nodes n0, n1, ...; placed pods p0, p1, ... in the namespace default; the pod in question is ``web``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sched_core import Change, Cluster, Engine, Objects, Pod, load_config, load_documents, pod_key

Json = dict[str, Any]
ZONE, HOSTNAME = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
EVERY_NODE = {
    "apiVersion": "kubescheduler.config.k8s.io/v1",
    "kind": "KubeSchedulerConfiguration",
    "percentageOfNodesToScore": 100,
}


def node(name: str, labels: Json | None = None, spec: Json | None = None, **allocatable: str) -> Json:
    """Return a node with room for 110 pods, 4 cores and 8 GiB unless told otherwise."""
    amounts = {"cpu": "4", "memory": "8Gi", "pods": "110", **allocatable}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {HOSTNAME: name, **(labels or {})}},
        "spec": spec or {},
        "status": {"allocatable": amounts},
    }


def pod(name: str = "web", requests: Json | None = None, labels: Json | None = None, **spec: Any) -> Json:
    """Return a pod with one container; with ``nodeName`` it runs."""
    container = {"name": "main", "image": "app", "resources": {"requests": requests or {}}, **spec.pop("container", {})}
    meta = {"name": name, "namespace": "default", "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [container], **spec}}


def load(*objects: Json) -> tuple[Objects, Pod]:
    """Return the objects without the pod ``web``, and that pod."""
    loaded = load_documents(objects)
    (web,) = [each for each in loaded.pods if each.metadata.name == "web"]
    return replace(loaded, pods=[each for each in loaded.pods if each is not web]), web


def engine_of(objects: Objects) -> Engine:
    return Engine(Cluster.from_objects(objects), load_config(EVERY_NODE), speed="cycle")


def with_changes(objects: Objects, web: Pod, node_name: str, changes: Sequence[Change]) -> tuple[Objects, Pod]:
    """Return objects and pod as they would be, without the help of an engine."""
    for change in changes:
        if change.pod is not None:
            web = change.pod(web)
        if change.node is not None:
            edit = change.node
            nodes = [edit(each) if each.metadata.name == node_name else each for each in objects.nodes]
            objects = replace(objects, nodes=nodes)
        objects = replace(objects, pods=[each for each in objects.pods if pod_key(each) not in change.evict])
        if change.object is not None:
            kind, new = type(change.object).__name__, change.object
            same = [new if each.metadata.name == new.metadata.name else each for each in objects.others[kind]]
            objects = replace(objects, others={**objects.others, kind: same})
    return objects, web


def fits_on(objects: Objects, web: Pod, node_name: str) -> bool:
    """Ask a fresh engine."""
    return node_name in engine_of(objects).evaluate(web, all_nodes=True).feasible


def random_objects(rng: random.Random) -> list[Json]:
    """Return a few full nodes, pods on them, and a demanding pod."""
    nodes = [_random_node(rng, f"n{number}") for number in range(rng.randint(1, 5))]
    names = [each["metadata"]["name"] for each in nodes]
    placed = [_random_pod(rng, f"p{number}", nodeName=rng.choice(names)) for number in range(rng.randint(0, 8))]
    web = _random_pod(rng, "web")
    if rng.random() < 0.4:
        web["spec"]["nodeSelector"] = {rng.choice([ZONE, "disk"]): rng.choice("ab")}
    if rng.random() < 0.3:
        terms = [{"matchExpressions": [_expression(rng) for _ in range(rng.randint(1, 2))]} for _ in range(2)]
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        web["spec"].setdefault("affinity", {})["nodeAffinity"] = required
    if rng.random() < 0.4:
        web["spec"]["topologySpreadConstraints"] = [
            _constraint(rng, key) for key in rng.sample([ZONE, HOSTNAME, "rack"], rng.randint(1, 2))
        ]
    if rng.random() < 0.2:
        web["spec"]["tolerations"] = [{"key": "gpu", "operator": "Exists"}]
    return [*nodes, *placed, web]


def _random_node(rng: random.Random, name: str) -> Json:
    labels = {key: rng.choice("abc") for key in (ZONE, "disk") if rng.random() < 0.7}
    effects = ["NoSchedule", "NoExecute", "PreferNoSchedule"]
    taints = [{"key": key, "value": "x", "effect": rng.choice(effects)} for key in ("gpu", "own") if rng.random() < 0.3]
    spec = {"taints": taints, "unschedulable": rng.random() < 0.2}
    return node(name, labels, spec, cpu=rng.choice(["1", "2500m", "4"]), pods=rng.choice(["1", "3", "110"]))


def _random_pod(rng: random.Random, name: str, **spec: Any) -> Json:
    requests = {"cpu": f"{rng.randint(1, 2500)}m", "memory": rng.choice(["64Mi", "1Gi", "9Gi", "12345"])}
    if rng.random() < 0.3:
        spec["container"] = {"ports": [{"containerPort": 80, "hostPort": rng.choice([80, 81])}]}
    if rng.random() < 0.3:
        sides = rng.sample(["podAffinity", "podAntiAffinity"], rng.randint(1, 2))
        spec["affinity"] = {side: {"requiredDuringSchedulingIgnoredDuringExecution": [_term(rng)]} for side in sides}
    return pod(name, requests, {"app": rng.choice("xy")}, **spec)


def _term(rng: random.Random) -> Json:
    return {"topologyKey": rng.choice([ZONE, HOSTNAME]), "labelSelector": {"matchLabels": {"app": rng.choice("xy")}}}


def _expression(rng: random.Random) -> Json:
    operator = rng.choice(["In", "NotIn", "Exists", "DoesNotExist", "Gt"])
    values = {"In": ["a", "b"], "NotIn": ["a"], "Gt": [str(rng.randint(0, 9))]}.get(operator, [])
    return {"key": rng.choice([ZONE, "disk", "rank"]), "operator": operator, "values": values}


def _constraint(rng: random.Random, key: str) -> Json:
    return {
        "maxSkew": rng.randint(1, 2),
        "topologyKey": key,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "x"}},
        "minDomains": rng.choice([1, 4]),
    }
