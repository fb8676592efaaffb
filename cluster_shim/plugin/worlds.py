"""Random small clusters for checking a plugin: the same seed gives the same nodes, running pods and pending pods.

Nodes and pods have the usual labels, and in addition those whose keys stand in the plugin's source, so that a plugin
that reads a price from a label of its own finds prices.
"""

from __future__ import annotations

import ast
import random
import re
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from sched_core import Cluster, Objects, Pod, load_documents

_KEY = re.compile(r"[a-z0-9][a-z0-9.-]*\.[a-z]{2,}/[A-Za-z0-9][A-Za-z0-9_.-]*")
_KNOWN = ("kubernetes.io/", "k8s.io/")
WORDS = ("1", "2", "5", "8", "13", "40", "100", "a", "b", "c", "true", "a-lot")
"""Values of labels that the source names: more numbers than words, and not all of them what a plugin hopes for."""


class World(NamedTuple):
    """A cluster with running pods, and pods that wait."""

    objects: Objects
    waiting: list[Pod]

    def cluster(self) -> Cluster:
        """Return the cluster, anew for each call."""
        return Cluster.from_objects(self.objects)


def keys_in(file: Path | None) -> list[str]:
    """Return the texts of a source file that look like keys of labels, and those that label() is called with."""
    if file is None:
        return []
    found: dict[str, None] = {}
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _KEY.fullmatch(node.value):
            found[node.value] = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "label":
            found |= {each.value: None for each in node.args if isinstance(each, ast.Constant) and _is_text(each.value)}
    return [key for key in found if not any(known in key for known in _KNOWN)]


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str)


def random_world(seed: int, keys: list[str], *, nodes: int, running: int, waiting: int) -> World:
    """Return a cluster; ``keys`` are labels (and, of pods, annotations too) that nodes and pods get at random."""
    rng = random.Random(seed)
    documents: list[dict[str, Any]] = [_node(rng, number, keys) for number in range(nodes)]
    documents += [_pod(rng, f"running-{number}", keys, f"n{rng.randrange(nodes)}") for number in range(running)]
    pods = load_documents([_pod(rng, f"waiting-{number}", keys) for number in range(waiting)]).pods
    return World(load_documents(documents), pods)


def _labels(rng: random.Random, keys: list[str]) -> dict[str, str]:
    return {key: rng.choice(WORDS) for key in keys if rng.random() < 0.8}


def _node(rng: random.Random, number: int, keys: list[str]) -> dict[str, Any]:
    cores = rng.choice((2, 4, 8, 16, 64))
    labels = {
        "kubernetes.io/hostname": f"n{number}",
        "kubernetes.io/arch": rng.choice(("amd64", "arm64")),
        "topology.kubernetes.io/zone": rng.choice("abc"),
        "topology.kubernetes.io/region": "r",
        "node.kubernetes.io/instance-type": f"general-{cores}",
        "disk": rng.choice(("ssd", "hdd")),
    }
    allocatable = {"cpu": str(cores), "memory": f"{cores * rng.choice((2, 4, 8))}Gi", "pods": rng.choice(("20", "110"))}
    allocatable |= {"ephemeral-storage": "100Gi"} | (
        {"nvidia.com/gpu": rng.choice("1248")} if rng.random() < 0.4 else {}
    )
    taints = [{"key": "dedicated", "value": "x", "effect": rng.choice(("NoSchedule", "PreferNoSchedule"))}]
    return {
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": f"n{number}", "labels": labels | _labels(rng, keys), "annotations": _labels(rng, keys)},
        "spec": {"taints": taints if rng.random() < 0.2 else [], "unschedulable": rng.random() < 0.05},
        "status": {"allocatable": allocatable, "capacity": allocatable},
    }  # fmt: skip


def _pod(rng: random.Random, name: str, keys: list[str], node: str = "") -> dict[str, Any]:
    requests = {"cpu": f"{rng.choice((50, 100, 250, 500, 1000, 2000))}m", "memory": f"{rng.choice((64, 256, 1024))}Mi"}
    if rng.random() < 0.1:
        requests = {}
    if rng.random() < 0.2:
        requests["nvidia.com/gpu"] = rng.choice("12")
    limits = {key: amount for key, amount in requests.items() if "/" in key}
    spec: dict[str, Any] = {
        "containers": [{"name": "c", "image": "shop/web:1", "resources": {"requests": requests, "limits": limits}}],
        "priority": rng.choice((0, 0, 10)),
    }
    if rng.random() < 0.2:
        spec["tolerations"] = [{"operator": "Exists"}]
    if rng.random() < 0.2:
        spec["nodeSelector"] = {"disk": "ssd"}
    app = {"app": rng.choice(("web", "db", "job"))}
    metadata = {"name": name, "namespace": "default", "labels": app | _labels(rng, keys), "uid": f"uid-{name}"}
    metadata["annotations"] = _labels(rng, keys)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec | ({"nodeName": node} if node else {}),
    }
