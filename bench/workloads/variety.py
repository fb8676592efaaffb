"""Pods of one class, of N classes, or all different: one generator, which makes any number of distinct classes.

Classes differ in their requests at least, some also in what they tolerate, select or prefer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.workloads.manifests import pods_from
from bench.workloads.nodes import zone_names
from sched_core import NumberedNames, PodArray

ONE_CLASS = {"cpu": "1", "memory": "2Gi"}
MEDIAN_CPU_MILLI, SPREAD, LEAST_CPU_MILLI, MOST_CPU_MILLI = 1200, 0.9, 20, 16_000
MIB_PER_CORE = (1024, 2048, 4096, 8192)
CONSTRAINTS = ("none", "tolerates-spot", "selects-arch", "selects-disk", "requires-pool", "prefers-zone")
CONSTRAINT_SHARE = (0.60, 0.12, 0.10, 0.06, 0.06, 0.06)


def one_class(pods: int) -> PodArray:
    """Build ``pods`` pods that differ in their name only: 1 core and 2 GiB each, no constraints."""
    template = pods_from([pod_manifest({"requests": ONE_CLASS}, {})])
    return PodArray(pod_names(pods), template, np.zeros(pods, dtype=np.int32))


def classes(pods: int, count: int, zones: int, seed: int) -> PodArray:
    """Build pods of ``count`` different classes, interleaved round robin: pod i has class i mod ``count``."""
    manifests = distinct_manifests(min(count, pods), zones, seed)
    return PodArray(pod_names(pods), pods_from(manifests), (np.arange(pods) % count).astype(np.int32))


def all_different(pods: int, zones: int, seed: int) -> PodArray:
    """Build pods no two of which have the same class."""
    return classes(pods, pods, zones, seed)


def distinct_manifests(count: int, zones: int, seed: int) -> list[dict[str, Any]]:
    """Return ``count`` v1 Pods with pairwise different memory requests.

    CPU is lognormal (median 1,200m, 20m to 16 cores), memory 1 to 8 GiB per core. The low bits of the memory request,
    in KiB, are a permutation of the pods' numbers: that makes classes distinct, and adds 64 MiB at most to 65,536.
    """
    rng = np.random.Generator(np.random.PCG64([seed, 0x706F6473]))
    cpu_milli = np.clip(rng.lognormal(np.log(MEDIAN_CPU_MILLI), SPREAD, count), LEAST_CPU_MILLI, MOST_CPU_MILLI).astype(
        np.int64
    )
    memory_kib = cpu_milli * rng.choice(MIB_PER_CORE, count) * 1024 // 1000
    unique = 1 << max(1, (count - 1).bit_length())
    memory_kib = memory_kib // unique * unique + unique + rng.permutation(count)
    kinds = rng.choice(len(CONSTRAINTS), count, p=CONSTRAINT_SHARE)
    details = rng.integers(1 << 30, size=count)
    return [
        pod_manifest(
            {"requests": {"cpu": f"{cpu}m", "memory": f"{memory}Ki"}}, constraint(CONSTRAINTS[kind], detail, zones)
        )
        for cpu, memory, kind, detail in zip(
            cpu_milli.tolist(), memory_kib.tolist(), kinds.tolist(), details.tolist(), strict=True
        )
    ]


def constraint(kind: str, detail: int, zones: int) -> dict[str, Any]:
    """Return the part of a pod's spec that makes the constraint ``kind``; ``detail`` chooses among its forms."""
    if kind == "tolerates-spot":
        return {"tolerations": [{"key": "spot", "operator": "Exists", "effect": "PreferNoSchedule"}]}
    if kind == "selects-arch":
        return {"nodeSelector": {"kubernetes.io/arch": "arm64" if detail % 10 == 0 else "amd64"}}
    if kind == "selects-disk":
        return {"nodeSelector": {"disk": ("ssd", "nvme")[detail % 2]}}
    if kind == "requires-pool":
        pools = (["general", "memory"], ["general", "compute"], ["general", "spot"])[detail % 3]
        return affinity(required=[[expression("pool", "In", *pools)]])
    if kind == "prefers-zone":
        zone = zone_names(zones)[detail % zones]
        return affinity(preferred=[(1 + detail % 100, [expression("topology.kubernetes.io/zone", "In", zone)])])
    return {}


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    """Return one node selector requirement."""
    return {"key": key, "operator": operator} | ({"values": list(values)} if values else {})


def affinity(
    required: list[list[dict[str, Any]]] | None = None, preferred: list[tuple[int, list[dict[str, Any]]]] | None = None
) -> dict[str, Any]:
    """Return a node affinity as part of a spec: required terms (one must match), preferred terms with weights."""
    node_affinity: dict[str, Any] = {}
    if required:
        terms = [{"matchExpressions": term} for term in required]
        node_affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
    if preferred:
        weighted = [{"weight": weight, "preference": {"matchExpressions": term}} for weight, term in preferred]
        node_affinity["preferredDuringSchedulingIgnoredDuringExecution"] = weighted
    return {"affinity": {"nodeAffinity": node_affinity}}


def pod_manifest(resources: dict[str, Any], spec: dict[str, Any], image: str = "shop/web:1.4") -> dict[str, Any]:
    """Return a v1 Pod with one container; the name is filled in per pod."""
    containers = [{"name": "main", "image": image, "resources": resources}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "template", "namespace": "default"},
        "spec": {"containers": containers} | spec,
    }


def pod_names(pods: int) -> NumberedNames:
    """Return the names of ``pods`` pods."""
    return NumberedNames(f"pod-{{:0{max(5, len(str(max(pods - 1, 0))))}d}}", pods)
