"""Random nodes, as the API server accepts them."""

from __future__ import annotations

import random
from typing import Any

from .random_terms import random_labels, random_taints, several, some

Json = dict[str, Any]

IMAGES = [
    "nginx",
    "nginx:latest",
    "nginx:1.27",
    "localhost:5000/app",
    "localhost:5000/app:latest",
    "registry.example.com/team/app:v1",
    "registry.example.com/team/app@sha256:" + "ab" * 32,
    "big/model:v2",
]
_SIZES = [0, 1, 5 * 2**20, 23 * 2**20, 123456789, 700 * 2**20, 1000 * 2**20, 5 * 10**9, 2**40]
_FEATURES = ["RestartAllContainersOnContainerExits", "SomethingNew", "UserNamespacesHostNetworkSupport"]

_ALLOCATABLE: dict[str, list[str]] = {
    "cpu": ["0", "1", "1.5", "2", "3920m", "3.9995", "4", "16", "64"],
    "memory": ["0", "0.5Gi", "1Gi", "2048000Ki", "8e9", "16Gi", "128974848", "10Pi", "4000000000.5"],
    "pods": ["0", "1", "2", "3", "5", "1e1"],
    "ephemeral-storage": ["0", "500M", "20Gi", "50e9", "100Gi"],
    "example.com/gpu": ["0", "1", "4", "8"],
    "vendor.io/nic": ["1", "10"],
    "hugepages-2Mi": ["0", "64Mi", "1Gi"],
    "hugepages-1Gi": ["0", "2Gi"],
    "attachable-volumes-csi-disk": ["16"],
    "example.com.kubernetes.io/native": ["3"],
}
ROOMY = "110"  # a limit on the number of pods that no cluster of this package comes near
_PRESENT = {"cpu": 0.97, "memory": 0.97, "pods": 0.95, "ephemeral-storage": 0.7}


def random_node(rng: random.Random, name: str) -> Json:
    """Return a node with odd, missing and zero capacities, labels, taints, images and features."""
    allocatable = {
        resource: rng.choice(values)
        for resource, values in _ALLOCATABLE.items()
        if some(rng, _PRESENT.get(resource, 0.35))
    }
    if some(rng, 0.7):  # a roomy one, so that there is something to score
        allocatable |= {"cpu": rng.choice(["16", "31900m"]), "memory": rng.choice(["64Gi", "33e9"]), "pods": ROOMY}
    labels = random_labels(rng, 0.6)
    if some(rng, 0.9):
        labels["kubernetes.io/hostname"] = name
    spec: Json = {}
    if some(rng, 0.1):
        spec["unschedulable"] = True
    if some(rng, 0.3):
        spec["taints"] = random_taints(rng)
    status: Json = {"capacity": dict(allocatable), "allocatable": allocatable}
    if some(rng, 0.6):
        status["images"] = [_image(rng) for _ in range(rng.randint(1, 4))]
    if some(rng, 0.4):
        status["declaredFeatures"] = sorted(several(rng, _FEATURES, 1, 3))
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": f"uid-{name}", **({"labels": labels} if labels else {})},
        "spec": spec,
        "status": status,
    }


def _image(rng: random.Random) -> Json:
    image: Json = {"names": several(rng, IMAGES, 1, 2)}
    if some(rng, 0.95):
        image["sizeBytes"] = rng.choice(_SIZES)
    return image
