"""The ``mixed`` workload: some hundred applications as they share a production cluster, arriving in a seeded shuffle.

Uses what the in-tree plugins of this version look at: several containers, init containers, sidecars, overhead, extended
resources, host ports, images, tolerations, selectors, required and preferred node affinity. No pod affinity, topology
spread or volumes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.workloads.manifests import pods_from
from bench.workloads.nodes import zone_names
from bench.workloads.variety import affinity, expression, pod_manifest, pod_names
from sched_core import PodArray

Rng = np.random.Generator
TOLERATES_SPOT = {"key": "spot", "operator": "Exists"}
TOLERATES_GPU = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}


class Kind(NamedTuple):
    """A kind of application. ``share`` is its part of all pods, in thousandths."""

    name: str
    share: int
    manifest: Callable[[Rng, list[str]], dict[str, Any]]


def mixed(pods: int, zones: int, seed: int) -> PodArray:
    """Build ``pods`` pods: an application per 100 of them, at least one of each kind; sizes follow a power law."""
    rng = np.random.Generator(np.random.PCG64([seed, 0x6D697865]))
    kinds = _kinds_of_applications(max(len(KINDS), min(400, pods // 100)))
    weight = np.empty(len(kinds))
    for kind in range(len(KINDS)):
        members = np.flatnonzero(kinds == kind)
        sizes = 1.0 / np.arange(1, len(members) + 1)
        weight[members] = KINDS[kind].share * sizes / sizes.sum()
    template_of = np.repeat(np.arange(len(kinds)), _apportion(weight, pods))
    names = zone_names(zones)
    templates = pods_from([KINDS[kind].manifest(rng, names) for kind in kinds.tolist()])
    return PodArray(pod_names(pods), templates, rng.permutation(template_of).astype(np.int32))


def _kinds_of_applications(count: int) -> NDArray[np.int64]:
    share = np.array([kind.share for kind in KINDS], dtype=np.float64)
    extra = _apportion(share, count - len(KINDS))
    return np.repeat(np.arange(len(KINDS)), 1 + extra)


def _apportion(weight: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Split ``total`` into whole parts in proportion to ``weight``: largest remainder first, then lower index."""
    exact = weight / weight.sum() * total
    parts: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    rest = np.argsort(parts - exact, kind="stable")[: total - int(parts.sum())]
    parts[rest] += 1
    return parts


def _size(rng: Rng, least_milli: int, most_milli: int, mib_per_core: int) -> dict[str, str]:
    cpu_milli = 10 * int(rng.integers(least_milli // 10, most_milli // 10 + 1))
    return {"cpu": f"{cpu_milli}m", "memory": f"{max(16, cpu_milli * mib_per_core // 1000)}Mi"}


def _web(rng: Rng, zones: list[str]) -> dict[str, Any]:
    sidecar = {
        "name": "proxy",
        "image": "net/agent:1.17",
        "restartPolicy": "Always",
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
    }
    spec = affinity(preferred=[(20, [expression("pool", "In", "spot", "general")])])
    return pod_manifest(
        {"requests": _size(rng, 250, 2000, 2048)}, spec | {"initContainers": [sidecar], "tolerations": [TOLERATES_SPOT]}
    )


def _api(rng: Rng, zones: list[str]) -> dict[str, Any]:
    near = [
        (50, [expression("topology.kubernetes.io/zone", "In", str(rng.choice(zones)))]),
        (10, [expression("disk", "NotIn", "nvme")]),
    ]
    required = [[expression("kubernetes.io/arch", "In", "amd64")]]
    return pod_manifest({"requests": _size(rng, 500, 4000, 3072)}, affinity(required, near), "shop/api:2.9")


def _batch(rng: Rng, zones: list[str]) -> dict[str, Any]:
    unpack = {"name": "unpack", "image": "shop/batch:7.1", "resources": {"requests": _size(rng, 1000, 3000, 1024)}}
    spec = affinity(preferred=[(100, [expression("pool", "In", "spot")])])
    spec |= {"initContainers": [unpack], "tolerations": [TOLERATES_SPOT], "overhead": {"cpu": "50m", "memory": "64Mi"}}
    return pod_manifest({"requests": _size(rng, 500, 6000, 1536)}, spec, "shop/batch:7.1")


def _database(rng: Rng, zones: list[str]) -> dict[str, Any]:
    required = [
        [expression("disk", "In", "nvme"), expression("pool", "In", "memory")],
        [expression("pool", "In", "general"), expression("disk", "Exists")],
    ]
    requests = _size(rng, 1000, 4000, 7168) | {"ephemeral-storage": "4Gi"}
    return pod_manifest({"requests": requests}, affinity(required), "shop/db:16.3")


def _arm(rng: Rng, zones: list[str]) -> dict[str, Any]:
    return pod_manifest({"requests": _size(rng, 200, 1200, 2048)}, {"nodeSelector": {"kubernetes.io/arch": "arm64"}})


def _zonal(rng: Rng, zones: list[str]) -> dict[str, Any]:
    selector = {"topology.kubernetes.io/zone": str(rng.choice(zones)), "kubernetes.io/os": "linux"}
    return pod_manifest({"requests": _size(rng, 500, 3000, 4096)}, {"nodeSelector": selector}, "shop/api:2.9")


def _small(rng: Rng, zones: list[str]) -> dict[str, Any]:
    required = [[expression("accelerator", "DoesNotExist")]]
    return pod_manifest({"requests": _size(rng, 10, 200, 1024)}, affinity(required), "net/agent:1.17")


def _best_effort(rng: Rng, zones: list[str]) -> dict[str, Any]:
    return pod_manifest({}, {"tolerations": [TOLERATES_SPOT]}, "pause:3.10")


def _ingress(rng: Rng, zones: list[str]) -> dict[str, Any]:
    port = 8000 + int(rng.integers(1000))
    manifest = pod_manifest({"requests": _size(rng, 500, 1000, 1024)}, {}, "edge/ingress:1.12")
    manifest["spec"]["containers"][0]["ports"] = [{"containerPort": 8443, "hostPort": port, "protocol": "TCP"}]
    return manifest


def _serving(rng: Rng, zones: list[str]) -> dict[str, Any]:
    gpu = {"nvidia.com/gpu": "1"}
    spec = affinity(required=[[expression("accelerator", "In", "small", "medium")]]) | {"tolerations": [TOLERATES_GPU]}
    return pod_manifest({"requests": _size(rng, 2000, 6000, 4096) | gpu, "limits": gpu}, spec, "ml/serve:25.2")


def _training(rng: Rng, zones: list[str]) -> dict[str, Any]:
    gpus = int(rng.choice([2, 4, 8]))
    gpu = {"nvidia.com/gpu": str(gpus)}
    spec = affinity(required=[[expression("accelerator", "NotIn", "small"), expression("accelerator", "Exists")]]) | {
        "tolerations": [TOLERATES_GPU]
    }
    return pod_manifest(
        {"requests": _size(rng, 3000 * gpus, 5000 * gpus, 6144) | gpu, "limits": gpu}, spec, "ml/train:25.2"
    )


def _misdirected(rng: Rng, zones: list[str]) -> dict[str, Any]:
    return pod_manifest({"requests": _size(rng, 100, 500, 1024)}, {"nodeSelector": {"pool": "decommissioned"}})


KINDS = (
    Kind("web", 300, _web),
    Kind("api", 200, _api),
    Kind("batch", 140, _batch),
    Kind("database", 90, _database),
    Kind("zonal", 90, _zonal),
    Kind("small", 60, _small),
    Kind("arm", 40, _arm),
    Kind("best-effort", 40, _best_effort),
    Kind("serving", 15, _serving),
    Kind("ingress", 13, _ingress),
    Kind("training", 7, _training),
    Kind("misdirected", 5, _misdirected),
)
"""Every kind; ``misdirected`` selects a pool that no longer exists, as it happens, and is never scheduled."""
