"""The row of a pod in all its states."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_shim.api.printers.pods import pod_row

Json = dict[str, Any]
NOW = 1_000_000.0
ENDED = "1970-01-12T13:46:35Z"  # 5 s before NOW


def pod(status: Json, init: int = 0, sidecar: bool = False, **metadata: Any) -> Json:
    containers = [{"name": f"i{place}"} for place in range(init)]
    if sidecar:
        containers.append({"name": "side", "restartPolicy": "Always"})
    spec = {"containers": [{"name": "a"}, {"name": "b"}], "initContainers": containers}
    return {"metadata": {"name": "p", **metadata}, "spec": spec, "status": status}


def running(name: str, ready: bool = True, **more: Any) -> Json:
    return {"name": name, "ready": ready, "restartCount": 0, "state": {"running": {}}, **more}


def ended(name: str, code: int = 0, restarts: int = 0, **terminated: Any) -> Json:
    state = {"terminated": {"exitCode": code, **terminated}}
    return {"name": name, "ready": False, "restartCount": restarts, "state": state}


def waiting(name: str, reason: str) -> Json:
    return {"name": name, "ready": False, "restartCount": 0, "state": {"waiting": {"reason": reason}}}


READY = [{"type": "Ready", "status": "True"}]
INITIALIZED = [{"type": "Initialized", "status": "True"}]


@pytest.mark.parametrize(
    ("obj", "cells"),
    [
        (pod({"phase": "Pending"}), ["0/2", "Pending", "0"]),
        (pod({"phase": "Failed", "reason": "Evicted"}), ["0/2", "Evicted", "0"]),
        (
            pod({"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]}),
            ["0/2", "SchedulingGated", "0"],
        ),
        (
            pod({"phase": "Running", "containerStatuses": [running("a"), running("b", ready=False)]}),
            ["1/2", "Running", "0"],
        ),
        (
            pod({"phase": "Running", "containerStatuses": [waiting("a", "ImagePullBackOff"), running("b")]}),
            ["1/2", "ImagePullBackOff", "0"],
        ),
        (
            pod(
                {
                    "phase": "Running",
                    "conditions": READY,
                    "containerStatuses": [ended("a", reason="Completed"), running("b")],
                }
            ),
            ["1/2", "Running", "0"],
        ),
        (
            pod({"phase": "Running", "containerStatuses": [ended("a", reason="Completed"), running("b")]}),
            ["1/2", "NotReady", "0"],
        ),
        (
            pod(
                {
                    "phase": "Failed",
                    "containerStatuses": [ended("a", reason="Completed"), ended("b", 1, reason="Error")],
                }
            ),
            ["0/2", "Error", "0"],
        ),
        (pod({"containerStatuses": [ended("a", 137, signal=9)]}), ["0/2", "Signal:9", "0"]),
        (pod({"containerStatuses": [ended("a", 3)]}), ["0/2", "ExitCode:3", "0"]),
        (pod({"initContainerStatuses": [waiting("i0", "PodInitializing")]}, init=2), ["0/2", "Init:0/2", "0"]),
        (pod({"initContainerStatuses": [ended("i0"), running("i1")]}, init=2), ["0/2", "Init:1/2", "0"]),
        (pod({"initContainerStatuses": [waiting("i0", "ErrImagePull")]}, init=1), ["0/2", "Init:ErrImagePull", "0"]),
        (pod({"initContainerStatuses": [ended("i0", 5, restarts=2)]}, init=1), ["0/2", "Init:ExitCode:5", "2"]),
        (pod({"initContainerStatuses": [ended("i0", 5, signal=6)]}, init=1), ["0/2", "Init:Signal:6", "0"]),
        (pod({"initContainerStatuses": [ended("i0", 5, reason="Error")]}, init=1), ["0/2", "Init:Error", "0"]),
        (
            pod(
                {
                    "initContainerStatuses": [ended("i0", restarts=4), running("side", started=True, restartCount=1)],
                    "containerStatuses": [running("a"), running("b")],
                    "phase": "Running",
                },
                init=1,
                sidecar=True,
            ),
            ["3/3", "Running", "1"],
        ),
        (
            pod({"conditions": INITIALIZED, "initContainerStatuses": [waiting("i0", "Odd")]}, init=1),
            ["0/2", "Init:Odd", "0"],
        ),
        (pod({"phase": "Running"}, deletionTimestamp=ENDED), ["0/2", "Terminating", "0"]),
        (pod({"phase": "Succeeded"}, deletionTimestamp=ENDED), ["0/2", "Succeeded", "0"]),
        (pod({"phase": "Running", "reason": "NodeLost"}, deletionTimestamp=ENDED), ["0/2", "Unknown", "0"]),
    ],
)
def test_ready_status_restarts(obj: Json, cells: list[str]) -> None:
    assert pod_row(obj, NOW)[1:4] == cells


def test_restarts_tell_when_the_last_one_was() -> None:
    last: Json = {"lastState": {"terminated": {"finishedAt": ENDED}}, "restartCount": 2}
    assert pod_row(pod({"containerStatuses": [running("a", **last)]}), NOW)[3] == "2 (5s ago)"


def test_the_wide_cells() -> None:
    obj = pod({"podIPs": [{"ip": "fd00::1"}, {"ip": "10.0.0.1"}], "nominatedNodeName": "m", "conditions": READY})
    obj["spec"] |= {"nodeName": "n", "readinessGates": [{"conditionType": "Ready"}, {"conditionType": "x/y"}]}
    assert pod_row(obj, NOW)[5:] == ["fd00::1", "n", "m", "1/2"]
    assert pod_row({}, NOW) == ["", "0/0", "", "0", "<unknown>", *["<none>"] * 4]
