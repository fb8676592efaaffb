"""Feature gates: honoured, or named as having no effect here."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.scheduler_perf import gates
from bench.scheduler_perf.gates import Effect
from bench.scheduler_perf.harness import Harness
from bench.scheduling.run import Interrupt
from tests.bench.scheduler_perf import files


@pytest.mark.parametrize(
    ("gate", "enabled", "effect"),
    [
        ("SchedulerQueueingHints", False, Effect.HONOURED),
        ("NodeDeclaredFeatures", False, Effect.HONOURED),
        ("SchedulerAsyncPreemption", False, Effect.HONOURED),
        ("NodeInclusionPolicyInPodTopologySpread", True, Effect.HONOURED),
        ("NodeInclusionPolicyInPodTopologySpread", False, Effect.NO_EFFECT),
        ("SchedulerAsyncAPICalls", True, Effect.NO_EFFECT),
        ("GangScheduling", True, Effect.NO_EFFECT),
        ("GangScheduling", False, Effect.HONOURED),
        ("FlyingPigs", True, Effect.UNKNOWN),
    ],
)
def test_each_setting_has_an_effect_or_says_that_it_has_none(gate: str, enabled: bool, effect: Effect) -> None:
    (setting,) = gates.settings({gate: enabled})
    assert (setting.gate, setting.enabled, setting.effect) == (gate, enabled, effect)
    assert bool(setting.reason) is (effect is Effect.NO_EFFECT)


def test_notes_name_what_is_not_honoured_once_with_how_many_workloads_have_it() -> None:
    first = gates.settings({"SchedulerQueueingHints": True, "DRAExtendedResource": False, "FlyingPigs": True})
    second = gates.settings({"DRAExtendedResource": False})
    assert gates.notes([first, second]) == [
        "DRAExtendedResource=false: no effect here: there are no resource claims, with it or without (2 workloads)",
        "warning: FlyingPigs=true: unknown gate, ignored (1 workload)",
    ]


def test_without_hints_upstream_runs_as_a_version_without_node_declared_features() -> None:
    assert gates.queueing_hints({}) and gates.async_preemption({})
    assert gates.disabled_plugins({}) == []
    assert gates.disabled_plugins({"SchedulerQueueingHints": False}) == ["NodeDeclaredFeatures"]
    assert gates.disabled_plugins({"SchedulerQueueingHints": False, "NodeDeclaredFeatures": True}) == []
    assert gates.disabled_plugins({"NodeDeclaredFeatures": False}) == ["NodeDeclaredFeatures"]


def test_gates_reach_the_scheduler(tmp_path: Path) -> None:
    gated = "  featureGates: {SchedulerQueueingHints: true, NodeDeclaredFeatures: true}\n"
    off = "    featureGates: {NodeDeclaredFeatures: false}\n"
    operations = "- {opcode: createPods, count: 0, collectMetrics: true}"
    for tail, expected in (("", True), (off, False)):
        found = files.job(tmp_path, operations, head=gated, tail=tail)
        harness = Harness(found, Interrupt(), 1.0, lambda done, total: None)
        names = {each.name for each in harness.scheduler.engine.profiles["default-scheduler"].points["filter"]}
        assert ("NodeDeclaredFeatures" in names) is expected
        assert "NodeResourcesFit" in names
