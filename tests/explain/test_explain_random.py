"""Every change that is claimed works, none of its parts can be left out, and explaining leaves no trace."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sched_core.explain import explain
from tests.explain.clusters import engine_of, fits_on, load, random_objects, with_changes

CLUSTERS = st.integers(0, 2**32).map(lambda seed: random_objects(random.Random(seed)))
ONE_PART_NEEDS_ANOTHER = [random_objects(random.Random(seed)) for seed in (8499, 1884068712)]
"""Here a part that can be left out takes the need for others with it."""
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@SLOW
@example(ONE_PART_NEEDS_ANOTHER[0])
@example(ONE_PART_NEEDS_ANOTHER[1])
@given(CLUSTERS)
def test_a_claimed_change_works_and_is_minimal(objects: list[dict[str, object]]) -> None:
    loaded, web = load(*objects)
    found = explain(engine_of(loaded), web, fixes=2)
    assert bool(found.fixes) <= (found.outcome == "unschedulable")
    for fix in found.fixes:
        assert not fits_on(loaded, web, fix.node)
        assert fits_on(*with_changes(loaded, web, fix.node, fix.changes), fix.node)
        for position, others in enumerate(fix.alternatives):
            rest = [*fix.changes[:position], *fix.changes[position + 1 :]]
            assert not fits_on(*with_changes(loaded, web, fix.node, rest), fix.node)
            for other in others:
                assert fits_on(*with_changes(loaded, web, fix.node, [*rest, other]), fix.node)


@pytest.mark.parametrize("seed", range(40))
def test_every_refused_node_has_a_change(seed: int) -> None:
    """Nothing in these clusters is beyond a change of pod, node or neighbours."""
    loaded, web = load(*random_objects(random.Random(seed)))
    engine = engine_of(loaded)
    for each in explain(engine, web).nodes:
        alone = explain(engine, web, node=each.node)
        assert bool(alone.fixes) == (not each.feasible)
        assert each.obstacles or each.feasible


@SLOW
@given(CLUSTERS)
def test_explaining_leaves_no_trace(objects: list[dict[str, object]]) -> None:
    loaded, web = load(*objects)
    engine = engine_of(loaded)
    first = explain(engine, web)
    nodes = engine.cluster.nodes
    state = [array.tolist() for array in (nodes.allocatable, nodes.requested, nodes.pod_count, nodes.used_ports)]
    where = nodes.pods.node_of.tolist()
    second = explain(engine, web)
    assert state == [
        array.tolist() for array in (nodes.allocatable, nodes.requested, nodes.pod_count, nodes.used_ports)
    ]
    assert where == nodes.pods.node_of.tolist()
    assert (first.outcome, first.node, first.message) == (second.outcome, second.node, second.message)
    assert [each.verdicts for each in first.nodes] == [each.verdicts for each in second.nodes]
    texts = [[change.text for change in fix.changes] for fix in first.fixes]
    assert texts == [[change.text for change in fix.changes] for fix in second.fixes]
