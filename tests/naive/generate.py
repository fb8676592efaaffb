"""Small random clusters with every feature of the twin's plugins at once.

Everything is as the API server and kube-scheduler accept it, and no preemption can succeed: all waiting pods have one
priority, and the running pods of a lower one take up nothing that a waiting pod could lack.
"""

from __future__ import annotations

import random
from typing import Any

from hypothesis import strategies as st

from .random_nodes import ROOMY, random_node
from .random_pods import idle_pod, random_pod, running_pod
from .random_profiles import random_config
from .random_terms import some

Json = dict[str, Any]
RandomCluster = tuple[list[Json], list[Json], Json | None]

_NODE_NAMES = ["node-{}", "n{}.zone-b.internal", "10-0-0-{}", "a{}"]


def random_cluster(rng: random.Random, nodes: int, pods: int, running: int) -> RandomCluster:
    """Return the objects of a cluster, the pods to place in this order, and a configuration (None: the default)."""
    names = [rng.choice(_NODE_NAMES).format(i) for i in range(nodes)]
    config = random_config(rng, names)
    priority = rng.choice([0, 0, 1000, -5])
    objects: list[Json] = [random_node(rng, name) for name in names]
    roomy = [node["metadata"]["name"] for node in objects if node["status"]["allocatable"].get("pods") == ROOMY]
    for i in range(running if names else 0):
        if roomy and some(rng, 0.15):
            objects.append(idle_pod(rng, f"old-{i:02d}", roomy, priority - 10))
        else:
            objects.append(running_pod(rng, f"old-{i:02d}", names, priority))
    rng.shuffle(objects)
    schedulers = [profile["schedulerName"] for profile in (config or {}).get("profiles", [])] or ["default-scheduler"]
    return objects, [random_pod(rng, f"new-{i:02d}", names, schedulers, priority) for i in range(pods)], config


def clusters(max_nodes: int = 6, max_pods: int = 6, max_running: int = 8) -> st.SearchStrategy[RandomCluster]:
    """Return a strategy for clusters up to a size; examples shrink toward few objects with few features."""
    return st.builds(
        random_cluster,
        st.randoms(use_true_random=False),
        nodes=st.integers(0, max_nodes),
        pods=st.integers(1, max_pods),
        running=st.integers(0, max_running),
    )
