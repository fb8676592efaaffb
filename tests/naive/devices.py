"""A cluster whose nodes have devices in parts of 1000, decided pod by pod with dictionaries: the twin of a plugin with
columns of its own.

Nodes have cpu and a place for each device. A pod takes one part of one device (the fullest that has room, the first of
them), or nothing. Nodes with the most free parts in the fullest fitting device win, then the lowest rank.
"""

from __future__ import annotations

from dataclasses import dataclass, field

DEVICES = 3


@dataclass
class Machine:
    """A node: what its devices and its cpu have left, and who holds what, in the order of arrival."""

    cpu: int
    devices: int
    rank: int
    pods: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Pod -> cpu, parts, and the device that they are of (-1: none)."""

    def free(self) -> list[int]:
        """Return what each device has left, -1 for one that is not there."""
        left = [1000 if device < self.devices else -1 for device in range(DEVICES)]
        for _, parts, device in self.pods.values():
            if device >= 0:
                left[device] -= parts
        return left

    def cpu_left(self) -> int:
        return self.cpu - sum(cpu for cpu, _, _ in self.pods.values())

    def device_for(self, parts: int) -> int:
        """Return the fullest device that has room, -1 if there is none."""
        left = self.free()
        fitting = [device for device in range(DEVICES) if left[device] >= max(parts, 1)]
        return min(fitting, key=lambda device: left[device], default=-1)


class Machines:
    """All nodes by name; pods are placed, and leave."""

    def __init__(self) -> None:
        self.nodes: dict[str, Machine] = {}
        self.gone: dict[str, Machine] = {}
        """Nodes that have left while pods were on them."""

    def add(self, name: str, cpu: int, devices: int, rank: int) -> None:
        """Add or change a node; pods that were on it keep their devices."""
        known = self.nodes.get(name) or self.gone.pop(name, None)
        self.nodes[name] = Machine(cpu, devices, rank, known.pods if known is not None else {})

    def remove(self, name: str) -> None:
        self.gone[name] = self.nodes.pop(name)

    def place(self, pod: str, cpu: int, parts: int) -> str:
        """Place a pod and return its node, empty if none takes it."""
        fitting = {
            name: node
            for name, node in self.nodes.items()
            if node.cpu_left() >= cpu and (parts == 0 or node.device_for(parts) >= 0)
        }
        if not fitting:
            return ""
        name = min(fitting, key=lambda each: (-score(fitting[each], parts), fitting[each].rank))
        self.run(pod, name, cpu, parts)
        return name

    def run(self, pod: str, name: str, cpu: int, parts: int, device: int = -1) -> None:
        """Note that a pod runs on a node, on a device that is known or one that fits now."""
        node = self.nodes[name]
        if device < 0 and parts:
            device = node.device_for(parts)
        node.pods[pod] = (cpu, parts, device)

    def forget(self, pod: str) -> None:
        for node in (*self.nodes.values(), *self.gone.values()):
            node.pods.pop(pod, None)


def score(node: Machine, parts: int) -> int:
    """Return 0 to 100: how much of its device a pod leaves unused, turned around; 50 for a pod without parts."""
    if parts == 0:
        return 50
    return 100 - (node.free()[node.device_for(parts)] - parts) // 10
