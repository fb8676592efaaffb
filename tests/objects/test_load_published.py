"""All published objects load without a problem: the golden scenarios and the templates of scheduler_perf."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sched_core.errors import InvalidObjects
from sched_core.objects.load import load, load_documents

SHARED = Path(__file__).parents[3] / "shared"
GOLDEN = sorted((SHARED / "golden" / "sched").glob("*.json.gz"))
TEMPLATES = [
    path
    for path in sorted((SHARED / "data" / "scheduler_perf").rglob("templates/**/*.yaml"))
    if "{{" not in path.read_text()
]
# The benchmark's harness names these itself, or reads field names without regard to case.
NOT_AS_FILES = {
    "namespace-with-labels.yaml": ["metadata.name"],
    "pv-aws.yaml": ["metadata.name"],
    "pv-csi.yaml": ["metadata.name"],
    "pvc-once-pod.yaml": ["metadata.name"],
    "pvc.yaml": ["metadata.name"],
    "pod-with-node-inclusion-policy.yaml": [
        "spec.topologySpreadConstraints[0].NodeAffinityPolicy",
        "spec.topologySpreadConstraints[0].NodeTaintsPolicy",
    ],
}
needs_shared = pytest.mark.skipif(not SHARED.exists(), reason="the published data in ../shared is not here")


@needs_shared
@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.name)
def test_golden_objects_load(path: Path) -> None:
    for scenario in json.loads(gzip.decompress(path.read_bytes())):
        documents: list[dict[str, Any]] = scenario.get("objects", []) + scenario.get("pods", [])
        objects = load_documents(documents)
        others = sum(len(records) for records in objects.others.values())
        assert len(objects.nodes) + len(objects.pods) + len(objects.namespaces) + others == len(documents)
        for step in scenario.get("steps", []):
            if "object" in step:
                assert load_documents([step["object"]]).ignored == {}


@needs_shared
@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_load(path: Path) -> None:
    try:
        objects = load([path])
    except InvalidObjects as error:
        assert [problem.field for problem in error.problems] == NOT_AS_FILES[path.name]
    else:
        assert path.name not in NOT_AS_FILES
        assert objects.ignored == {}
