"""Tiny clusters for the tests of plugins: plain objects in, columns and rows out. Nothing is scheduled here."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sched_core import Cluster, Code, Node, NodeColumns, Plugin, Pod, PodInfo, Verdicts

Json = dict[str, Any]

Mi, Gi = 1 << 20, 1 << 30

_NODE_COLUMNS = ("allocatable", "requested", "nonzero_requested", "used_ports", "pod_count", "allowed_pods")


def node(name: str, *, labels: dict[str, str] | None = None, spec: Json | None = None, **status: Any) -> Json:
    """Return a node object with room for 110 pods, 4 cores and 32 GiB unless ``allocatable`` says otherwise."""
    status.setdefault("allocatable", {"cpu": "4", "memory": "32Gi", "pods": "110"})
    metadata = {"name": name, "labels": labels or {}}
    return {"kind": "Node", "metadata": metadata, "spec": spec or {}, "status": status}


def pod(name: str = "web", *, requests: Json | None = None, **spec: Any) -> Json:
    """Return a pod object with one container, or with those in ``containers``."""
    spec.setdefault("containers", [{"name": "main", "image": "app", "resources": {"requests": requests or {}}}])
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


class Tiny:
    """A few nodes, and pods that run on them (those with ``nodeName``)."""

    def __init__(self, *objects: Json) -> None:
        self.cluster = Cluster()
        for each in objects:
            if each["kind"] == "Node":
                self.cluster.add_node(msgspec.convert(each, Node))
        for each in objects:
            if each["kind"] == "Pod":
                self.cluster.add_pod(msgspec.convert(each, Pod))

    @property
    def nodes(self) -> NodeColumns:
        return self.cluster.nodes

    def info(self, name: str = "web", **spec: Any) -> PodInfo:
        """Return a pending pod as plugins see it; arguments as of `pod`."""
        return self.cluster.classes.info(msgspec.convert(pod(name, **spec), Pod))

    def each(self, plugin: Plugin, function: Callable[..., Any], waiting: PodInfo) -> list[int]:
        """Call a row function for each node, as plain Python."""
        args = SimpleNamespace(**plugin.row_args(self.nodes))
        return [int(function(waiting, self.row(number), args)) for number in range(self.nodes.count)]

    def row(self, number: int) -> SimpleNamespace:
        """Return what a row function sees of a node."""
        return SimpleNamespace(**{name: getattr(self.nodes, name)[..., number] for name in _NODE_COLUMNS})


def refusals(nodes: NodeColumns, verdicts: Verdicts) -> dict[str, tuple[tuple[str, ...], Code]]:
    """Return the reasons and the code of each node that a filter in array form refuses."""
    assert verdicts.bits.shape == (nodes.count,) and verdicts.bits.dtype == np.int64
    assert verdicts.unresolvable is None
    return {
        nodes.names[number]: (
            tuple(text for bit, text in enumerate(verdicts.reasons) if bits >> bit & 1),
            verdicts.code,
        )
        for number, bits in enumerate(verdicts.bits.tolist())
        if bits
    }


def by_name(nodes: NodeColumns, scores: NDArray[np.int64]) -> dict[str, int]:
    """Return an array over nodes by name."""
    assert scores.shape == (nodes.count,) and scores.dtype == np.int64
    return dict(zip(nodes.names, scores.tolist(), strict=True))
