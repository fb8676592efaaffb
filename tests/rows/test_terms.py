"""The kernels that judge nodes by tallies, against a slow count over lists of pods."""

from __future__ import annotations

import random
from typing import NamedTuple

import numpy as np
import pytest

from sched_core.columns.kinds import PodKinds
from sched_core.engine.terms import TermPlans
from sched_core.framework.cycle_state import CycleState
from sched_core.framework.domains import Apart, Domains, DomainTerms, Near, Spread, Tally, Weighted
from sched_core.framework.handle import Handle
from sched_core.framework.plugin import Plugin
from sched_core.framework.profile import Profile
from sched_core.rows.terms import allow, find_limits, rate
from tests.engine.worlds import cluster_of, node, pod, records

NODES, KINDS = 30, 4


class Case(NamedTuple):
    """Domains of the nodes, weights of the kinds, and the pods: (kind, row)."""

    domains: Domains
    weights: list[int]
    pods: list[tuple[int, int]]

    @property
    def tally(self) -> Tally:
        def weigh(first: int, end: int) -> tuple[np.ndarray, np.ndarray]:
            kinds = np.array([kind for kind in range(first, end) if self.weights[kind]], np.int64)
            return kinds, np.array(self.weights, np.int64)[kinds]

        return Tally("tally", weigh, self.domains)

    def number(self, domain: int) -> int:
        """Return the tally of a domain."""
        return sum(self.weights[kind] for kind, row in self.pods if self.domains.of[row] == domain)


class Judge(Plugin):
    """Says what a test wants it to say."""

    name = "Judge"
    terms = DomainTerms()

    def filter(self, state: CycleState, pod: object, nodes: object) -> None:
        raise AssertionError

    def domain_terms(self, pod: object, nodes: object) -> DomainTerms:
        return self.terms


def random_case(rng: random.Random) -> Case:
    size = rng.choice([1, 3, NODES])
    of = np.array([rng.randint(0, size) for _ in range(NODES)])
    weights = [rng.choice([0, 1, 1, 5]) for _ in range(KINDS)]
    return Case(Domains("d", of, size), weights, [(rng.randrange(KINDS), rng.randrange(NODES)) for _ in range(40)])


def verdicts(case: Case, terms: DomainTerms) -> tuple[list[bool], list[float]]:
    """Return what the kernels say of each row: whether it is allowed, and its raw score."""
    cluster = cluster_of([node(f"n{number}") for number in range(NODES)])
    classes = []
    for kind in range(KINDS):
        one = pod(f"k{kind}")
        one["metadata"]["labels"] = {"kind": str(kind)}
        classes.append(cluster.classes.intern(records([one])[0]))
    order = cluster.nodes.order()
    judge = Judge()
    judge.terms = terms
    points = {"filter": (judge,), "score": (judge,)}
    plans = TermPlans(Profile("s", points, {}, {"Judge": 1}, 100, Handle(cluster)), cluster, [judge])
    x = int(plans.plan(np.array(classes[:1], np.int32))[0])
    position = np.argsort(order).astype(np.int32)
    for half in (case.pods[:20], case.pods[20:]):  # the second half comes when the tally is there already
        for number, (kind, row) in enumerate(half):
            cluster.place([f"{len(half)}-{number}"], np.array([kind], np.int32), np.array([row], np.int32))
        tallies = plans.tallies.settle(position)
    allowed, raw = np.zeros(NODES, np.uint8), np.zeros(NODES)
    find_limits(x, plans.terms(), tallies)
    allow(x, 0, NODES, plans.terms(), tallies, allowed)
    score = np.where(allowed != 0, 0, -1).astype(np.int32)
    every = np.arange(NODES, dtype=np.int32)
    rate(x, 0, NODES, every, score, plans.terms(), tallies, raw, np.zeros((1, 2)))
    return (allowed[position] != 0).tolist(), raw[position].tolist()


@pytest.mark.parametrize("seed", range(10))
def test_rules(seed: int) -> None:
    rng = random.Random(seed)
    case = random_case(rng)
    of, size, tally = case.domains.of.tolist(), case.domains.size, case.tally
    assert verdicts(case, DomainTerms((Apart(tally),)))[0] == [d == size or case.number(d) <= 0 for d in of]
    assert verdicts(case, DomainTerms((Near((tally,), False),)))[0] == [d < size and case.number(d) > 0 for d in of]
    present = np.array(sorted({d for d in of if d < size} - {0}), np.int64)
    skew, itself = rng.randint(1, 4), rng.randint(0, 1)
    lowest = min((case.number(d) for d in present.tolist()), default=0)
    for least, wanted in ((1, lowest), (NODES + 1, 0)):
        found = verdicts(case, DomainTerms((Spread(tally, case.domains, present, itself, skew, least),)))[0]
        assert found == [d < size and case.number(d) + itself - wanted <= skew for d in of]


def test_the_first_of_a_group_needs_no_neighbour() -> None:
    case = Case(Domains("d", np.arange(NODES) % 3, 2), [0, 1, 1, 0], [])
    for alone in (True, False):
        found = verdicts(case, DomainTerms((Near((case.tally,), alone),)))[0]
        assert found == [alone and row % 3 < 2 for row in range(NODES)]
    one = case._replace(pods=[(1, 0)])
    assert verdicts(one, DomainTerms((Near((one.tally,), True),)))[0] == [row % 3 == 0 for row in range(NODES)]


@pytest.mark.parametrize("seed", range(6))
def test_raw_scores(seed: int) -> None:
    """Halves are rounded away from zero, and the weight may depend on how many domains the allowed nodes are in."""
    rng = random.Random(seed)
    case = random_case(rng)
    of, size, tally = case.domains.of.tolist(), case.domains.size, case.tally
    fixed = Weighted(tally, case.domains, rng.choice([0.5, -0.25, 2.0]), 1.0)
    table = np.arange(NODES + 2) / 4
    allowed, raw = verdicts(
        case, DomainTerms((Apart(tally),), (fixed, fixed._replace(by_count=table, counted=case.domains)))
    )
    domains = len({d for d, good in zip(of, allowed, strict=True) if good})
    for d, found in zip(of, raw, strict=True):
        exact = 0.0 if d == size else case.number(d) * (fixed.weight + table[domains]) + 2.0
        assert found == np.floor(exact + 0.5)


def test_kinds_are_told_apart_by_what_weights_may_depend_on() -> None:
    cluster = cluster_of([node("a")])
    kinds = PodKinds(cluster.classes)
    plain, labelled, elsewhere, ending = pod("p"), pod("l"), pod("e"), pod("d", {"cpu": "1"})
    labelled["metadata"]["labels"] = {"app": "x"}
    elsewhere["metadata"]["namespace"] = "other"
    ending["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 1}
    larger = pod("larger", {"cpu": "2"}, tolerations=[{"operator": "Exists"}])
    for one in records([plain, labelled, elsewhere, ending, larger]):
        cluster.classes.intern(one)
    assert kinds.of().tolist() == [0, 1, 2, 3, 0] and len(kinds) == 4
