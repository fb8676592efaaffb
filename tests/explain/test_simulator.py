"""The annotations of kube-scheduler-simulator: its keys, its forms, its spelling of JSON."""

from __future__ import annotations

import json
from typing import Any

from sched_core import Pod
from sched_core.explain import explain, simulator_annotations
from sched_core.explain.simulator import HISTORY, PREFIX, as_go_writes
from tests.explain.clusters import engine_of, load, node, pod

Json = dict[str, Any]
KEYS = (
    "bind-result", "filter-result", "finalscore-result", "permit-result", "permit-result-timeout", "postfilter-result",
    "prebind-result", "prefilter-result", "prefilter-result-status", "prescore-result", "reserve-result",
    "result-history", "score-result", "selected-node",
)  # fmt: skip


def annotated(*objects: Json) -> tuple[dict[str, str], Pod]:
    loaded, web = load(*objects)
    engine = engine_of(loaded)
    return simulator_annotations(engine, web, explain(engine, web)), web


def value(found: dict[str, str], key: str) -> Any:
    return json.loads(found[f"{PREFIX}{key}"])


def test_a_pod_that_fits() -> None:
    gpu = node("n2", spec={"taints": [{"key": "gpu", "effect": "NoSchedule"}]})
    found, _ = annotated(node("n0"), node("n1", cpu="8"), gpu, pod(requests={"cpu": "1", "memory": "1Gi"}))
    assert sorted(found) == [f"{PREFIX}{key}" for key in KEYS]
    assert found[f"{PREFIX}selected-node"] == "n1"
    passed = ("NodeName", "NodeResourcesFit", "NodeUnschedulable", "TaintToleration")
    assert value(found, "filter-result") == {
        "n0": dict.fromkeys(passed, "passed"),
        "n1": dict.fromkeys(passed, "passed"),
        "n2": {
            "NodeName": "passed",
            "NodeUnschedulable": "passed",
            "TaintToleration": "node(s) had untolerated taint(s)",
        },
    }
    assert value(found, "score-result")["n0"]["TaintToleration"] == "0"
    assert value(found, "finalscore-result")["n0"]["TaintToleration"] == "300"
    assert value(found, "prefilter-result-status")["NodeAffinity"] == ""  # Skip, and upstream's message of it
    assert value(found, "prescore-result")["TaintToleration"] == "success"
    assert value(found, "reserve-result") == {"VolumeBinding": "success"}
    assert value(found, "bind-result") == {"DefaultBinder": "success"}
    for key in ("permit-result", "permit-result-timeout", "postfilter-result", "prefilter-result"):
        assert found[f"{PREFIX}{key}"] == "{}"


def test_the_history_goes_on() -> None:
    before = [{f"{PREFIX}selected-node": "gone"}]
    waiting = pod()
    waiting["metadata"]["annotations"] = {HISTORY: json.dumps(before)}
    found, _ = annotated(node("n0"), waiting)
    first, last = json.loads(found[HISTORY])
    assert first == before[0]
    assert last == {key: text for key, text in found.items() if key != HISTORY}


def test_a_history_that_is_none_is_begun_anew() -> None:
    waiting = pod()
    waiting["metadata"]["annotations"] = {HISTORY: "no list"}
    found, _ = annotated(node("n0"), waiting)
    assert len(json.loads(found[HISTORY])) == 1


def test_preemption_marks_the_node() -> None:
    found, _ = annotated(
        node("n0"), node("n1", cpu="1"), pod("p0", {"cpu": "4"}, nodeName="n0"), pod(requests={"cpu": "2"}, priority=9)
    )
    assert found[f"{PREFIX}selected-node"] == ""
    assert value(found, "postfilter-result") == {"n0": {"DefaultPreemption": "preemption victim"}, "n1": {}}
    for key in ("score-result", "finalscore-result", "prescore-result", "bind-result", "reserve-result"):
        assert value(found, key) == {}


def test_nodes_that_pre_filter_names() -> None:
    fields = [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": fields}]}}
    found, _ = annotated(node("n0"), node("n1"), pod(affinity={"nodeAffinity": required}))
    assert value(found, "prefilter-result") == {"NodeAffinity": ["n1"]}
    assert list(value(found, "filter-result")) == ["n1"]


def test_a_pod_that_pre_filter_refuses() -> None:
    found, _ = annotated(node("n0"), pod(volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]))
    status = value(found, "prefilter-result-status")
    assert 'persistentvolumeclaim "d" not found' in status.values()
    assert value(found, "filter-result") == {}


def test_a_pod_that_is_not_tried_has_none() -> None:
    found, _ = annotated(node("n0"), pod(schedulerName="other"))
    assert found == {}


def test_json_is_spelt_as_go_does() -> None:
    assert as_go_writes({"b": "<&>", "a": ["é\u2028"]}) == '{"a":["é\\u2028"],"b":"\\u003c\\u0026\\u003e"}'
