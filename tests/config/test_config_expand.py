"""Expansion of profiles: what runs where, and what cannot be expanded."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sched_core.config import (
    UPSTREAM_PLUGINS,
    ExpandedProfile,
    ProfileConfig,
    expand,
    load_config,
    validate_profiles,
)
from sched_core.config.expand import _weights
from sched_core.config.findings import Findings
from sched_core.config.types import EXTENSION_POINTS, Plugin
from sched_core.errors import InvalidConfig

PLUGINS: Mapping[str, frozenset[str]] = {
    **UPSTREAM_PLUGINS,
    "OtherSort": frozenset({"queueSort"}),
    "Other": frozenset({"filter", "score", "normalizeScore"}),
    "Generator": frozenset({"placementGenerate"}),
    "Generator2": frozenset({"placementGenerate"}),
}


def profile(plugins: str = "{}", rest: str = "") -> ProfileConfig:
    text = (
        "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
        f"profiles:\n- schedulerName: mine\n  plugins: {plugins}\n{rest}"
    )
    return load_config(text.encode()).profiles[0]


def expanded(plugins: str = "{}", rest: str = "") -> ExpandedProfile:
    return expand(profile(plugins, rest), PLUGINS.__getitem__)


def test_default_profile() -> None:
    result = expanded()
    assert result.scheduler_name == "mine"
    assert {point: " ".join(names) for point, names in result.points.items()} == {
        "preEnqueue": "SchedulingGates DynamicResources DefaultPreemption",
        "queueSort": "PrioritySort",
        "preFilter": "NodeAffinity NodePorts NodeResourcesFit VolumeRestrictions NodeVolumeLimits VolumeBinding"
        " VolumeZone PodTopologySpread InterPodAffinity DynamicResources NodeDeclaredFeatures",
        "filter": "NodeUnschedulable NodeName TaintToleration NodeAffinity NodePorts NodeResourcesFit"
        " VolumeRestrictions NodeVolumeLimits VolumeBinding VolumeZone PodTopologySpread InterPodAffinity"
        " DynamicResources NodeDeclaredFeatures",
        "postFilter": "DynamicResources DefaultPreemption",
        "preScore": "TaintToleration NodeAffinity NodeResourcesFit VolumeBinding PodTopologySpread InterPodAffinity"
        " NodeResourcesBalancedAllocation",
        "score": "TaintToleration NodeAffinity NodeResourcesFit VolumeBinding PodTopologySpread InterPodAffinity"
        " DynamicResources NodeResourcesBalancedAllocation ImageLocality",
        "reserve": "VolumeBinding DynamicResources",
        "permit": "",
        "preBind": "VolumeBinding DynamicResources",
        "bind": "DefaultBinder",
        "postBind": "",
        "placementGenerate": "",
        "placementScore": "NodeResourcesFit",
    }
    assert dict(result.score_weights) == {
        "TaintToleration": 3,
        "NodeAffinity": 2,
        "NodeResourcesFit": 1,
        "VolumeBinding": 1,
        "PodTopologySpread": 2,
        "InterPodAffinity": 2,
        "DynamicResources": 2,
        "NodeResourcesBalancedAllocation": 1,
        "ImageLocality": 1,
    }
    assert "NodeResourcesFit" in result.args


def test_all_points_of_upstream_plugins_exist() -> None:
    assert set().union(*UPSTREAM_PLUGINS.values()) <= set(EXTENSION_POINTS)


def test_explicit_plugins_come_before_those_of_multi_point_and_new_ones_after() -> None:
    score = expanded("{score: {enabled: [{name: Other}, {name: ImageLocality}, {name: NodeAffinity}]}}").points["score"]
    assert score[:3] == ("ImageLocality", "NodeAffinity", "TaintToleration")
    assert score[-1] == "Other"


def test_an_explicit_weight_counts_and_zero_is_one() -> None:
    plugins = "{score: {enabled: [{name: NodeAffinity, weight: 7}, {name: TaintToleration}]}}"
    weights = expanded(plugins).score_weights
    assert (weights["NodeAffinity"], weights["TaintToleration"], weights["ImageLocality"]) == (7, 1, 1)


def test_weights_are_those_of_plugins_that_score() -> None:
    result = expanded("{score: {disabled: [{name: ImageLocality}]}, multiPoint: {enabled: [{name: Other, weight: 4}]}}")
    assert set(result.score_weights) == set(result.points["score"])
    assert result.score_weights["Other"] == 4


def test_disabling_at_one_point_leaves_the_others() -> None:
    result = expanded("{filter: {disabled: [{name: '*'}]}, preScore: {disabled: [{name: NodeAffinity}]}}")
    assert result.points["filter"] == ()
    assert "NodeAffinity" not in result.points["preScore"]
    assert "NodeAffinity" in result.points["score"]


def test_only_what_is_named_is_needed() -> None:
    few = "{multiPoint: {disabled: [{name: '*'}], enabled: [{name: DefaultBinder}, {name: PrioritySort}]}}"
    result = expanded(few, "  pluginConfig: [{name: NodeResourcesFit, args: {}}, {name: DefaultBinder, args: {a: 1}}]")
    assert {point: names for point, names in result.points.items() if names} == {
        "queueSort": ("PrioritySort",),
        "bind": ("DefaultBinder",),
    }
    assert (dict(result.score_weights), dict(result.args)) == ({}, {"DefaultBinder": {"a": 1}})


FOR_MINE = 'for profile with scheduler name "mine"'
BAD = [
    (
        "{multiPoint: {enabled: [{name: NodeAffinity}, {name: NodeAffinity}]}}",
        "plugins.multiPoint",
        'plugin "NodeAffinity" already registered as "PreFilterPlugin"',
    ),
    (
        "{score: {enabled: [{name: Other}, {name: Other}]}}",
        "plugins.score",
        'plugin "Other" already registered as "ScorePlugin"',
    ),
    ("{multiPoint: {enabled: [{name: Foo}]}}", "plugins.multiPoint", 'PreFilterPlugin "Foo" does not exist'),
    ("{score: {enabled: [{name: Foo}]}}", "plugins.score", 'ScorePlugin "Foo" does not exist'),
    (
        "{permit: {enabled: [{name: NodeName}]}}",
        "plugins.permit",
        'plugin "NodeName" does not extend PermitPlugin plugin',
    ),
    (
        "{queueSort: {disabled: [{name: '*'}]}}",
        "plugins.queueSort",
        f"only one queue sort plugin required {FOR_MINE}, but got 0",
    ),
    (
        "{queueSort: {enabled: [{name: OtherSort}]}}",
        "plugins.queueSort",
        f"only one queue sort plugin required {FOR_MINE}, but got 2",
    ),
    ("{bind: {disabled: [{name: '*'}]}}", "plugins.bind", f"at least one bind plugin is needed {FOR_MINE}"),
    (
        "{placementGenerate: {enabled: [{name: Generator}, {name: Generator2}]}}",
        "plugins.placementGenerate",
        f"at most one placement generate plugin is allowed {FOR_MINE}",
    ),
]


@pytest.mark.parametrize(("plugins", "field", "reason"), BAD)
def test_what_cannot_be_expanded(plugins: str, field: str, reason: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        expanded(plugins)
    [problem] = raised.value.problems
    assert (problem.object, problem.field, problem.reason) == ('profile "mine"', field, reason)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidConfig) as raised:
        expanded("{score: {enabled: [{name: Foo}, {name: NodeName}]}, multiPoint: {enabled: [{name: Bar}]}}")
    assert [problem.reason for problem in raised.value.problems] == [
        'ScorePlugin "Foo" does not exist',
        'PreFilterPlugin "Bar" does not exist',
        'plugin "NodeName" does not extend ScorePlugin plugin',
    ]


def test_weights_that_could_overflow() -> None:
    # No configuration on the wire can hold such a weight, one made in memory can.
    findings = Findings("")
    entries = (Plugin("A", 2**62 // 100), Plugin("B", 2**62 // 100))
    points = {"A": frozenset({"score"}), "B": frozenset({"score"})}
    assert set(_weights(entries, points, findings)) == {"A", "B"}
    assert findings.problems == []
    _weights((*entries, Plugin("C", 1)), {**points, "C": frozenset({"score"})}, findings)
    assert [problem.reason for problem in findings.problems] == [
        "score plugins: total score of Score plugins could overflow"
    ]


def sorted_by(name: str, plugin: str, args: object = None) -> ExpandedProfile:
    points: dict[str, tuple[str, ...]] = {**dict.fromkeys(EXTENSION_POINTS, ()), "queueSort": (plugin,)}
    given = {} if args is None else {plugin: {"value": args}}
    return ExpandedProfile(scheduler_name=name, points=points, score_weights={}, args=given)


def test_profiles_that_go_together() -> None:
    validate_profiles([sorted_by("a", "S", 1), sorted_by("b", "S", 1)])
    validate_profiles([expanded()])


@pytest.mark.parametrize(
    ("profiles", "field", "reason"),
    [
        ([], "profiles", "at least one profile is required"),
        (
            [sorted_by("a", "S"), sorted_by("b", "T")],
            "profiles[1]",
            'different queue sort plugins for profile "b": "T", first: "S"',
        ),
        (
            [sorted_by("a", "S", 1), sorted_by("b", "S", 1), sorted_by("c", "S", 2)],
            "profiles[2]",
            'different queue sort plugin args for profile "c"',
        ),
        ([sorted_by("a", "S"), sorted_by("a", "S")], "profiles[1]", 'duplicate profile with scheduler name "a"'),
    ],
)
def test_profiles_that_do_not_go_together(profiles: list[ExpandedProfile], field: str, reason: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        validate_profiles(profiles)
    [problem] = raised.value.problems
    assert (problem.field, problem.reason) == (field, reason)
