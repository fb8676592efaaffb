"""A node and the pods that run on it, as the plugins look at them.

Does not decide anything. Sums are made anew from the placed pods at every look.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .requests import amounts, is_counted, is_scalar, is_sidecar, non_zero_requests, pod_requests, whole

Json = dict[str, Any]


class HostPort(NamedTuple):
    """One host port: protocol, address ("0.0.0.0" stands for all) and number."""

    protocol: str
    ip: str
    port: int


@dataclass(frozen=True)
class PlacedPod:
    """A pod on a node with what it counts for."""

    pod: Json
    requested: dict[str, int]
    non_zero: dict[str, int]

    @classmethod
    def of(cls, pod: Json) -> PlacedPod:
        """Compute what a pod counts for once it is placed."""
        requested = {name: whole(name, value) for name, value in pod_requests(pod, use_status=True).items()}
        cpu, memory = non_zero_requests(pod)
        counted = {name: value for name, value in requested.items() if is_counted(name)}
        return cls(pod, counted, {"cpu": cpu, "memory": memory})


@dataclass
class NodeState:
    """A Node object and its placed pods."""

    node: Json
    pods: list[PlacedPod] = field(default_factory=list)
    freed_ports: frozenset[HostPort] = frozenset()

    @property
    def name(self) -> str:
        """Return the name of the node."""
        return str(self.node["metadata"]["name"])

    def allocatable(self, name: str) -> int:
        """Return what the node has of a resource; 0 for one that the scheduler does not count."""
        if name != "pods" and not is_counted(name):
            return 0
        resources = amounts((self.node.get("status") or {}).get("allocatable"))
        return whole(name, resources[name]) if name in resources else 0

    def requested(self, name: str) -> int:
        """Return the sum of the real requests of the placed pods."""
        return sum(placed.requested.get(name, 0) for placed in self.pods)

    def scored_request(self, name: str) -> int:
        """Return the requests that NodeResourcesFit scores with: with defaults for cpu and memory."""
        if name in ("cpu", "memory"):
            return sum(placed.non_zero[name] for placed in self.pods)
        return self.requested(name)

    def used_ports(self) -> set[HostPort]:
        """Return the host ports in use."""
        return {port for placed in self.pods for port in host_ports(placed.pod)} - self.freed_ports

    def without_lower_priority(self, priority: int) -> NodeState:
        """Return the node as it would be without the pods of a lower priority.

        A host port that such a pod holds is free then, even when another pod holds it too: upstream keeps a set.
        """
        victims = [placed for placed in self.pods if pod_priority(placed.pod) < priority]
        freed = frozenset(port for placed in victims for port in host_ports(placed.pod))
        return NodeState(self.node, [placed for placed in self.pods if placed not in victims], freed)


def host_ports(pod: Json) -> list[HostPort]:
    """Return the host ports of containers and sidecars."""
    containers = [one for one in pod["spec"].get("initContainers") or [] if is_sidecar(one)]
    containers += pod["spec"]["containers"]
    return [
        HostPort(port.get("protocol") or "TCP", port.get("hostIP") or "0.0.0.0", port["hostPort"])
        for container in containers
        for port in container.get("ports") or []
        if (port.get("hostPort") or 0) > 0
    ]


def pod_priority(pod: Json) -> int:
    """Return the priority of a pod, 0 if it has none."""
    return int(pod["spec"].get("priority") or 0)


def scored_resource_is_skipped(node: NodeState, name: str, pod_request: int) -> bool:
    """Say whether a resource (`pods` always) plays no part in the resource scores of this node."""
    return not is_counted(name) or (pod_request == 0 and is_scalar(name)) or node.allocatable(name) == 0
