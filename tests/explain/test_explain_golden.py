"""Explanations agree with what kube-scheduler recorded: scores, totals, and the first reason of each refused node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.verify.read import Scenario, find_files, read
from sched_core import Cluster, Engine, NotSupported, load_config, load_documents
from sched_core.explain import Explanation, explain

Json = dict[str, Any]
FAMILIES = ("fit", "taints", "nodeaffinity", "podaffinity", "spread", "unschedulable", "volumes", "weights")


def scores(found: Explanation, field: str) -> Json:
    return {
        plugin: {each.node: each.scores[plugin]._asdict()[field] for each in found.nodes if each.feasible}
        for plugin in found.weights
    }


def refused(found: Explanation) -> Json:
    groups: dict[str, list[str]] = {}
    for each in found.nodes:
        if not each.feasible:
            groups.setdefault(f"{each.refused_by}|{';'.join(sorted(each.reasons))}", []).append(each.node)
    return {key: sorted(names) for key, names in groups.items()}


def compare(found: Explanation, expected: Json) -> None:
    if expected.get("skipped"):
        assert (found.outcome, found.nodes) == ("not tried", ())
        assert expected["reason"] in found.message
    elif "error" in expected:
        assert (found.outcome, found.message) == ("error", expected["error"])
    elif not expected.get("nominatedNodeUsed"):
        assert sorted(each.node for each in found.nodes if each.feasible) == expected["feasible"]
        assert refused(found) == expected.get("infeasible", {})
        assert found.weights == expected.get("weights", {})
        assert scores(found, "raw") == expected.get("rawScores", {})
        assert scores(found, "normalized") == expected.get("scores", {})
        totals = {each.node: each.total for each in found.nodes if each.total is not None}
        assert totals == expected.get("total", {})
        assert (found.node is None) == bool(expected.get("unschedulable"))
        for each in found.nodes:
            assert each.total is None or each.total == sum(score.weighted for score in each.scores.values())
            if each.refused_by in each.verdicts:
                assert each.verdicts[each.refused_by] == ", ".join(each.reasons)


@pytest.mark.parametrize("family", FAMILIES)
def test_recorded_decisions_are_explained(golden: Path, family: str) -> None:
    (scenarios,) = read(find_files([golden / f"{family}.json.gz"]))
    explained = 0
    for scenario in scenarios.scenarios[:6]:
        assert isinstance(scenario, Scenario)
        cluster = Cluster.from_objects(load_documents(map(bytes, scenario.objects)))
        engine = Engine(cluster, load_config(scenario.config), speed="cycle")
        for pod, expected in zip(load_documents(map(bytes, scenario.pods)).pods, scenario.expect, strict=True):
            try:
                found = explain(engine, pod, fixes=0)
            except NotSupported:
                break
            compare(found, expected)
            explained += 1
            if found.decision is not None and "chosen" in expected:
                engine.assume(found.decision, expected["chosen"])
    assert explained > 50
