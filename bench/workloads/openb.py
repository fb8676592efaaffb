"""Production lists in the openb format (Alibaba cluster-trace-gpu-v2023) → nodes and pods.

Reads CPU, memory and GPUs. A pod that asks for a part of one GPU says so by an annotation, which plugins for GPU
sharing read; for all others it asks for a whole one. Times, phases and QoS are not read: all pods are pending at once,
in the order of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.workloads.csv_rows import Row, read_rows
from bench.workloads.manifests import nodes_from, pods_from
from bench.workloads.variety import affinity, expression, pod_manifest
from sched_core import NodeArray, PodArray

GPU = "nvidia.com/gpu"
MODEL_LABEL = "nvidia.com/gpu.product"
MILLI_ANNOTATION = "alibabacloud.com/gpu-milli"
"""How much a pod asks for of each of its devices, in 1/1000; without it, all of it."""
WHOLE = 1000
MAX_PODS = "110"
NODE_COLUMNS = ("sn", "cpu_milli", "memory_mib", "gpu", "model")
POD_COLUMNS = ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli")
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
OBJECT_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class Trace(NamedTuple):
    """What two lists contain, and how many pods ask for a part of a GPU."""

    nodes: NodeArray
    pods: PodArray
    shared_gpu_pods: int


class NodeShape(NamedTuple):
    """What a line of the node list says, less the name."""

    cpu_milli: int
    memory_mib: int
    gpus: int
    model: str

    @property
    def title(self) -> str:
        """Return a short name such as ``96 CPU 384 GiB 8×G2``."""
        gpus = f" {self.gpus}×{self.model or 'GPU'}" if self.gpus else ""
        return f"{self.cpu_milli / 1000:g} CPU {self.memory_mib / 1024:g} GiB{gpus}"


class PodShape(NamedTuple):
    """What a line of the pod list says, less the name."""

    cpu_milli: int
    memory_mib: int
    gpus: int
    gpu_milli: int
    models: tuple[str, ...]


Shape = TypeVar("Shape", bound=Hashable)


def read_trace(nodes_csv: Path, pods_csv: Path) -> Trace:
    """Read both lists; raises InvalidObjects with every problem (file, line, column, value) found in a list."""
    node_names, node_shapes = _read(nodes_csv, NODE_COLUMNS, "sn", _node_shape)
    pod_names, pods = _read(pods_csv, POD_COLUMNS, "name", _pod_shape)
    node_templates, node_template_of = _distinct(node_shapes)
    pod_templates, pod_template_of = _distinct([shape for shape, _ in pods])
    return Trace(
        NodeArray(node_names, nodes_from([_node_manifest(shape) for shape in node_templates]), node_template_of),
        PodArray(pod_names, pods_from([_pod_manifest(shape) for shape in pod_templates]), pod_template_of),
        sum(shared for _, shared in pods),
    )


Read = TypeVar("Read")


def _read(path: Path, columns: Sequence[str], name: str, parse: Callable[[Row], Read]) -> tuple[list[str], list[Read]]:
    names: list[str] = []
    parsed: list[Read] = []
    with read_rows(path, columns) as rows:
        for row in rows:
            names.append(row.unique(name, OBJECT_NAME, "the name of an object (a-z, 0-9, - and .)"))
            parsed.append(parse(row))
    return names, parsed


def _node_shape(row: Row) -> NodeShape:
    model = row.matching("model", LABEL_VALUE, "a label value") if row.text("model") else ""
    return NodeShape(row.number("cpu_milli"), row.number("memory_mib"), row.number("gpu"), model)


def _pod_shape(row: Row) -> tuple[PodShape, bool]:
    gpus, gpu_milli = row.number("num_gpu"), min(row.number("gpu_milli"), WHOLE)
    models = tuple(row.text("gpu_spec").split("|")) if row.text("gpu_spec") else ()
    for model in models:
        row.check("gpu_spec", LABEL_VALUE.fullmatch(model) is not None, "a list of label values, separated by |")
    shape = PodShape(row.number("cpu_milli"), row.number("memory_mib"), gpus, gpu_milli if gpus else 0, models)
    return shape, gpus > 0 and gpu_milli < WHOLE


def _distinct(shapes: Sequence[Shape]) -> tuple[list[Shape], NDArray[np.int32]]:
    number: dict[Shape, int] = {}
    template_of = np.array([number.setdefault(shape, len(number)) for shape in shapes], dtype=np.int32)
    return list(number), template_of


def _node_manifest(shape: NodeShape) -> dict[str, Any]:
    amounts = {"cpu": f"{shape.cpu_milli}m", "memory": f"{shape.memory_mib}Mi", "pods": MAX_PODS}
    return gpu_node_manifest(shape.title, amounts, shape.gpus, shape.model)


def gpu_node_manifest(title: str, amounts: dict[str, str], gpus: int, model: str) -> dict[str, Any]:
    """Return a v1 Node with amounts of resources and some GPUs of a model."""
    labels = {"kubernetes.io/hostname": "template", "node.kubernetes.io/instance-type": title}
    if model:
        labels[MODEL_LABEL] = model
    resources = amounts | ({GPU: str(gpus)} if gpus else {})
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "template", "labels": labels},
        "status": {"capacity": resources, "allocatable": resources},
    }


def _pod_manifest(shape: PodShape) -> dict[str, Any]:
    amounts = {"cpu": f"{shape.cpu_milli}m", "memory": f"{shape.memory_mib}Mi"}
    return gpu_pod_manifest(amounts, shape.gpus, shape.gpu_milli, shape.models)


def gpu_pod_manifest(amounts: dict[str, str], gpus: int, gpu_milli: int, models: Sequence[str]) -> dict[str, Any]:
    """Return a v1 Pod that asks for amounts of resources and ``gpu_milli`` of each of some GPUs of some models."""
    devices = {GPU: str(gpus)} if gpus else {}
    spec = affinity(required=[[expression(MODEL_LABEL, "In", *models)]]) if models else {}
    manifest = pod_manifest({"requests": amounts | devices, "limits": devices}, spec, image="")
    if gpus and gpu_milli < WHOLE:
        manifest["metadata"]["annotations"] = {MILLI_ANNOTATION: str(gpu_milli)}
    return manifest
