"""Traces and nodes → ordinary Kubernetes objects: devices as ``nvidia.com/gpu``, a part of one as an annotation.

Objects that were read from a dump stay as they are.
"""

from __future__ import annotations

from typing import Any

from bench.traces.trace import Nodes, NodeShape, PodShape, Trace
from bench.workloads.manifests import nodes_from, pods_from
from bench.workloads.openb import gpu_node_manifest, gpu_pod_manifest
from sched_core import NodeArray, PodArray

MAX_PODS = 110


def node_array(nodes: Nodes, max_pods: int = MAX_PODS) -> NodeArray:
    """Return nodes as objects, on each of which at most ``max_pods`` pods may run."""
    templates = nodes.templates
    if templates is None:
        templates = nodes_from([_node_manifest(shape, max_pods) for shape in nodes.shapes])
    return NodeArray(nodes.names, templates, nodes.shape_of)


def pod_array(trace: Trace) -> PodArray:
    """Return pods as objects, in their order of arrival."""
    templates = trace.templates
    if templates is None:
        templates = pods_from([_pod_manifest(shape) for shape in trace.shapes])
    return PodArray(trace.names, templates, trace.shape_of)


def _node_manifest(shape: NodeShape, max_pods: int) -> dict[str, Any]:
    amounts = {"cpu": f"{shape.cpu_milli}m", "memory": str(shape.memory_bytes), "pods": str(max_pods)}
    return gpu_node_manifest(shape.title, amounts, shape.gpus, shape.model)


def _pod_manifest(shape: PodShape) -> dict[str, Any]:
    amounts = {"cpu": f"{shape.cpu_milli}m", "memory": str(shape.memory_bytes)}
    return gpu_pod_manifest(amounts, shape.gpus, shape.gpu_milli, shape.models)
