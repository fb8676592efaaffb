"""Configurations with plugins of one's own, named in the file or beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cluster_shim.scheduler.configuration import configure
from cluster_shim.scheduler.reference import parse_reference
from sched_core import Cluster, Engine, InvalidConfig, PluginError

PLUGIN = """
from sched_core import Plugin


class Mine(Plugin):
    def __init__(self, args=None):
        super().__init__(args)
        self.factor = (args or {}).get("factor", 1)

    def score(self, state, pod, nodes):
        return nodes.pod_count * self.factor
"""
FILE = """
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: one
  plugins:
    multiPoint: {enabled: [{name: "own/mine.py:Mine", weight: 4}]}
  pluginConfig: [{name: NAME, args: {factor: 3}}]
- schedulerName: two
  plugins:
    score: {enabled: [{name: "own/mine.py:Mine", weight: 2}]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.py").write_text(PLUGIN, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", ["Mine", '"own/mine.py:Mine"'])
def test_a_file_names_plugins_beside_it(folder: Path, name: str) -> None:
    file = folder / "profile.yaml"
    file.write_text(FILE.replace("NAME", name), encoding="utf-8")
    config, plugins, files = configure(str(file))
    assert list(plugins) == ["Mine"] and files == (file, folder / "own" / "mine.py")
    profiles = Engine(Cluster(), config, plugins=plugins).profiles
    assert [each.weights["Mine"] for each in profiles.values()] == [4, 2]
    mine: list[Any] = [next(each for each in one.points["score"] if each.name == "Mine") for one in profiles.values()]
    assert [each.factor for each in mine] == [3, 1]


def test_a_file_disables_what_it_has_named(folder: Path) -> None:
    file = folder / "profile.yaml"
    text = FILE.replace("score: {", 'score: {disabled: [{name: "own/mine.py:Mine"}], ').replace("NAME", "Mine")
    file.write_text(text.replace("schedulerName: two", "schedulerName: two"), encoding="utf-8")
    second = configure(str(file)).config.profiles[1].plugins.score
    assert [each.name for each in second.disabled] == ["Mine"]


@pytest.mark.parametrize(
    ("before", "after", "error", "needle"),
    [
        ("own/mine.py:Mine", "own/gone.py:Mine", PluginError, r"own/gone\.py: No such file"),
        ("own/mine.py:Mine", "own/mine.py:", InvalidConfig, r"yaml: plugins: 'own/mine\.py:' is not of the"),
        ("own/mine.py:Mine", "own/mine.py:Yours", PluginError, r"has no class Yours; plugins in it: Mine"),
        ('score: {enabled: [{name: "own/mine.py:Mine"', 'score: {enabled: [{name: "own/mine.py"', InvalidConfig,
         "are both called Mine"),
    ],
)  # fmt: skip
def test_a_file_that_names_what_is_not_there(folder: Path, before: str, after: str, error: Any, needle: str) -> None:
    file = folder / "profile.yaml"
    file.write_text(FILE.replace("NAME", "Mine").replace(before, after), encoding="utf-8")
    with pytest.raises(error, match=needle):
        configure(str(file))


def test_plugins_beside_the_file(folder: Path) -> None:
    mine = parse_reference(f"{folder}/own/mine.py:Mine=9")
    config, plugins, files = configure(None, [mine, parse_reference("Coscheduling")], ["ImageLocality", "PrioritySort"])
    profile = Engine(Cluster(), config, plugins=plugins).profiles["default-scheduler"]
    assert profile.weights["Mine"] == 9 and "ImageLocality" not in profile.weights
    assert "Coscheduling" in {each.name for each in profile.points["permit"]}
    assert files == (folder / "own" / "mine.py",)


@pytest.mark.parametrize(
    ("plugin", "needle"),
    [
        ("NodeName", 'plugin "NodeName" is enabled already; --disable NodeName'),
        ("NoSuch", 'no plugin "NoSuch" is installed; there are BestFit, Coscheduling, DefaultBinder'),
    ],
)
def test_plugins_that_cannot_be_added(plugin: str, needle: str) -> None:
    with pytest.raises(InvalidConfig, match=needle):
        configure(None, [parse_reference(plugin)])
