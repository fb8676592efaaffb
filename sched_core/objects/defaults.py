"""The API's default values that decide scheduling, for objects that no API server has seen.

On objects from an API server nothing changes. Other defaults are left to the readers of the records (an empty protocol
is TCP, an empty operator of a toleration Equal). Source: ``pkg/apis/core/v1/defaults.go``.
"""

from __future__ import annotations

import msgspec

from sched_core.objects.node import Node
from sched_core.objects.pod import Container, Pod
from sched_core.objects.quantity import NANO
from sched_core.objects.requests import aggregate_container_requests, is_pod_level_resource


def set_pod_defaults(pod: Pod) -> None:
    """Fill in place: requests from limits, requests at pod level, host ports of a pod in the host's network."""
    spec = pod.spec
    for container in spec.containers:
        _set_container_defaults(container, spec.host_network)
    for container in spec.init_containers:
        _set_container_defaults(container, spec.host_network)
    if spec.resources is not None and spec.resources.limits:
        _set_pod_level_requests(pod)
    if not spec.scheduler_name:
        spec.scheduler_name = "default-scheduler"


def set_node_defaults(node: Node) -> None:
    """Fill in place: allocatable from capacity."""
    status = node.status
    if status.capacity and not status.allocatable:
        status.allocatable = dict(status.capacity)


def _set_container_defaults(container: Container, host_network: bool) -> None:
    resources = container.resources
    if resources is not None and resources.limits:
        for name, quantity in resources.limits.items():
            resources.requests.setdefault(name, quantity)
    if host_network and container.ports:
        container.ports = tuple(
            port if port.host_port else msgspec.structs.replace(port, host_port=port.container_port)
            for port in container.ports
        )


def _set_pod_level_requests(pod: Pod) -> None:
    resources = pod.spec.resources
    assert resources is not None
    for name, nano in aggregate_container_requests(pod).items():
        if name in ("cpu", "memory") and name not in resources.requests:
            resources.requests[name] = nano // NANO if nano % NANO == 0 else f"{nano}n"
    for name, quantity in resources.limits.items():
        if is_pod_level_resource(name):
            resources.requests.setdefault(name, quantity)
