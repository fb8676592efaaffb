"""Another weight in a configuration that is complete already."""

from __future__ import annotations

from typing import Any

from sched_core import Cluster, Engine, SchedulerConfiguration, load_config
from sched_core.config import with_weight

Json = dict[str, Any]
HEAD = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}


def weights(config: SchedulerConfiguration) -> list[dict[str, int]]:
    return [dict(profile.weights) for profile in Engine(Cluster(), config).profiles.values()]


def test_a_plugin_that_every_point_has() -> None:
    before = load_config(HEAD)
    (was,), (now,) = weights(before), weights(with_weight(before, "TaintToleration", 7))
    assert (was["TaintToleration"], now["TaintToleration"]) == (3, 7)
    assert {**was, "TaintToleration": 7} == now
    (twice,) = weights(with_weight(with_weight(before, "TaintToleration", 7), "TaintToleration", 2))
    assert twice["TaintToleration"] == 2


def test_weight_0_leaves_the_score_out_and_nothing_else() -> None:
    config = with_weight(load_config(HEAD), "NodeResourcesFit", 0)
    (profile,) = Engine(Cluster(), config).profiles.values()
    assert "NodeResourcesFit" not in profile.weights
    assert "NodeResourcesFit" in [plugin.name for plugin in profile.points["filter"]]


def test_a_plugin_that_the_user_has_enabled_for_score() -> None:
    score = {"disabled": [{"name": "*"}], "enabled": [{"name": "ImageLocality", "weight": 4}]}
    config = load_config({**HEAD, "profiles": [{"plugins": {"score": score}}]})
    assert weights(with_weight(config, "ImageLocality", 9)) == [{"ImageLocality": 9}]
    assert weights(with_weight(config, "ImageLocality", 0)) == [{}]


def test_profiles_where_it_does_not_score_stay_as_they_are() -> None:
    off = {"schedulerName": "second", "plugins": {"score": {"disabled": [{"name": "ImageLocality"}]}}}
    config = load_config({**HEAD, "profiles": [{"schedulerName": "first"}, off]})
    first, second = weights(with_weight(config, "ImageLocality", 9))
    assert first["ImageLocality"] == 9
    assert "ImageLocality" not in second
