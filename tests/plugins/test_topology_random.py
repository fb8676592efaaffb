"""InterPodAffinity and PodTopologySpread against their naive twins, on random clusters in which pods come and go.

The plugins live through all steps, so that what they keep between cycles is held against a count from scratch.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from typing import Any

import msgspec
import numpy as np
import pytest

from plugins.inter_pod_affinity import InterPodAffinity
from plugins.pod_topology_spread import PodTopologySpread
from sched_core import (
    Cluster,
    CycleState,
    Handle,
    InterPodAffinityArgs,
    Node,
    Plugin,
    Pod,
    PodInfo,
    PodTopologySpreadArgs,
)
from sched_core.objects.others import ReplicaSet, Service
from tests.naive.random_topology import NAMESPACES, random_constraint, random_node, random_objects, random_pod
from tests.naive.topology import (
    Affinity,
    Spread,
    World,
    normalized_affinity,
    normalized_spread,
)

Json = dict[str, Any]


class Twins:
    """The same cluster twice: as columns with the plugins, and as plain objects."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.cluster, self.seen = rng, Cluster(), Counter[str]()
        self.cluster.namespaces = copy.deepcopy(NAMESPACES)
        self.world = World([], {}, copy.deepcopy(NAMESPACES), random_objects(rng))
        for one in self.world.others:
            record: Service | ReplicaSet = msgspec.convert(one, Service | ReplicaSet)
            self.cluster.add_object(record)
        for number in range(rng.randint(1, 8)):
            self.set_node(f"n{number}")
        defaults = [random_constraint(rng, default=True) for _ in range(2)]
        self.spread_args: Json = rng.choice([{}, {"defaultingType": "List", "defaultConstraints": defaults}])
        self.affinity_args: Json = rng.choice(
            [{}, {"hardPodAffinityWeight": 0}, {"hardPodAffinityWeight": 7, "ignorePreferredTermsOfExistingPods": True}]
        )
        self.affinity = InterPodAffinity(msgspec.convert(self.affinity_args, InterPodAffinityArgs))
        self.spread = PodTopologySpread(msgspec.convert(self.spread_args, PodTopologySpreadArgs))
        self.affinity.handle = self.spread.handle = Handle(self.cluster)
        self.placed: list[tuple[str, str]] = []

    def set_node(self, name: str) -> None:
        node = random_node(self.rng, name)
        self.cluster.add_node(msgspec.convert(node, Node))
        self.world.nodes = [one for one in self.world.nodes if one["metadata"]["name"] != name] + [node]

    def place(self, pod: Json) -> None:
        node = self.rng.choice(self.world.nodes)["metadata"]["name"]
        placed = copy.deepcopy(pod)
        placed["spec"]["nodeName"] = node
        self.cluster.add_pod(msgspec.convert(placed, Pod))
        self.world.pods.setdefault(node, []).append(placed)
        self.placed.append((node, f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"))

    def remove(self) -> None:
        node, key = self.placed.pop(self.rng.randrange(len(self.placed)))
        assert self.cluster.remove_pod(key)
        self.world.pods[node] = [
            one for one in self.world.pods[node] if f"{one['metadata']['namespace']}/{one['metadata']['name']}" != key
        ]

    def check(self, pod: Json) -> None:
        info = self.cluster.classes.info(msgspec.convert(pod, Pod))
        self.check_filter(self.affinity, Affinity(self.world, pod, self.affinity_args), info)
        self.check_filter(self.spread, Spread(self.world, pod, self.spread_args), info)
        feasible = self.rng.sample(self.world.nodes, self.rng.randint(1, len(self.world.nodes)))
        self.check_affinity_score(info, pod, feasible)
        self.check_spread_score(info, pod, feasible)

    def check_filter(
        self, plugin: InterPodAffinity | PodTopologySpread, naive: Affinity | Spread, pod: PodInfo
    ) -> None:
        nodes, state = self.cluster.nodes, CycleState()
        answer = plugin.pre_filter(state, pod, nodes)
        skips = naive.skips_filter if isinstance(naive, Affinity) else not naive.hard
        assert answer.status.is_skip == skips
        if skips:
            return
        self.same_verdicts(plugin, naive, pod, state)
        before = copy.deepcopy(state)
        node = self.rng.choice(self.world.nodes)
        row = nodes.row_of[node["metadata"]["name"]]
        others = [(1, random_pod(self.rng, "added")) for _ in range(2)]
        others += [(-1, one) for one in self.world.on(node)[:2]]
        for sign, other in others:
            change = plugin.add_pod if sign > 0 else plugin.remove_pod
            added = msgspec.convert(other, Pod)
            either: Pod | PodInfo = added if self.rng.random() < 0.5 else self.cluster.classes.info(added)
            assert change(state, pod, either, row).is_success
            naive.count(other, node, sign)
        self.same_verdicts(plugin, naive, pod, state)
        for sign, other in others:
            naive.count(other, node, -sign)
        self.same_verdicts(plugin, naive, pod, before)

    def same_verdicts(self, plugin: Plugin, naive: Affinity | Spread, pod: PodInfo, state: CycleState) -> None:
        nodes = self.cluster.nodes
        verdicts = plugin.filter(state, pod, nodes)  # type: ignore[attr-defined]
        for node in self.world.nodes:
            row = nodes.row_of[node["metadata"]["name"]]
            expected = naive.filter(node)
            bits = int(verdicts.bits[row])
            got = None if bits == 0 else (verdicts.reasons[bits.bit_length() - 1], bool(verdicts.unresolvable[row]))
            assert got == expected
            self.seen[expected[0] if expected is not None else "passes"] += 1

    def rows(self, nodes: list[Json]) -> Any:
        return np.array([self.cluster.nodes.row_of[node["metadata"]["name"]] for node in nodes])

    def check_affinity_score(self, info: PodInfo, pod: Json, feasible: list[Json]) -> None:
        state, rows = CycleState(), self.rows(feasible)
        expected = Affinity(self.world, pod, self.affinity_args).scores()
        skips = self.affinity.pre_score(state, info, self.cluster.nodes, rows).is_skip
        assert skips == (expected is None)
        if expected is None:
            return
        wanted = [expected[node["metadata"]["name"]] for node in feasible]
        raw = self.affinity.score(state, info, self.cluster.nodes)[rows]
        assert raw.tolist() == wanted
        stretched = [self.affinity.normalize_row(each, min(wanted), max(wanted)) for each in wanted]
        assert [int(each) for each in stretched] == normalized_affinity(wanted)
        self.seen["affinity scored"] += 1

    def check_spread_score(self, info: PodInfo, pod: Json, feasible: list[Json]) -> None:
        state, rows = CycleState(), self.rows(feasible)
        expected = Spread(self.world, pod, self.spread_args).scores(feasible)
        skips = self.spread.pre_score(state, info, self.cluster.nodes, rows).is_skip
        assert skips == (expected is None)
        if expected is None:
            return
        scores, ignored = expected
        raw = self.spread.score(state, info, self.cluster.nodes)[rows]
        assert raw.tolist() == list(scores.values())
        normalized = self.spread.normalize_score(state, info, raw)
        assert normalized.tolist() == list(normalized_spread(scores, ignored).values())
        self.seen["spread scored"] += 1


def live(seed: int) -> Counter[str]:
    """Let a cluster live for a while and hold both sides together at every step; return what was seen."""
    rng = random.Random(seed)
    twins = Twins(rng)
    pending = [random_pod(rng, f"pending{number}") for number in range(4)]
    for number in range(40):
        step = rng.random()
        if step < 0.1:
            twins.set_node(f"n{rng.randint(0, 8)}")
        elif step < 0.3 and twins.placed:
            twins.remove()
        elif step < 0.32:
            snapshot = twins.cluster.state()
            kept = copy.deepcopy((twins.world, twins.placed))
            for more in range(3):
                twins.place(random_pod(rng, f"gone{number}-{more}"))
            twins.check(pending[0])
            twins.cluster.restore(snapshot)
            twins.world, twins.placed = kept
        elif step < 0.35:
            twins.cluster.namespaces["bare"] = twins.world.namespaces["bare"] = {"team": rng.choice("ab")}
        else:
            twins.place(random_pod(rng, f"p{number}"))
        twins.check(rng.choice(pending))
    return twins.seen


@pytest.mark.parametrize("block", range(6))
def test_plugins_agree_with_the_naive_twins(block: int) -> None:
    seen = Counter[str]()
    for seed in range(10 * block, 10 * block + 10):
        seen += live(seed)
    every = {*InterPodAffinity.reasons, *PodTopologySpread.reasons, "passes", "affinity scored", "spread scored"}
    assert set(seen) == every and min(seen.values()) >= 20, seen
