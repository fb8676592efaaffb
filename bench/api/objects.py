"""The nodes and pods that an API server is filled with: plain, and as large as those of a real cluster."""

from __future__ import annotations

from typing import Any

NAMESPACE = "bench"

NODE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {
        "labels": {
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/os": "linux",
            "node.kubernetes.io/instance-type": "m5.xlarge",
            "topology.kubernetes.io/region": "region-1",
            "topology.kubernetes.io/zone": "zone-1",
        }
    },
    "spec": {"podCIDR": "10.244.0.0/24"},
    "status": {
        "capacity": {"cpu": "4", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi"},
        "allocatable": {"cpu": "3920m", "memory": "30Gi", "pods": "110", "ephemeral-storage": "90Gi"},
        "conditions": [
            {"type": kind, "status": status, "reason": reason, "message": f"kubelet says {reason}"}
            for kind, status, reason in (
                ("MemoryPressure", "False", "KubeletHasSufficientMemory"),
                ("DiskPressure", "False", "KubeletHasNoDiskPressure"),
                ("PIDPressure", "False", "KubeletHasSufficientPID"),
                ("Ready", "True", "KubeletReady"),
            )
        ],
        "nodeInfo": {
            "kubeletVersion": "v1.36.0",
            "containerRuntimeVersion": "containerd://2.1.0",
            "osImage": "Debian GNU/Linux 12 (bookworm)",
            "kernelVersion": "6.1.0",
            "machineID": "",
            "systemUUID": "",
            "bootID": "",
            "architecture": "amd64",
            "operatingSystem": "linux",
            "kubeProxyVersion": "",
        },
    },
}

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"labels": {"app": "web", "tier": "front", "pod-template-hash": "6d4cf56db6"}},
    "spec": {
        "containers": [
            {
                "name": "web",
                "image": "registry.example/web:1.4.2",
                "ports": [{"name": "http", "containerPort": 8080}],
                "env": [{"name": "LEVEL", "value": "info"}, {"name": "REGION", "value": "region-1"}],
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
                "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
            }
        ],
    },
}


def named(template: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object of a template with a name."""
    return {**template, "metadata": {**template["metadata"], "name": name}}


def pod(name: str) -> dict[str, Any]:
    """Return a pod of the template that most have."""
    return named(POD, name)


def distinct_pod(name: str) -> dict[str, Any]:
    """Return a pod whose spec no other has."""
    (container,) = POD["spec"]["containers"]
    own = {**container, "env": [*container["env"], {"name": "OWN", "value": name}]}
    return named({**POD, "spec": {**POD["spec"], "containers": [own]}}, name)


def binding(pod: str, node: str) -> dict[str, Any]:
    """Return what gives a pod its node."""
    target = {"apiVersion": "v1", "kind": "Node", "name": node}
    return {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod}, "target": target}
