"""Object dumps as kubectl gives them: when pods come and end, what they ask for, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bench.traces.objects import read_objects
from bench.traces.trace import NodeShape, PodShape
from sched_core import InvalidObjects


def pod(name: str, created: str | None, phase: str = "Running", finished: str = "", **metadata: str) -> dict[str, Any]:
    status: dict[str, Any] = {"phase": phase, "startTime": "2026-01-01T00:00:01Z"}
    if finished:
        status["containerStatuses"] = [{"name": "c", "state": {"terminated": {"exitCode": 0, "finishedAt": finished}}}]
    requests = {"cpu": "1500m", "memory": "1Gi", "nvidia.com/gpu": "2"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "creationTimestamp": created, "uid": f"uid-{name}", **metadata},
        "spec": {"nodeName": "n0", "containers": [{"name": "c", "image": "i", "resources": {"requests": requests}}]},
        "status": status,
    }


NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "n0", "labels": {"nvidia.com/gpu.product": "A100"}},
    "status": {"allocatable": {"cpu": "8", "memory": "16Gi", "nvidia.com/gpu": "4", "pods": "110"}},
}


def dump(tmp_path: Path, *items: dict[str, Any], name: str = "dump.yaml") -> list[str]:
    content = {"apiVersion": "v1", "kind": "List", "items": items}
    path = tmp_path / name
    path.write_text(yaml.safe_dump(content) if name.endswith("yaml") else json.dumps(content), encoding="utf-8")
    return [str(path)]


@pytest.mark.parametrize("name", ["dump.yaml", "dump.json"])
def test_times_and_amounts(tmp_path: Path, name: str) -> None:
    pods = (
        pod("late", "2026-01-01T00:01:00Z", namespace="own"),
        pod("done", "2026-01-01T00:00:00Z", "Succeeded", "2026-01-01T00:00:30Z"),
        pod("going", "2026-01-01T00:00:20Z", deletionTimestamp="2026-01-01T00:00:50Z"),
    )
    nodes, trace = read_objects(dump(tmp_path, NODE, *pods, name=name))
    assert (nodes.names, nodes.shapes) == (["n0"], [NodeShape(8000, 16 << 30, 4, "A100")])
    assert list(trace.names) == ["done", "going", "own/late"]
    assert trace.created_s.tolist() == [0, 20, 60]
    assert trace.deleted_s.tolist() == [30, 50, np.inf]
    assert set(trace.shapes) == {PodShape(1500, 1 << 30, 2, 1000)}


def test_what_comes_again_is_as_it_was_before_it_was_placed(tmp_path: Path) -> None:
    _, trace = read_objects(dump(tmp_path, pod("a", "2026-01-01T00:00:00Z"), pod("b", "2026-01-01T00:00:00Z")))
    assert trace.templates is not None
    (template,) = trace.templates
    assert (template.spec.node_name, template.metadata.uid, template.status.phase) == ("", "", "")


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (pod("x", None), "Pod default/x: metadata.creationTimestamp: is missing"),
        (pod("x", "yesterday"), 'Pod default/x: metadata.creationTimestamp: "yesterday" is no time'),
        (
            pod("x", "2026-01-01T00:01:00Z", "Failed", "2026-01-01T00:00:59Z"),
            "Pod default/x: ends before it was created",
        ),
    ],
)
def test_faults_name_file_and_pod(tmp_path: Path, broken: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidObjects) as caught:
        read_objects(dump(tmp_path, broken))
    assert f"dump.yaml: {expected}" in str(caught.value)
