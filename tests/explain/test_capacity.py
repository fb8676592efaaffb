"""Capacity is what scheduling pod by pod comes to, by every speed, and it leaves no trace."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from sched_core import Cluster, Engine, Objects, Pod, Speed, load_config, replaced
from sched_core.explain import capacity, pending
from tests.explain.clusters import EVERY_NODE, ZONE, load, node, pod, random_objects

Json = dict[str, Any]


def pod_by_pod(objects: Objects, web: Pod, most: int = 10_000) -> Counter[str]:
    """Place pods one at a time until one fails; return how many are on each node."""
    engine = Engine(Cluster.from_objects(objects), load_config(EVERY_NODE), speed="cycle")
    counts: Counter[str] = Counter()
    for number in range(most):
        named = replaced(web, metadata=replaced(web.metadata, name=f"web-{number}"))
        decision = engine.schedule(named)
        if decision.node is None:
            break
        counts[decision.node] += 1
    return counts


@pytest.mark.parametrize("speed", ["auto", "fused", "incremental", "cycle"])
@pytest.mark.parametrize("seed", range(6))
def test_capacity_is_that_of_scheduling_pod_by_pod(seed: int, speed: Speed) -> None:
    objects, web = load(*random_objects(random.Random(seed)))
    web = pending(web)
    engine = Engine(Cluster.from_objects(objects), load_config(EVERY_NODE), speed=speed)
    found = capacity(engine, web)
    assert found.by_node == dict(pod_by_pod(objects, web))
    assert found.fits == sum(found.by_node.values())
    assert sum(found.by_zone.values()) == found.fits
    assert found.stopped_by


def plain() -> tuple[Engine, Pod]:
    objects, web = load(
        node("n0", {ZONE: "a"}),
        node("n1", {ZONE: "b"}, cpu="2"),
        node("n2", spec={"unschedulable": True}),
        pod("p0", {"cpu": "500m", "memory": "1Gi"}, nodeName="n0"),
        pod("p1", {"cpu": "1"}),
        pod(requests={"cpu": "500m", "memory": "1Gi"}),
    )
    return Engine(Cluster.from_objects(objects), load_config(EVERY_NODE)), web


def test_what_runs_out_is_said() -> None:
    engine, web = plain()
    found = capacity(engine, web)
    assert (found.pod, found.fits) == ("default/web", 11)
    assert found.by_node == {"n0": 7, "n1": 4}
    assert found.by_zone == {"a": 7, "b": 4, "": 0}
    assert found.reasons == {"Insufficient cpu": 2, "node(s) were unschedulable": 1, "Insufficient memory": 1}
    assert found.stopped_by.startswith("0/3 nodes are available: 1 Insufficient memory")
    assert not found.error


def test_utilisation_before_and_after() -> None:
    engine, web = plain()
    found = capacity(engine, web)
    assert (found.before["cpu"].requested, found.after["cpu"].requested) == (500, 6000)
    assert found.after["cpu"].allocatable == 10_000
    assert found.after["cpu"].percent == 60.0
    assert (found.before["pods"].requested, found.after["pods"].requested) == (1, 12)


def test_the_cluster_ends_as_it_was() -> None:
    engine, web = plain()
    nodes = engine.cluster.nodes
    requested, count = nodes.requested.tolist(), nodes.pod_count.tolist()
    first = capacity(engine, web)
    assert (nodes.requested.tolist(), nodes.pod_count.tolist()) == (requested, count)
    assert capacity(engine, web) == first


def test_a_limit_ends_the_count() -> None:
    engine, web = plain()
    found = capacity(engine, web, limit=3)
    assert (found.fits, found.stopped_by, found.reasons) == (3, "", {})


def test_a_limit_beyond_what_fits_changes_nothing() -> None:
    engine, web = plain()
    assert capacity(engine, web, limit=100) == capacity(engine, web)


def test_a_pod_that_runs_is_taken_as_one_that_waits() -> None:
    engine, web = plain()
    running = replaced(web, spec=replaced(web.spec, node_name="n1"))
    assert capacity(engine, running) == capacity(engine, web)


def test_a_pod_that_is_held_back_does_not_fit() -> None:
    engine, web = plain()
    gated = replaced(web, spec=replaced(web.spec, scheduler_name="other"))
    found = capacity(engine, gated)
    assert (found.fits, found.reasons) == (0, {})
    assert found.stopped_by == 'profile not found for scheduler name "other"'


def test_names_with_braces_are_no_patterns() -> None:
    engine, web = plain()
    odd = replaced(web, metadata=replaced(web.metadata, name="w{0}"))
    assert capacity(engine, odd).fits == 11
