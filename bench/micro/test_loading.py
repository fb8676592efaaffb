"""Loading: objects as JSON to records, records to columns."""

from __future__ import annotations

from typing import Any

import msgspec

from bench.workloads.nodes import synthetic_nodes
from bench.workloads.variety import distinct_manifests
from sched_core import Cluster, load_documents

NODES, PODS = 10_000, 10_000


def test_objects_from_json(benchmark: Any) -> None:
    """Decode and check 10,000 pods of one list."""
    pods = distinct_manifests(PODS, 3, 0)
    for number, pod in enumerate(pods):
        pod["metadata"]["name"] = f"pod-{number}"
    document = msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": pods})
    assert len(benchmark(load_documents, [document]).pods) == PODS


def test_columns_from_templates(benchmark: Any) -> None:
    """Build the columns of 10,000 nodes."""
    nodes = synthetic_nodes(NODES, 3, 0)
    assert benchmark(Cluster.from_array, nodes).nodes.count == NODES
