"""A synthetic cluster: shapes, zones, labels, taints and images drawn from a seed.

Nodes that differ in their name only share a template: a million nodes cost a few hundred objects and an int32 each.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.workloads.manifests import nodes_from
from bench.workloads.shapes import MIB, SHAPES, Shape
from sched_core import Node, NodeArray, NumberedNames

REGION = "region-1"
SPOT_SHARE, CORDONED_SHARE = 0.15, 0.005
SPOT_POOLS = ("general", "compute")
GPU_TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
SPOT_TAINT = {"key": "spot", "value": "true", "effect": "PreferNoSchedule"}
CORDON_TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}

IMAGES_MIB = {"pause:3.10": 1, "net/agent:1.17": 180, "shop/web:1.4": 240, "shop/api:2.9": 310, "shop/batch:7.1": 620,
              "shop/db:16.3": 430, "ml/train:25.2": 7400, "ml/serve:25.2": 3900, "edge/ingress:1.12": 150}  # fmt: skip
"""Compressed sizes of the images that nodes hold and pods of the ``mixed`` workload run."""
IMAGE_SETS = (
    ("pause:3.10", "net/agent:1.17"),
    ("pause:3.10", "net/agent:1.17", "shop/web:1.4", "shop/api:2.9"),
    ("pause:3.10", "net/agent:1.17", "shop/web:1.4", "shop/batch:7.1", "edge/ingress:1.12"),
    ("pause:3.10", "net/agent:1.17", "shop/db:16.3", "ml/train:25.2", "ml/serve:25.2"),
)


class NodeVariant(NamedTuple):
    """What two nodes must have in common to share a template."""

    shape: Shape
    zone: str
    spot: bool
    cordoned: bool
    images: tuple[str, ...]


def zone_names(zones: int) -> list[str]:
    """Return the names of ``zones`` zones of the one region."""
    return [f"{REGION}-{chr(ord('a') + zone)}" if zones <= 26 else f"{REGION}-z{zone}" for zone in range(zones)]


def synthetic_nodes(nodes: int, zones: int, seed: int) -> NodeArray:
    """Build ``nodes`` nodes spread round robin over ``zones`` zones; the same arguments give the same cluster."""
    rng = np.random.Generator(np.random.PCG64([seed, 0x6E6F6465]))
    share = np.array([shape.share for shape in SHAPES], dtype=np.float64)
    shape_of = rng.choice(len(SHAPES), size=nodes, p=share / share.sum())
    may_be_spot = np.array([shape.pool in SPOT_POOLS for shape in SHAPES])[shape_of]
    spot = may_be_spot & (rng.random(nodes) < SPOT_SHARE)
    cordoned = rng.random(nodes) < CORDONED_SHARE
    images = rng.integers(len(IMAGE_SETS), size=nodes)
    zone_of = np.arange(nodes) % zones
    axes = (len(SHAPES), zones, 2, 2, len(IMAGE_SETS))
    variant_of = np.ravel_multi_index((shape_of, zone_of, spot.astype(int), cordoned.astype(int), images), axes)
    variants, template_of = np.unique(variant_of, return_inverse=True)
    templates = nodes_from([node_manifest(variant) for variant in _variants(variants, axes)])
    width = max(5, len(str(nodes - 1)))
    return NodeArray(NumberedNames(f"node-{{:0{width}d}}", nodes), templates, template_of.astype(np.int32))


def _variants(keys: NDArray[np.intp], axes: tuple[int, ...]) -> list[NodeVariant]:
    zones = zone_names(axes[1])
    return [
        NodeVariant(SHAPES[shape], zones[zone], bool(spot), bool(cordoned), IMAGE_SETS[images])
        for shape, zone, spot, cordoned, images in zip(*np.unravel_index(keys, axes), strict=True)
    ]


def node_manifest(variant: NodeVariant) -> dict[str, Any]:
    """Return the v1 Node of a variant, as a user would write it; name and hostname are filled in per node."""
    shape = variant.shape
    labels = {
        "kubernetes.io/hostname": "template",
        "kubernetes.io/arch": shape.arch,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/region": REGION,
        "topology.kubernetes.io/zone": variant.zone,
        "node.kubernetes.io/instance-type": shape.name,
        "pool": "spot" if variant.spot else shape.pool,
        "disk": shape.disk,
    }
    if shape.accelerator:
        labels["accelerator"] = shape.accelerator
    taints = [GPU_TAINT] * bool(shape.gpus) + [SPOT_TAINT] * variant.spot + [CORDON_TAINT] * variant.cordoned
    images = [{"names": [name], "sizeBytes": IMAGES_MIB[name] * MIB} for name in variant.images]
    spec: dict[str, Any] = {"taints": taints} | ({"unschedulable": True} if variant.cordoned else {})
    status = {"capacity": shape.capacity(), "allocatable": shape.allocatable(), "images": images}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "template", "labels": labels},
        "spec": spec,
        "status": status,
    }


def label_of(node: Node, key: str) -> str:
    """Return the value of a node's label, or an empty string."""
    return node.metadata.labels.get(key, "")
