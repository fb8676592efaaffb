"""Object dumps (``kubectl get nodes,pods -A -o yaml``) → a trace and nodes, with all that the objects say.

A pod comes at its creationTimestamp. It goes when its last container finished, if it has ended; else at its
deletionTimestamp, if it has one; else never. Where it ran does not count, nor do volumes of claims, of which a dump of
pods has no more than the names.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from bench.traces.trace import WHOLE, Nodes, NodeShape, PodShape, Trace, in_order
from bench.workloads.openb import GPU, MODEL_LABEL
from sched_core import (
    InvalidObjects,
    Node,
    Pod,
    Problem,
    load,
    nanoseconds,
    parse_quantity,
    pod_key,
    pod_requests,
    resource_amount,
)
from sched_core.objects.source import find_sources, read_source, split_documents

SUFFIXES = (".yaml", ".yml", ".json", ".yaml.gz", ".yml.gz", ".json.gz")
ENDED = ("Succeeded", "Failed")


class _Finished(msgspec.Struct, rename="camel"):
    finished_at: str | None = None


class _State(msgspec.Struct):
    terminated: _Finished | None = None


class _ContainerStatus(msgspec.Struct):
    state: _State | None = None


class _Status(msgspec.Struct, rename="camel"):
    phase: str = ""
    container_statuses: list[_ContainerStatus] | None = None


class _Metadata(msgspec.Struct):
    name: str = ""
    namespace: str = "default"


class _Object(msgspec.Struct):
    """As much of a document as tells when a pod ended."""

    kind: str = ""
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    status: _Status | None = None
    items: list[msgspec.Raw] | None = None


def read_objects(files: Sequence[str]) -> tuple[Nodes, Trace]:
    """Read nodes and pods; either may be empty. Raises InvalidObjects."""
    loaded = load(files, strict=False)
    title = ", ".join(files)
    ends = _ends(files)
    problems: list[Problem] = []
    created, deleted = np.zeros(len(loaded.pods)), np.full(len(loaded.pods), np.inf)
    for number, pod in enumerate(loaded.pods):
        metadata, key = pod.metadata, pod_key(pod)
        created[number] = _seconds(metadata.creation_timestamp, title, key, "metadata.creationTimestamp", problems)
        end = ends.get(key)
        if end is not None:
            deleted[number] = _seconds(end, title, key, "status.containerStatuses", problems)
        elif metadata.deletion_timestamp is not None:
            deleted[number] = _seconds(metadata.deletion_timestamp, title, key, "metadata.deletionTimestamp", problems)
        if deleted[number] < created[number]:
            problems.append(Problem(title, f"Pod {key}", "", "ends before it was created"))
    if problems:
        raise InvalidObjects(problems)
    templates, shape_of = _distinct([_as_it_came(pod) for pod in loaded.pods])
    names = [pod_key(pod).replace("default/", "", 1) for pod in loaded.pods]
    trace = in_order(title, names, [shape(pod) for pod in templates], shape_of, created, deleted, templates)
    node_names = [node.metadata.name for node in loaded.nodes]
    nodes = list(loaded.nodes)
    node_of = np.arange(len(nodes), dtype=np.int32)
    return Nodes(title, node_names, [node_shape(node) for node in nodes], node_of, nodes), trace


def shape(pod: Pod) -> PodShape:
    """Return the amounts that a pod asks for; devices are whole here."""
    nano = pod_requests(pod, use_status=False)
    cpu, memory, gpus = (resource_amount(name, nano.get(name, 0)) for name in ("cpu", "memory", GPU))
    return PodShape(cpu, memory, gpus, WHOLE if gpus else 0)


def node_shape(node: Node) -> NodeShape:
    """Return the amounts that pods can have of a node."""
    given = node.status.allocatable or node.status.capacity
    cpu, memory, gpus = (resource_amount(name, parse_quantity(given.get(name, "0"))) for name in ("cpu", "memory", GPU))
    return NodeShape(cpu, memory, gpus, node.metadata.labels.get(MODEL_LABEL, ""))


def _as_it_came(pod: Pod) -> Pod:
    """Return a pod without its name and what became of it."""
    volumes = [each for each in pod.spec.volumes if each.persistent_volume_claim is None and each.ephemeral is None]
    spec = replace(pod.spec, node_name="", volumes=volumes)
    metadata = replace(
        pod.metadata, name="template", uid="", creation_timestamp=None, deletion_timestamp=None, generate_name=""
    )
    return Pod(api_version=pod.api_version, metadata=metadata, spec=spec)


T = TypeVar("T")


def _distinct(records: list[T]) -> tuple[list[T], NDArray[np.int32]]:
    number: dict[Hashable, int] = {}
    kept: list[T] = []
    of = np.zeros(len(records), np.int32)
    for position, record in enumerate(records):
        key = msgspec.json.encode(record)
        if key not in number:
            number[key] = len(kept)
            kept.append(record)
        of[position] = number[key]
    return kept, of


def _seconds(text: str | None, file: str, key: str, field: str, problems: list[Problem]) -> float:
    if text is None:
        problems.append(Problem(file, f"Pod {key}", field, "is missing"))
        return 0.0
    try:
        return nanoseconds(text) / 1e9
    except ValueError:
        problems.append(Problem(file, f"Pod {key}", field, f'"{text}" is no time'))
        return 0.0


def _ends(files: Sequence[str]) -> dict[str, str]:
    """Return when the last container of each pod that has ended finished, by ``namespace/name``."""
    ends: dict[str, str] = {}
    decode = msgspec.json.Decoder(_Object).decode

    def take(document: bytes | msgspec.Raw) -> None:
        each = decode(document)
        for item in each.items or ():
            take(item)
        if each.status is None or each.status.phase not in ENDED:
            return
        states = [status.state for status in each.status.container_statuses or ()]
        times = [state.terminated.finished_at for state in states if state and state.terminated]
        if times and all(times):
            ends[f"{each.metadata.namespace}/{each.metadata.name}"] = max(time for time in times if time)

    for source in find_sources(files):
        data = read_source(source)
        if isinstance(data, bytes):
            for document in split_documents(source.name, data):
                if document.json:
                    take(document.json)
    return ends
