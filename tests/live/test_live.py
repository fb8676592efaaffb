"""A running scheduler whose plugin and configuration change under it: decisions are those of fresh engines, joined."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cluster_shim.scheduler.configuration import configure
from cluster_shim.scheduler.live import LiveConfiguration, Outcome
from sched_core import Engine, Plugin, Scheduler, SchedulerConfiguration
from tests.engine.worlds import cluster_of
from tests.engine.worlds import node as node_object
from tests.scheduler.api import SECOND, Api, node, pod

PLUGIN = """
from sched_core import Plugin


class Mine(Plugin):
    def score(self, state, pod, nodes):
        return {}
"""
FEWEST, MOST = "90 - nodes.pod_count", "10 + nodes.pod_count"
FILE = """
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
percentageOfNodesToScore: 100
profiles:
- plugins:
    multiPoint:
      disabled: [{name: "*"}]
      enabled: [{name: PrioritySort}, {name: DefaultBinder}, {name: NodeResourcesFit}]
    score:
      disabled: [{name: "*"}]
      enabled: [{name: "mine.py:Mine", weight: 2}]
"""
WAIT_S = 200.0


class World:
    """A scheduler that follows its files, and an engine for each stretch to hold it against."""

    def __init__(self, folder: Path) -> None:
        self.file, self.plugin = folder / "profile.yaml", folder / "mine.py"
        self.file.write_text(FILE, encoding="utf-8")
        self.plugin.write_text(PLUGIN.format(FEWEST), encoding="utf-8")
        self.live = LiveConfiguration(str(self.file), limit_s=WAIT_S)
        self.api, self.now, self.pods = Api(), 0, 0
        config, plugins, _ = self.live.current
        self.scheduler = Scheduler(self.api, config, plugins=plugins)
        self.scheduler.apply_many([node(name, cpu="8") for name in "abc"], 0)
        self.placed: dict[str, str] = {}

    def poll(self) -> Outcome | None:
        """Wait for what becomes of the files, as a loop around `Scheduler.run` would without waiting."""

        def swap(config: SchedulerConfiguration, plugins: Mapping[str, type[Plugin]]) -> None:
            self.scheduler.swap(config, self.now, plugins=plugins)

        return self.live.poll(swap, wait_s=WAIT_S)

    def run(self, count: int) -> list[str]:
        """Schedule pods and return their nodes; a fresh engine with the files of now must choose the same."""
        config, plugins, _ = configure(str(self.file))
        cluster = cluster_of([node_object(name, cpu="8") for name in "abc"])
        engine = Engine(cluster, config, plugins=plugins)
        for name, where in self.placed.items():
            engine.assume(pod(name), where)
        chosen = []
        for _ in range(count):
            self.now += SECOND
            self.pods += 1
            each = pod(f"p{self.pods}")
            self.api.create(self.scheduler, each)
            self.scheduler.run(self.now)
            self.api.echo(self.scheduler, self.now)
            decision = engine.schedule(each)
            assert decision.node is not None
            self.placed[each.metadata.name] = decision.node
            chosen.append(decision.node)
        assert self.api.said("bind")[-count:] == list(self.placed.items())[-count:]
        return chosen


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_plugin_changes_under_a_running_scheduler(world: World) -> None:
    assert world.run(4) == ["a", "b", "c", "a"]
    assert world.poll() is None
    world.plugin.write_text(PLUGIN.format(MOST), encoding="utf-8")
    assert world.poll() == Outcome((world.plugin,), "")
    assert world.run(3) == ["a", "a", "a"]
    assert world.poll() is None


def test_a_bad_file_leaves_what_was_in_force(world: World) -> None:
    world.run(2)
    in_force = world.live.current
    good = world.plugin.read_text(encoding="utf-8")
    world.plugin.write_text(good.replace("return", "retrun"), encoding="utf-8")
    outcome = world.poll()
    assert outcome is not None and outcome.files == (world.plugin,)
    assert "mine.py:7: SyntaxError" in outcome.error and "not taken over" in str(outcome)
    assert world.live.current is in_force
    world.plugin.write_text(good, encoding="utf-8")
    assert world.poll() == Outcome((world.plugin,), "")
    assert world.run(2) == ["c", "a"]


def test_the_configuration_changes_and_with_it_what_is_watched(world: World) -> None:
    world.run(1)
    other = world.file.parent / "other.py"
    other.write_text(PLUGIN.format(MOST), encoding="utf-8")
    world.file.write_text(FILE.replace("mine.py", "other.py"), encoding="utf-8")
    assert world.poll() == Outcome((world.file,), "")
    assert world.live.files == (world.file, other)
    assert world.run(2) == ["a", "a"]
    world.plugin.write_text("1 / 0", encoding="utf-8")
    assert world.poll() is None


def test_a_plugin_that_fails_when_it_is_asked_is_not_taken_over(world: World) -> None:
    world.run(1)
    world.plugin.write_text(PLUGIN.format("nodes.pod_count * 1.5 / 0.0"), encoding="utf-8")
    outcome = world.poll()
    assert outcome is not None and "Mine" in outcome.error and "not a finite number" in outcome.error


def test_a_plugin_that_never_answers_is_not_taken_over(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.live.close()
    world.live = LiveConfiguration(str(world.file), limit_s=3.0)
    world.plugin.write_text(PLUGIN.format("[iter(int, 1) for _ in iter(int, 1)]"), encoding="utf-8")
    outcome = world.poll()
    assert outcome is not None and "it was not ready after 3 s" in outcome.error
    assert "mine.py:7 in" in outcome.error
