"""Random pods, waiting and running, as the API server accepts them."""

from __future__ import annotations

import random
from typing import Any

from .random_nodes import IMAGES
from .random_terms import LABELS, preferred_term, random_toleration, required_term, several, some

Json = dict[str, Any]

_CPU = ["0", "1m", "0.5m", "33.3m", "100m", "100.5m", "250m", "0.5", ".5", "1", "1.", "1.5", "2", "1e-1", "150000u"]
_MEMORY = ["0", "1", "0.5", "64Mi", "0.1Gi", "100M", "1e8", "123456789", "1.5Gi", "2G", "1234567890123m", "2048Ki"]
_STORAGE = ["0", "1Gi", "500M", "1e9", "30Gi"]
_EXTENDED = {"example.com/gpu": ["0", "1", "2"], "vendor.io/nic": ["1", "3"], "example.com/ghost": ["1"]}
_ADDRESSES = ["", "0.0.0.0", "10.0.0.1", "127.0.0.1", "::", "fd00::1"]
_PORTS = [80, 443, 8080]
_GATES = ["quota", "example.com/a", "example.com/b"]


def random_pod(rng: random.Random, name: str, node_names: list[str], schedulers: list[str], priority: int) -> Json:
    """Return a pod that waits for a node."""
    spec = _spec(rng)
    spec["schedulerName"] = rng.choice(schedulers) if some(rng, 0.97) else "nobody"
    if priority or some(rng, 0.5):
        spec["priority"] = priority
    if some(rng, 0.15):
        spec["preemptionPolicy"] = rng.choice(["Never", "PreemptLowerPriority"])
    if some(rng, 0.1):
        label = rng.choice(list(LABELS))
        spec["nodeSelector"] = {label: rng.choice(LABELS[label])}
    affinity = _node_affinity(rng, node_names)
    if affinity:
        spec["affinity"] = {"nodeAffinity": affinity}
    if some(rng, 0.7):
        spec["tolerations"] = [random_toleration(rng) for _ in range(rng.randint(1, 4))]
    if some(rng, 0.04):
        spec["schedulingGates"] = [{"name": gate} for gate in several(rng, _GATES, 1, 3)]
    elif some(rng, 0.04):
        spec["nodeName"] = rng.choice([*node_names, "elsewhere"])
    pod = _pod(rng, name, spec)
    if some(rng, 0.03):
        pod["metadata"] |= {"deletionTimestamp": "2026-01-01T11:00:00Z", "deletionGracePeriodSeconds": 30}
    return pod


def running_pod(rng: random.Random, name: str, node_names: list[str], priority: int) -> Json:
    """Return a pod on a node; a few have ended, are being deleted, are being resized or are on an unknown node."""
    spec = _spec(rng)
    spec["nodeName"] = rng.choice(node_names) if some(rng, 0.95) else "elsewhere"
    spec["schedulerName"] = "default-scheduler"
    spec["priority"] = priority + rng.choice([0, 0, 10])
    pod = _pod(rng, name, spec)
    phase = rng.choices(["Running", "Pending", "Succeeded", "Failed"], [85, 5, 5, 5])[0]
    pod["status"] = {"phase": phase, "startTime": f"2026-01-01T00:00:{rng.randint(0, 59):02d}Z"}
    if some(rng, 0.05):
        pod["metadata"] |= {"deletionTimestamp": "2026-01-01T11:00:00Z", "deletionGracePeriodSeconds": 30}
    if some(rng, 0.25):
        _resize(rng, pod)
    return pod


def idle_pod(rng: random.Random, name: str, node_names: list[str], priority: int) -> Json:
    """Return a running pod that takes up nothing but one of the node's places for pods."""
    containers = [{"name": "c0", "image": rng.choice(IMAGES)}]
    pod = _pod(rng, name, {"containers": containers, "nodeName": rng.choice(node_names), "priority": priority})
    pod["status"] = {"phase": "Running", "startTime": "2026-01-01T00:00:00Z"}
    return pod


def _pod(rng: random.Random, name: str, spec: Json) -> Json:
    namespace = rng.choice(["default", "team-a"])
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-{namespace}-{name}"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _spec(rng: random.Random) -> Json:
    spec: Json = {"containers": [_container(rng, f"c{i}") for i in range(rng.choice([1, 1, 1, 2, 3]))]}
    if some(rng, 0.35):
        spec["initContainers"] = [_init_container(rng, f"i{i}") for i in range(rng.randint(1, 3))]
    if some(rng, 0.15):
        spec["overhead"] = _of(rng, {"cpu": ["10m", "250m", "0.5m"], "memory": ["64Mi", "1e8"]}, 0.8)
    if some(rng, 0.2):
        spec["resources"] = _pod_level(rng)
    if some(rng, 0.15):
        spec["volumes"] = [{"name": "model", "image": {"reference": rng.choice(IMAGES)}}]
    every = [*spec["containers"], *spec.get("initContainers", [])]
    host_network = some(rng, 0.1)
    if host_network:
        spec["hostNetwork"] = True
    if some(rng, 0.5 if host_network else 0.05):
        spec["hostUsers"] = not some(rng, 0.8)
    if some(rng, 0.3):
        _open_ports(rng, every, host_network)
    if some(rng, 0.05):
        rule = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}
        plain = [container for container in every if "restartPolicy" not in container]
        rng.choice(plain).update(restartPolicy="Never", restartPolicyRules=[rule])
    return spec


def _container(rng: random.Random, name: str) -> Json:
    requests = _of(rng, {"cpu": _CPU, "memory": _MEMORY}, 0.75) | _of(rng, {"ephemeral-storage": _STORAGE}, 0.07)
    limits = _of(rng, _EXTENDED, 0.03)
    if requests.keys() & {"cpu", "memory"}:
        limits |= _of(rng, {"hugepages-2Mi": ["2Mi", "32Mi"], "hugepages-1Gi": ["1Gi"]}, 0.05)
    requests |= limits  # what cannot be overcommitted has a limit equal to its request
    resources = {key: value for key, value in (("requests", requests), ("limits", limits)) if value}
    return {"name": name, "image": rng.choice([*IMAGES, "unknown:v9"])} | (
        {"resources": resources} if resources else {}
    )


def _init_container(rng: random.Random, name: str) -> Json:
    return _container(rng, name) | ({"restartPolicy": "Always"} if some(rng, 0.5) else {})


def _pod_level(rng: random.Random) -> Json:
    """Pod-level requests, large enough for any containers of this module together."""
    requests = _of(rng, {"cpu": ["12", "12.0005", "14000m"], "memory": ["20Gi", "22000000000.5"]}, 0.7)
    if not requests:
        return {"requests": {"cpu": "12"}}
    if some(rng, 0.1):
        hugepages = {"hugepages-2Mi": "256Mi"}
        return {"requests": requests | hugepages, "limits": hugepages}
    return {"requests": requests}


def _open_ports(rng: random.Random, containers: list[Json], host_network: bool) -> None:
    """Give host ports to containers, no port number twice in a pod."""
    for number in several(rng, _PORTS, 1, 2):
        port: Json = {"containerPort": number if host_network else 8000}
        if host_network or some(rng, 0.9):
            port["hostPort"] = number
        if some(rng, 0.6):
            port["protocol"] = rng.choice(["TCP", "UDP", "SCTP"])
        address = rng.choice(_ADDRESSES)
        if address:
            port["hostIP"] = address
        rng.choice(containers).setdefault("ports", []).append(port)


def _node_affinity(rng: random.Random, node_names: list[str]) -> Json:
    affinity: Json = {}
    if some(rng, 0.15):
        terms = [required_term(rng, node_names) for _ in range(rng.choice([1, 1, 2, 3]))]
        affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
    if some(rng, 0.3):
        valid = some(rng, 0.9)
        terms = [preferred_term(rng, node_names, valid=valid) for _ in range(rng.randint(1, 4))]
        affinity["preferredDuringSchedulingIgnoredDuringExecution"] = terms
    return affinity


def _resize(rng: random.Random, pod: Json) -> None:
    """Let the status say that some containers (or the pod) run with other resources than the spec asks for."""
    spec, status = pod["spec"], pod["status"]
    for key, containers in (
        ("containerStatuses", spec["containers"]),
        ("initContainerStatuses", spec.get("initContainers", [])),
    ):
        statuses = [_container_status(rng, container) for container in containers if some(rng, 0.7)]
        if statuses:
            status[key] = statuses
    if "resources" in spec and some(rng, 0.7):
        status["resources"] = {"requests": _of(rng, {"cpu": ["12", "13"], "memory": ["20Gi", "21Gi"]}, 0.8)}
        status["allocatedResources"] = _of(rng, {"cpu": ["12", "15"], "memory": ["20Gi", "25Gi"]}, 0.8)
    if some(rng, 0.5):
        reason = rng.choice(["Infeasible", "Deferred"])
        status["conditions"] = [{"type": "PodResizePending", "status": "True", "reason": reason}]


def _container_status(rng: random.Random, container: Json) -> Json:
    status = {"name": container["name"], "image": container["image"], "imageID": "", "ready": True, "restartCount": 0}
    if some(rng, 0.8):
        status["resources"] = {"requests": _of(rng, {"cpu": _CPU, "memory": _MEMORY}, 0.8)}
    if some(rng, 0.6):
        status["allocatedResources"] = _of(rng, {"cpu": _CPU, "memory": _MEMORY}, 0.8)
    return status


def _of(rng: random.Random, choices: dict[str, list[str]], chance: float) -> dict[str, str]:
    return {name: rng.choice(values) for name, values in choices.items() if some(rng, chance)}
