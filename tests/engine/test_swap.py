"""Other profiles in the middle of a run: all is decided as by two engines, one after the other."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from sched_core import Engine, InvalidConfig, Plugin, PluginError, Pod, SchedulerConfiguration, Speed
from sched_core.columns.own import NO_COLUMNS
from tests.engine.devices import Devices, DevicesInPython, config, free, machine, taken, user
from tests.engine.worlds import (
    ALL_NODES,
    COMPILING,
    Json,
    cluster_of,
    looking_at,
    node,
    places,
    pod,
    random_world,
    records,
    usage,
)


class Roomy(Plugin):
    """A score in array form."""

    def score(self, state: Any, pod: Any, nodes: Any) -> Any:
        return 100 - nodes.pod_count.clip(0, 100)


class Unlabelled(Plugin):
    """A filter in row form beside others."""

    reasons = ("too many pods for my taste",)

    @staticmethod
    def filter_row(pod: Any, node: Any, args: Any) -> Any:
        return 1 if node.pod_count > 2 else 0


PLUGINS: dict[str, type[Plugin]] = {"Devices": Devices, "Roomy": Roomy, "Unlabelled": Unlabelled}
PROFILES: dict[str, SchedulerConfiguration] = {
    "default": ALL_NODES,
    "sampled": looking_at(30),
    "devices": config("Devices"),
    "roomy": config("Roomy"),
    "both": config("Roomy", "Unlabelled"),
}


def outcome(engine: Engine, pods: list[Pod]) -> list[Any]:
    """Schedule pods, some of them one by one, and return all that came of it."""
    found: list[Any] = []
    some = len(pods) // 3
    batch = engine.schedule_many(pods[some:])
    found += [engine.cluster.nodes.names[row] if row >= 0 else "" for row in batch.node_of.tolist()]
    found += [(position, failure.message) for position, failure in batch.failures.items()]
    for each in pods[:some]:
        if each.spec.scheduler_name in engine.profiles:
            decision = engine.schedule(each)
            found.append((decision.node, decision.message))
    own = (free(engine.cluster), taken(engine.cluster)) if engine.cluster.nodes.owners else ()
    return [*found, usage(engine.cluster), places(engine.cluster), engine.start, own]


@pytest.mark.parametrize("speed", ["cycle", "auto"])
@pytest.mark.parametrize("seed", range(6))
def test_a_swap_is_another_engine_from_then_on(seed: int, speed: Speed) -> None:
    """The same history on an engine whose profiles are swapped, and on a new engine for each of the profiles."""
    rng = random.Random(seed)
    names = rng.sample(list(PROFILES), 4)
    if speed == "auto":  # those that other tests have compiled
        names = [rng.choice(["default", "devices"]), *rng.sample(["default", "devices", "roomy"], 3)]
    world = random_world(rng, nodes=rng.choice([3, 30, 130]), classes=8, pods=80)
    ranked(world.objects, rng)
    swapped = Engine(cluster_of(world.objects), PROFILES[names[0]], speed=speed, plugins=PLUGINS)
    cluster, start = cluster_of(world.objects), 0
    for number, name in enumerate(names):
        if number:
            swapped.swap(PROFILES[name])
        if name != "devices":  # an engine without columns leaves those of another; a swap does not
            cluster.declare(NO_COLUMNS)
        fresh = Engine(cluster, PROFILES[name], speed=speed, plugins=PLUGINS)
        fresh.start = start
        pods = world.pods[20 * number : 20 * number + 20]
        assert outcome(swapped, pods) == outcome(fresh, pods), (number, name)
        start = fresh.start


def ranked(objects: list[Json], rng: random.Random) -> None:
    """Give nodes devices and ranks."""
    for one in objects:
        if one["kind"] == "Node":
            labels = {"devices": str(rng.randrange(4)), "rank": str(rng.randrange(10**6))}
            one["metadata"]["labels"] |= labels


def devices_engine() -> Engine:
    objects = [machine("a", 4000, 2, 0), machine("b", 4000, 3, 1)]
    return Engine(cluster_of(objects), PROFILES["devices"], plugins=PLUGINS)


def test_columns_come_and_go() -> None:
    engine = devices_engine()
    engine.schedule_many(records([user("p", 100, 600), user("q", 100, 600), user("r", 100, 300)]))
    held = taken(engine.cluster)
    assert held == {"default/p": ("a", 0), "default/q": ("a", 1), "default/r": ("a", 0)}
    engine.swap(PROFILES["roomy"])
    with pytest.raises(KeyError):
        engine.cluster.nodes.own("device_free")
    with pytest.raises(KeyError):
        engine.cluster.nodes.pods.own("device_taken")
    engine.forget("default/q")
    engine.swap(PROFILES["devices"])
    assert free(engine.cluster) == {"a": ([100, 1000, -1], 2), "b": ([1000, 1000, 1000], 0)}


def test_what_placements_remember_stays_where_it_is_declared_alike() -> None:
    engine = devices_engine()
    engine.schedule_many(records([user("p", 100, 600), user("q", 100, 600), user("r", 100, 300)]))
    engine.forget("default/p")
    before = free(engine.cluster), taken(engine.cluster)
    assert before[1] == {"default/q": ("a", 1), "default/r": ("a", 0)}
    for plugin in (DevicesInPython, Devices):
        engine.swap(PROFILES["devices"], plugins={**PLUGINS, "Devices": plugin})
        assert (free(engine.cluster), taken(engine.cluster)) == before
    assert engine.forget("default/q")
    assert free(engine.cluster)["a"] == ([700, 1000, -1], 1)


def test_a_snapshot_goes_back_over_a_swap() -> None:
    engine = devices_engine()
    engine.schedule_many(records([user("p", 100, 600), user("q", 100, 600)]))
    kept, before = engine.snapshot(), (free(engine.cluster), taken(engine.cluster))
    engine.swap(PROFILES["default"])
    assert engine.schedule(records([user("r", 100, 0)])[0]).node
    engine.restore(kept)
    assert places(engine.cluster) == {"default/p": "a", "default/q": "a"}
    engine.swap(PROFILES["devices"])
    assert (free(engine.cluster), taken(engine.cluster)) == before
    engine.forget("default/q")
    engine.restore(kept)
    assert (free(engine.cluster), taken(engine.cluster)) == before


class RaisesAtOnce(Plugin):
    def __init__(self, args: Any = None) -> None:
        raise ValueError("boom")

    score = Roomy.score


class RaisesForArgs(Devices):
    def row_args(self, nodes: Any) -> Any:
        raise ValueError("boom")


class RaisesForTables(Devices):
    def row_tables(self, nodes: Any) -> Any:
        return {"worth": [1, 2]}


class RaisesForNodes(Devices):
    def fill_node(self, node: Any) -> Any:
        raise ValueError("boom")


class RaisesForPods(Devices):
    def fill_pod(self, pod: Any) -> Any:
        raise ValueError("boom")


class RaisesForPlaced(DevicesInPython):
    def reserve_pod(self, pod: Any, node: Any, placed: Any) -> None:
        raise ValueError("boom")


class RaisesForRanks(Devices):
    def rank_nodes(self, nodes: Any) -> Any:
        raise ValueError("boom")


class DoesNotCompile(Devices):
    @staticmethod
    def filter_row(pod: Any, node: Any, args: Any) -> Any:
        return Roomy.unknown(pod.device_parts)  # type: ignore[attr-defined]


class DoesNotCompileWhereItReserves(Devices):
    @staticmethod
    def reserve_row(pod: Any, node: Any, args: Any) -> Any:
        node.device_pods += Roomy.unknown(1)  # type: ignore[attr-defined]


class IsNoRowFunction(Devices):
    @staticmethod
    def filter_row(pod: Any, node: Any, args: Any) -> Any:
        return node.device_held


FAILING: dict[type[Plugin], str] = {
    RaisesAtOnce: "__init__: ValueError: boom",
    RaisesForArgs: "row_args: ValueError: boom",
    RaisesForTables: "row_tables: worth is no array of numbers",
    RaisesForNodes: "fill_node, node a: boom",
    RaisesForPods: "fill_pod, pod default/p: boom",
    RaisesForPlaced: "reserve_pod, pod default/r, node a: ValueError: boom",
    RaisesForRanks: "rank_nodes: ValueError: boom",
    DoesNotCompile: "filter_row: ",
    DoesNotCompileWhereItReserves: "reserve_row: ",
    IsNoRowFunction: "filter_row: .*a node row has no column device_held",
}


@pytest.mark.parametrize("plugin", FAILING, ids=lambda plugin: plugin.__name__)
def test_a_swap_that_fails_leaves_everything_as_it_was(plugin: type[Plugin]) -> None:
    if plugin in (DoesNotCompile, DoesNotCompileWhereItReserves) and not COMPILING:
        pytest.skip("nothing is compiled")
    engine = devices_engine()
    engine.schedule_many(records([user("p", 100, 600), user("q", 100, 600), user("r", 100, 300)]))
    engine.forget("default/p")
    before = free(engine.cluster), taken(engine.cluster), usage(engine.cluster), places(engine.cluster)
    profiles = dict(engine.profiles)
    with pytest.raises(PluginError, match=f"plugin Devices, {FAILING[plugin]}"):
        engine.swap(PROFILES["devices"], plugins={**PLUGINS, "Devices": plugin})
    assert (free(engine.cluster), taken(engine.cluster), usage(engine.cluster), places(engine.cluster)) == before
    assert engine.profiles == profiles
    batch = engine.schedule_many(records([user("s", 100, 700), user("t", 100, 400), user("u", 5000, 0)]))
    assert batch.node_of.tolist() == [0, 0, -1] and batch.placed["device_taken"].tolist() == [1, 2, 0]


def test_a_configuration_that_makes_no_sense_is_refused() -> None:
    engine = Engine(cluster_of([node("a")]), speed="cycle")
    profiles = dict(engine.profiles)
    with pytest.raises((InvalidConfig, KeyError)):
        engine.swap(config("NoSuchPlugin"))
    assert engine.profiles == profiles
    assert engine.schedule(records([pod("p")])[0]).node == "a"


def test_what_failed_before_is_tried_again() -> None:
    """A pod of a class that is known to fail for an unchanged cluster meets the new profile all the same."""
    engine = Engine(cluster_of([node("a", cpu="1")]), config("Roomy", "Unlabelled"), plugins=PLUGINS)
    batch = engine.schedule_many(records([pod(f"p{number}", {"cpu": "100m"}) for number in range(5)]))
    assert batch.node_of.tolist() == [0, 0, 0, -1, -1]
    assert batch.failures[3].message.endswith("1 too many pods for my taste.")
    engine.swap(config("Roomy"))
    batch = engine.schedule_many(records([pod("p5", {"cpu": "100m"}), pod("p6", {"cpu": "2"})]))
    assert batch.node_of.tolist() == [0, -1]


def test_numbers_of_classes_survive_a_swap() -> None:
    """PodInfos that a queue keeps look their class up again."""
    cluster = cluster_of([machine("a", 4000, 2, 0)])
    engine = Engine(cluster, PROFILES["roomy"], plugins=PLUGINS)
    waiting = [cluster.classes.info(each) for each in records([user("p", 100, 600), user("q", 100, 300)])]
    epoch = cluster.classes.epoch
    engine.swap(PROFILES["devices"])
    assert cluster.classes.epoch > epoch
    assert [each.own("device_parts") for each in waiting] == [600, 300]
    dealt: list[tuple[int, int]] = []
    assert engine.place_regular(waiting, lambda number, row: dealt.append((number, row))) == 2
    assert dealt == [(0, 0), (1, 0)]
    assert np.array_equal(cluster.nodes.own("device_free")[:, 0], [100, 1000, -1])
