"""A plugin with columns of its own for the tests of the engine: devices in parts, as `tests.naive.devices` has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sched_core import Cluster, Column, Node, NodeColumns, Plugin, Pod, PodInfo, SchedulerConfiguration, load_config
from tests.engine.worlds import Json, node, pod
from tests.naive.devices import DEVICES

LABEL, PARTS, DEVICE, RANK = "devices", "parts", "device", "rank"


class Columns(Plugin):
    """Filter, score and columns; the device that a bound pod holds may stand in an annotation."""

    reasons = ("no device with room",)
    costly = True
    node_columns = (Column("device_free", np.int32, (DEVICES,)), Column("device_pods", np.int64))
    pod_columns = (Column("device_parts"), Column("device_held", np.int8))
    placed_columns = (Column("device_taken", np.int8),)

    def fill_node(self, node: Node) -> Mapping[str, Any]:
        count = int(node.metadata.labels.get(LABEL, "0"))
        return {"device_free": [1000] * count + [-1] * (DEVICES - count)}

    def fill_pod(self, pod: Pod) -> Mapping[str, Any]:
        notes = pod.metadata.annotations
        return {"device_parts": int(notes.get(PARTS, "0")), "device_held": int(notes.get(DEVICE, "-1")) + 1}

    def rank_nodes(self, nodes: NodeColumns) -> NDArray[np.int64]:
        column = nodes.label(RANK)
        return np.array([*map(int, column.values), 0], np.int64)[column.ids]

    def row_tables(self, nodes: NodeColumns) -> Mapping[str, NDArray[Any]]:
        return {"worth": np.array([[50, 100]])}

    @staticmethod
    def filter_row(pod: Any, node: Any, args: Any) -> Any:
        room = pod.device_parts == 0
        for device in range(len(node.device_free)):
            room |= node.device_free[device] >= max(pod.device_parts, 1)
        return 0 if room else 1

    @staticmethod
    def score_row(pod: Any, node: Any, args: Any) -> Any:
        if pod.device_parts == 0:
            return args.worth[0, 0]
        left = 1001
        for device in range(len(node.device_free)):
            if node.device_free[device] >= max(pod.device_parts, 1):
                left = min(left, node.device_free[device])
        return args.worth[0, len(args.worth)] - (left - pod.device_parts) // 10


class Devices(Columns):
    """What placements do, in compiled form."""

    @staticmethod
    def reserve_row(pod: Any, node: Any, args: Any) -> Any:
        node.device_pods += 1
        if pod.device_taken == 0:
            pod.device_taken = pod.device_held
        if pod.device_parts > 0:
            if pod.device_taken == 0:
                for device in range(len(node.device_free)):
                    if node.device_free[device] >= pod.device_parts and (
                        pod.device_taken == 0 or node.device_free[device] < node.device_free[pod.device_taken - 1]
                    ):
                        pod.device_taken = device + 1
            if pod.device_taken > 0:
                node.device_free[pod.device_taken - 1] -= pod.device_parts

    @staticmethod
    def unreserve_row(pod: Any, node: Any, args: Any) -> Any:
        node.device_pods -= 1
        if pod.device_taken > 0:
            node.device_free[pod.device_taken - 1] += pod.device_parts


class DevicesInPython(Columns):
    """The same in Python."""

    def reserve_pod(self, pod: PodInfo, node: Any, placed: Any) -> None:
        node.device_pods += 1
        parts = int(pod.own("device_parts"))
        if placed.device_taken == 0:
            placed.device_taken = pod.own("device_held")
        if parts and placed.device_taken == 0:
            fitting = [device for device in range(DEVICES) if node.device_free[device] >= parts]
            if fitting:
                placed.device_taken = 1 + min(fitting, key=lambda device: int(node.device_free[device]))
        if parts and placed.device_taken:
            node.device_free[placed.device_taken - 1] -= parts

    def unreserve_pod(self, pod: PodInfo, node: Any, placed: Any) -> None:
        node.device_pods -= 1
        if placed.device_taken:
            node.device_free[placed.device_taken - 1] += pod.own("device_parts")


FORMS: dict[str, type[Plugin]] = {"compiled": Devices, "Python": DevicesInPython}


def config(*names: str) -> SchedulerConfiguration:
    """Return a configuration with NodeResourcesFit as a filter and these plugins at all their points."""
    fit = {"enabled": [{"name": "NodeResourcesFit"}]}
    enabled = [{"name": name} for name in ("PrioritySort", "DefaultBinder", *names)]
    plugins = {"multiPoint": {"disabled": [{"name": "*"}], "enabled": enabled}, "preFilter": fit, "filter": fit}
    header = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
    return load_config({**header, "percentageOfNodesToScore": 100, "profiles": [{"plugins": plugins}]})


def machine(name: str, cpu: int, devices: int, rank: int, **labels: str) -> Json:
    """Return a node."""
    return node(name, labels={LABEL: str(devices), RANK: str(rank), **labels}, cpu=f"{cpu}m")


def user(name: str, cpu: int, parts: int, **notes: str) -> Json:
    """Return a pod that takes parts of a device."""
    made = pod(name, {"cpu": f"{cpu}m"})
    made["metadata"]["annotations"] = {PARTS: str(parts), **notes}
    return made


def taken(cluster: Cluster) -> dict[str, tuple[str, int]]:
    """Return the node and the device (-1: none) of each placed pod."""
    pods, found = cluster.nodes.pods, {}
    for number in np.flatnonzero(pods.node_of >= 0).tolist():
        row = int(pods.node_of[number])
        found[pods.key(number)] = (cluster.nodes.names[row], int(pods.own("device_taken")[number]) - 1)
    return found


def free(cluster: Cluster) -> dict[str, tuple[list[int], int]]:
    """Return what the devices of each node have left, and how many pods it counts."""
    nodes = cluster.nodes
    devices, pods = nodes.own("device_free"), nodes.own("device_pods")
    return {name: (devices[:, row].tolist(), int(pods[row])) for name, row in nodes.row_of.items()}
