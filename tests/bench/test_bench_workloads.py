"""Synthetic clusters and pods: seeded, varied, and what their description says."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import pytest

from bench.workloads import mixed, nodes, shapes, variety
from sched_core import NodeArray, PodArray

Array = NodeArray | PodArray


def content(array: Array) -> tuple[list[str], bytes, bytes]:
    return list(array.names), msgspec.json.encode(array.templates), array.template_of.tobytes()


def test_the_shares_of_shapes_are_whole() -> None:
    assert sum(shape.share for shape in shapes.SHAPES) == 1000
    assert len({shape.name for shape in shapes.SHAPES}) == len(shapes.SHAPES)


def test_what_a_kubelet_keeps() -> None:
    # 4 cores: 60 + 10 + 5 + 5; 16 GiB: 1024 + 819.2 + 819.2 MiB, and 100
    shape = shapes.SHAPES[0]
    assert (shape.cpu, shape.memory_gib) == (4, 16)
    assert shape.allocatable() == {
        "cpu": "3920m",
        "memory": f"{(16384 - 2762) * 1024}Ki",
        "ephemeral-storage": str(90 * shapes.GIB),
        "pods": "110",
    }


def test_a_cluster_is_seeded_and_varied() -> None:
    cluster = nodes.synthetic_nodes(4000, 3, 1)
    assert content(cluster) == content(nodes.synthetic_nodes(4000, 3, 1))
    assert content(cluster) != content(nodes.synthetic_nodes(4000, 3, 2))
    assert cluster.template_of.dtype == np.int32
    of_node = [cluster.templates[number] for number in cluster.template_of]
    zones = [nodes.label_of(node, "topology.kubernetes.io/zone") for node in of_node]
    assert zones[:4] == ["region-1-a", "region-1-b", "region-1-c", "region-1-a"]
    kinds = Counter(nodes.label_of(node, "node.kubernetes.io/instance-type") for node in of_node)
    assert len(kinds) == len(shapes.SHAPES)
    assert kinds["general-8"] / 4000 == pytest.approx(0.18, abs=0.03)
    effects = Counter(taint.effect for node in of_node for taint in node.spec.taints)
    assert effects["PreferNoSchedule"] > effects["NoSchedule"] > 0
    assert any(node.spec.unschedulable for node in of_node)


def test_every_gpu_machine_is_tainted_and_has_gpus() -> None:
    for node in nodes.synthetic_nodes(2000, 1, 0).templates:
        tainted = any(taint.key == "nvidia.com/gpu" for taint in node.spec.taints)
        assert tainted == ("nvidia.com/gpu" in node.status.allocatable) == ("accelerator" in node.metadata.labels)


def test_one_class_has_one_template() -> None:
    pods = variety.one_class(1000)
    assert len(pods.templates) == 1
    assert not pods.template_of.any()


@pytest.mark.parametrize(("pods", "count"), [(1000, 7), (1000, 1000), (5, 9)])
def test_classes_are_distinct_and_interleaved(pods: int, count: int) -> None:
    array = variety.classes(pods, count, 3, 0)
    assert array.template_of.tolist() == [number % count for number in range(pods)]
    requests = [pod.spec.containers[0].resources for pod in array.templates]
    assert len({str(each.requests["memory"]) for each in requests if each}) == min(pods, count)


def test_all_different_is_seeded_and_constrained() -> None:
    pods = variety.all_different(3000, 3, 4)
    assert content(pods) == content(variety.all_different(3000, 3, 4))
    constrained = Counter(
        "tolerations"
        if pod.spec.tolerations
        else "selector"
        if pod.spec.node_selector
        else "affinity"
        if pod.spec.affinity
        else ""
        for pod in pods.templates
    )
    assert {kind: round(count / 3000, 1) for kind, count in constrained.items()} == {
        "": 0.6,
        "tolerations": 0.1,
        "selector": 0.2,
        "affinity": 0.1,
    }


@pytest.mark.parametrize("pods", [1, 12, 13, 5000])
def test_mixed_has_as_many_pods_as_asked(pods: int) -> None:
    array = mixed.mixed(pods, 3, 0)
    assert len(array.names) == len(array.template_of) == pods
    assert content(array) == content(mixed.mixed(pods, 3, 0))


def test_mixed_shows_everything_that_the_plugins_look_at() -> None:
    array = mixed.mixed(20_000, 3, 0)
    specs = [array.templates[number].spec for number in set(array.template_of.tolist())]
    shown = {
        "init container": any(spec.init_containers for spec in specs),
        "sidecar": any(each.restart_policy == "Always" for spec in specs for each in spec.init_containers),
        "overhead": any(spec.overhead for spec in specs),
        "selector": any(spec.node_selector for spec in specs),
        "tolerations": any(spec.tolerations for spec in specs),
        "host port": any(port.host_port for spec in specs for each in spec.containers for port in each.ports),
        "gpu": any(
            each.resources and "nvidia.com/gpu" in each.resources.requests for spec in specs for each in spec.containers
        ),
        "best effort": any(
            all(each.resources is None or not each.resources.requests for each in spec.containers) for spec in specs
        ),
    }
    assert [what for what, there in shown.items() if not there] == []
    share = Counter(int(number) for number in array.template_of)
    assert max(share.values()) > 20 * min(share.values())


def test_names_of_many_zones_differ() -> None:
    assert len(set(nodes.zone_names(100))) == 100
