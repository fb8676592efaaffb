"""The row of a pod. Upstream: printPod. It is written for speed: a cluster has 100,000 of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from cluster_shim.api.printers.cells import NONE
from cluster_shim.api.printers.durations import Json, age, since

COMPLETED: dict[str, list[Json]] = {
    phase: [{"type": "Completed", "status": "True", "reason": phase, "message": message}]
    for phase, message in (
        ("Succeeded", "The pod has completed successfully."),
        ("Failed", "The pod failed."),
    )
}
"""The conditions of a row, by the pod's phase: whoever reads the table need not wait for this pod any more."""


class Progress(NamedTuple):
    """What a group of container statuses tells."""

    reason: str
    ready: int
    restarts: int
    last_restart: str
    """When the container that ended last ended; empty if none did. Times of one form compare as texts."""


def pod_row(pod: Json, now: float) -> list[Any]:
    """Return the cells of a pod: Name, Ready, Status, Restarts, Age, IP, Node, Nominated Node, Readiness Gates."""
    metadata, spec, status = pod.get("metadata") or {}, pod.get("spec") or {}, pod.get("status") or {}
    conditions: list[Json] = status.get("conditions") or []
    sidecars = {each["name"] for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"}
    progress = _progress(spec, status, conditions, sidecars)
    total = len(spec.get("containers") or ()) + len(sidecars)
    restarts = str(progress.restarts)
    if progress.restarts and progress.last_restart:
        restarts = f"{restarts} ({since(progress.last_restart, now)} ago)"
    return [
        metadata.get("name", ""),
        f"{progress.ready}/{total}",
        _deletion(metadata, status) or progress.reason,
        restarts,
        age(pod, now),
        _address(status) or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _readiness_gates(spec.get("readinessGates"), conditions),
    ]


def _progress(spec: Json, status: Json, conditions: list[Json], sidecars: set[str]) -> Progress:
    reason = status.get("reason") or status.get("phase", "")
    if any(each["type"] == "PodScheduled" and each.get("reason") == "SchedulingGated" for each in conditions):
        reason = "SchedulingGated"
    before = Progress(reason, 0, 0, "")
    if init_statuses := status.get("initContainerStatuses"):
        waits, whole, before = _initialization(init_statuses, spec, sidecars, before)
        if waits and not _is_true(conditions, "Initialized"):
            return whole
    return _running(status.get("containerStatuses") or (), conditions, before)


def _initialization(
    statuses: list[Json], spec: Json, sidecars: set[str], start: Progress
) -> tuple[bool, Progress, Progress]:
    """Return whether the pod still initializes, what is then shown, and what the sidecars alone contribute."""
    reason, ready, restarts, last = start.reason, 0, 0, ""
    sidecar_restarts, sidecar_last = 0, ""
    waits = False
    for position, container in enumerate(statuses):
        again, ended = container.get("restartCount", 0), _last_end(container)
        restarts, last = restarts + again, max(last, ended)
        is_sidecar = container["name"] in sidecars
        if is_sidecar:
            sidecar_restarts, sidecar_last = sidecar_restarts + again, max(sidecar_last, ended)
        terminated = (container.get("state") or {}).get("terminated")
        if terminated is not None and not terminated.get("exitCode", 0):
            continue
        if is_sidecar and container.get("started"):
            ready += bool(container.get("ready"))
            continue
        reason, waits = _init_reason(container, position, len(spec.get("initContainers") or ())), True
        break
    shown = Progress(reason, ready, restarts, last)
    return waits, shown, Progress(reason, ready, sidecar_restarts, sidecar_last)


def _init_reason(container: Json, position: int, total: int) -> str:
    state = container.get("state") or {}
    if (terminated := state.get("terminated")) is not None:
        return f"Init:{_end_reason(terminated)}"
    waiting = (state.get("waiting") or {}).get("reason")
    if waiting and waiting != "PodInitializing":
        return f"Init:{waiting}"
    return f"Init:{position}/{total}"


def _end_reason(terminated: Json) -> str:
    if reason := terminated.get("reason"):
        return str(reason)
    if signal := terminated.get("signal"):
        return f"Signal:{signal}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _running(statuses: Any, conditions: list[Json], start: Progress) -> Progress:
    reason, ready, restarts, last = start
    runs, error = False, ""
    for container in reversed(statuses):
        restarts += container.get("restartCount", 0)
        last = max(last, _last_end(container))
        state = container.get("state") or {}
        waiting, terminated = (state.get("waiting") or {}).get("reason"), state.get("terminated")
        if waiting:
            reason = waiting
        elif terminated is not None:
            reason = _end_reason(terminated)
            if terminated.get("exitCode", 0):
                error = reason
        elif container.get("ready") and "running" in state:
            runs = True
            ready += 1
    if reason == "Completed":  # of a container, while others may go on
        if runs and any(each["type"] == "Ready" and each.get("status") == "True" for each in conditions):
            reason = "Running"
        else:
            reason = error or ("NotReady" if runs else reason)
    return Progress(reason, ready, restarts, last)


def _last_end(container: Json) -> str:
    last = container.get("lastState")
    if not last:
        return ""
    return (last.get("terminated") or {}).get("finishedAt") or ""


def _is_true(conditions: list[Json], kind: str) -> bool:
    """Tell whether the first condition of a type is true."""
    return next((each.get("status") == "True" for each in conditions if each["type"] == kind), False)


def _deletion(metadata: Json, status: Json) -> str:
    if "deletionTimestamp" not in metadata:
        return ""
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return "" if status.get("phase") in ("Succeeded", "Failed") else "Terminating"


def _address(status: Json) -> str:
    addresses = status.get("podIPs")
    return str(addresses[0].get("ip", "")) if addresses else str(status.get("podIP", ""))


def _readiness_gates(gates: list[Json] | None, conditions: list[Json]) -> str:
    if not gates:
        return NONE
    return f"{sum(_is_true(conditions, gate.get('conditionType', '')) for gate in gates)}/{len(gates)}"
