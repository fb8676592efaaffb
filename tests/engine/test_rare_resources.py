"""Clusters with far more resources than there are rows for: the same decisions, whichever of them have a row."""

from __future__ import annotations

import random
from typing import Any

import pytest

from bench.verify.entry import entry_of, skipped
from plugins.helper.cluster_resources import resource_gap
from sched_core import Cluster, Engine, load_config, load_documents
from sched_core.columns.nodes import MET_RESOURCES
from sched_core.explain import capacity, explain
from sched_core.explain.utilisation import utilisation
from sched_core.queue.admission import admits
from tests.engine.test_cycle_naive import as_stored
from tests.engine.test_speeds_equal import fit_only, hold
from tests.engine.worlds import Event, Json, World, cluster_of, node, node_record, pod, random_world, records
from tests.naive.cycle import NaiveScheduler
from tests.naive.generate import random_cluster
from tests.naive.preemption import candidate, fits
from tests.plugins.test_default_preemption_naive import everything as all_but_rare
from tests.plugins.test_default_preemption_naive import random_world as placed_world

FEW_ROWS = pytest.mark.parametrize("rows", [3, MET_RESOURCES])
"""With few rows almost all resources are rare, and what is compiled is small."""


def few_rows(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr("sched_core.columns.nodes.MET_RESOURCES", rows)


def equip(rng: random.Random, objects: list[Json], resources: int) -> list[Json]:
    """Give nodes some of so many resources, and let some pods ask for one to three of them."""
    names = [f"lab.io/r{number}" for number in range(resources)]
    for each in objects:
        if each["kind"] == "Node":
            for name in rng.sample(names, resources // 2):
                each["status"]["allocatable"][name] = str(rng.randrange(4))
        elif rng.random() < 0.5:
            lacking = {name: str(rng.choice([0, 1, 1, 2])) for name in rng.sample(names, rng.choice([1, 1, 3]))}
            resources_of = each["spec"]["containers"][0].setdefault("resources", {})
            for field in ("requests", "limits"):
                resources_of[field] = {**resources_of.get(field, {}), **lacking}
    return objects


def everything(cluster: Cluster) -> list[Any]:
    nodes = cluster.nodes
    rare = [(row, nodes.rare_allocatable.row(row), nodes.rare_requested.row(row)) for row in range(nodes.count)]
    return [*all_but_rare(cluster), rare]


@pytest.mark.parametrize("seed", range(12))
@FEW_ROWS
def test_the_cycle_says_what_the_twin_says(seed: int, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    few_rows(monkeypatch, rows)
    objects, pods, _ = random_cluster(rng, rng.randint(4, 12), 15, 20)
    resources = rng.randint(100, 200)
    objects, pods = as_stored(equip(rng, objects, resources)), equip(rng, pods, resources)
    naive, engine = NaiveScheduler(objects, None), Engine(Cluster.from_objects(load_documents(objects)), speed="cycle")
    for index, (raw, each) in enumerate(zip(pods, records(pods), strict=True)):
        entry = skipped(engine, each) or entry_of(engine, engine.evaluate(each, all_nodes=True))
        assert entry == naive.schedule(raw, index)
        if "chosen" in entry:
            engine.assume(each, entry["chosen"])
    assert engine.cluster.nodes.rare_names


@pytest.mark.parametrize("seed", range(8))
def test_all_speeds_agree(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes come and go with their resources, pods are placed and leave, states are kept and come back."""
    rng = random.Random(seed)
    few_rows(monkeypatch, 3)
    world = random_world(rng, nodes=rng.choice([7, 40]), classes=30, pods=120, events=20, priorities=(0, 0, 7))
    resources = rng.randint(100, 200)
    waiting = [load_documents([each]).pods[0] for each in equip(rng, plain(rng, 120), resources)]
    events = [
        event._replace(given=equip(rng, [event.given], resources)[0]) if event.what in ("node", "running") else event
        for event in world.events
        if event.what != "forget"
    ] + [Event(30, "snapshot", None), Event(80, "restore", None)]
    events += [Event(rng.randint(40, 120), "forget", f"default/rare-{rng.randrange(40)}") for _ in range(20)]
    pods = [rng.choice(pair) for pair in zip(world.pods, waiting, strict=True)]
    used = hold(World(equip(rng, world.objects, resources), pods, sorted(events, key=lambda event: event.before)), seed)
    assert used["cycle"] and used["fused"] and used["incremental"]


def plain(rng: random.Random, count: int) -> list[Json]:
    requests = [{"cpu": f"{rng.randrange(10)}00m", "memory": "64Mi"} for _ in range(count)]
    return [pod(f"rare-{number}", each, priority=rng.choice([0, 7])) for number, each in enumerate(requests)]


@pytest.mark.parametrize("seed", range(30))
@FEW_ROWS
def test_preemption_and_nominated_pods(seed: int, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few resources are in demand, so that pods stand in each other's way; a dry run leaves no trace."""
    rng = random.Random(seed)
    few_rows(monkeypatch, rows)
    nodes, placed, budgets = placed_world(rng)
    others = {f"lab.io/r{number}": "1" for number in range(150)}
    for each in nodes:
        each["status"]["allocatable"] |= others | {"lab.io/s0": "3", "lab.io/s1": "2"}
    running = [each for pods in placed.values() for each in pods]
    waiting = [pod(f"new-{n}", priority=rng.choice([3, 50])) for n in range(4)]
    rivals = [pod(f"rival-{n}", priority=rng.choice([3, 50])) for n in range(2)]
    for each in (*running, *waiting, *rivals):
        wanted = {name: str(rng.choice([1, 1, 2, 4])) for name in ("lab.io/s0", "lab.io/s1") if rng.random() < 0.5}
        requests = each["spec"]["containers"][0].setdefault("resources", {}).setdefault("requests", {})
        requests |= wanted
    objects = [*nodes, *running, *budgets]
    engine = Engine(Cluster.from_objects(load_documents(objects)), speed="cycle")
    claims: dict[str, list[Json]] = {}
    for each in rivals:
        where = rng.choice(list(placed))
        claims.setdefault(where, []).append(each)
        engine.nominate(records([each])[0], where)
    for each in waiting:
        before = everything(engine.cluster)
        decision = engine.evaluate(records([each])[0], all_nodes=True)
        assert everything(engine.cluster) == before
        found = {one["metadata"]["name"]: one for one in nodes}
        feasible = [name for name, pods in placed.items() if fits(each, found[name], pods, claims.get(name, []))]
        assert sorted(decision.feasible) == sorted(feasible)
        if not feasible:
            expected = {
                name: candidate(each, found[name], placed[name], claims.get(name, []), budgets) for name in placed
            }
            victims = {name: [f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in chosen[0]]
                       for name, chosen in expected.items() if chosen is not None and chosen[0]}  # fmt: skip
            assert decision.preemption is not None
            assert {one.node: list(one.victims) for one in decision.preemption.candidates} == victims


def many(number: int) -> Json:
    return node(f"n{number}", {f"lab.io/r{number}": "2"})


def test_every_node_with_a_resource_of_its_own() -> None:
    engine = Engine(cluster_of([many(number) for number in range(200)]))
    batch = engine.schedule_many(records([pod(f"p{number}", {f"lab.io/r{number}": "2"}) for number in range(200)]))
    assert [engine.cluster.nodes.names[row] for row in batch.node_of.tolist()] == [
        f"n{number}" for number in range(200)
    ]
    decision = engine.evaluate(records([pod("q", {"lab.io/r7": "1", "lab.io/r190": "1"})])[0])
    assert decision.reasons == {"Insufficient lab.io/r7": 200, "Insufficient lab.io/r190": 200}
    codes = decision.diagnosis.codes if decision.diagnosis is not None else None
    assert codes is not None and set(codes.tolist()) == {3}


def test_a_node_gains_and_loses_a_rare_resource_with_pods_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    few_rows(monkeypatch, 3)
    cluster = Cluster()
    wanting = {"lab.io/r0": "1"}
    cluster.add_pods(records([pod("early", wanting, nodeName="n0")]))
    engine = Engine(cluster)
    waiting = records([pod("new", wanting)])[0]
    for amount, there in (("0", False), ("1", False), ("2", True), (None, False), ("2", True)):
        given = {} if amount is None else {"lab.io/r0": amount}
        cluster.add_node(node_record(node("n0", given)))
        assert (engine.evaluate(waiting).node is not None) == there, amount
    cluster.remove_node("n0")
    assert not cluster.nodes.rare_names
    cluster.add_node(node_record(node("other", {"lab.io/r0": "1"})))
    assert engine.evaluate(waiting).node == "other"
    cluster.add_node(node_record(node("n0", {"lab.io/r0": "1"})))
    assert engine.evaluate(waiting).feasible == ["other"] or engine.evaluate(waiting).node == "other"
    cluster.remove_pod("default/early")
    assert sorted(engine.evaluate(waiting).feasible) == ["n0", "other"]


def test_a_resource_that_a_profile_scores_has_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    few_rows(monkeypatch, 3)
    cluster = cluster_of([node("a", {"lab.io/r0": "4"}), node("b", {"lab.io/r0": "8"})])
    assert cluster.nodes.rare_names == ["lab.io/r0"]
    engine = Engine(cluster, fit_only("lab.io/r0"))
    assert "lab.io/r0" in cluster.nodes.resources and not cluster.nodes.rare_names
    assert engine.evaluate(records([pod("p", {"lab.io/r0": "1"})])[0]).node == "b"


def test_ignored_resources_do_not_count_when_they_are_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    few_rows(monkeypatch, 3)
    args = {"ignoredResources": ["lab.io/r0"], "ignoredResourceGroups": ["other.io"]}
    config = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
    profile = {"pluginConfig": [{"name": "NodeResourcesFit", "args": args}]}
    engine = Engine(cluster_of([node("a")]), load_config({**config, "profiles": [profile]}))
    wanted = {"lab.io/r0": "1", "other.io/x": "1"}
    assert engine.evaluate(records([pod("p", wanted)])[0]).node == "a"
    assert engine.evaluate(records([pod("q", {**wanted, "lab.io/r1": "1"})])[0]).reasons == {
        "Insufficient lab.io/r1": 1
    }


def test_a_pod_with_more_resources_than_reasons_is_refused_by_name() -> None:
    engine = Engine(cluster_of([node("a")]))
    batch = engine.schedule_many(records([pod("p", {f"lab.io/r{number}": "1" for number in range(62)})]))
    assert batch.failures[0].message == "NodeResourcesFit: pod default/p requests more than 61 different resources"


def test_explanations_and_capacity_are_those_of_resources_with_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []
    wanted, room = {"lab.io/r0": "2", "lab.io/r1": "9"}, {"lab.io/r0": "5", "lab.io/r1": "8"}
    for rows in (3, MET_RESOURCES):
        few_rows(monkeypatch, rows)
        cluster = cluster_of([node("a", room), node("b", room), pod("old", {"lab.io/r0": "4"}, nodeName="a")])
        engine = Engine(cluster)
        explanation = explain(engine, records([pod("web", wanted)])[0])
        said = [[obstacle.text for obstacle in explanation.of(name).obstacles] for name in ("a", "b")]
        changes = [[change.text for change in fix.changes] for fix in explanation.fixes]
        fitting = capacity(engine, records([pod("small", {"lab.io/r0": "2"})])[0])
        found.append((said, changes, fitting.by_node, fitting.stopped_by, utilisation(cluster.nodes)))
    assert found[0] == found[1]
    assert found[0][0][0][0] == "lacks 1 lab.io/r0: 2 requested, 1 of 5 free"
    assert found[0][2] == {"b": 2} and found[0][4]["lab.io/r0"].requested == 4


def test_a_node_admits_by_rare_resources_too(monkeypatch: pytest.MonkeyPatch) -> None:
    few_rows(monkeypatch, 3)
    raw = node("a", {"lab.io/r0": "2"})
    cluster = cluster_of([raw, pod("old", {"lab.io/r0": "1"}, nodeName="a")])
    for amount in (1, 2):
        waiting = records([pod(f"new-{amount}", {"lab.io/r0": str(amount)})])[0]
        assert admits(cluster, node_record(raw), waiting) == (amount == 1)


@FEW_ROWS
def test_what_a_gang_finds_free_counts_rare_resources(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    few_rows(monkeypatch, rows)
    ours, other = pod("ours", {"lab.io/r0": "1"}, nodeName="a"), pod("other", {"lab.io/r0": "2"}, nodeName="a")
    cluster = cluster_of([node("a", {"lab.io/r0": "4"}), node("b", {"lab.io/r0": "1"}), ours, other])
    gap = resource_gap(cluster.nodes, cluster.classes, ["default/ours"], {"lab.io/r0": "5", "lab.io/none": "1"})
    assert gap == "map[lab.io/none:1 lab.io/r0:2]"


def test_rows_of_rare_resources_come_back_with_a_state_from_before_they_had_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few_rows(monkeypatch, 3)
    engine = Engine(cluster_of([node("a", {"lab.io/r0": "4"}), pod("old", {"lab.io/r0": "3"}, nodeName="a")]))
    state, waiting = engine.snapshot(), records([pod("new", {"lab.io/r0": "2"})])[0]
    row = engine.cluster.nodes.resource_row("lab.io/r0")
    engine.forget("default/old")
    assert engine.evaluate(waiting).node == "a"
    engine.restore(state)
    nodes = engine.cluster.nodes
    assert (nodes.allocatable[row, 0], nodes.requested[row, 0], nodes.nonzero_requested[row, 0]) == (4, 3, 3)
    assert engine.evaluate(waiting).reasons == {"Insufficient lab.io/r0": 1}
