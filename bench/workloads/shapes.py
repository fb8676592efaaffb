"""Machine shapes as the public clouds sell them, and what a kubelet leaves allocatable of each.

Only facts about single machines; which share of a cluster has which shape is decided here too (``share``), where a node
stands and how it is labelled is decided in ``nodes``.
"""

from __future__ import annotations

from typing import NamedTuple

MIB = 1 << 20
GIB = 1 << 30


class Shape(NamedTuple):
    """One machine shape. ``share`` is its part of a synthetic cluster, in thousandths."""

    name: str
    pool: str
    cpu: int
    memory_gib: int
    share: int
    arch: str = "amd64"
    disk: str = "ssd"
    gpus: int = 0
    accelerator: str = ""

    @property
    def cpu_reserved_milli(self) -> int:
        """Return the CPU for the kubelet: 6 % of the first core, 1 % of the second, 0.5 % of two, 0.25 % beyond."""
        steps = ((1, 60.0), (1, 10.0), (2, 5.0), (self.cpu, 2.5))
        left, reserved = self.cpu, 0.0
        for cores, milli in steps:
            taken = min(left, cores)
            reserved, left = reserved + taken * milli, left - taken
        return int(reserved)

    @property
    def memory_reserved_mib(self) -> int:
        """Return the memory for the kubelet: 25 % of 4 GiB, 20 % of 4, 10 % of 8, 6 % of 112, 2 % beyond; 100 MiB."""
        steps = ((4, 0.25), (4, 0.20), (8, 0.10), (112, 0.06), (self.memory_gib, 0.02))
        left, reserved = self.memory_gib, 0.0
        for gib, part in steps:
            taken = min(left, gib)
            reserved, left = reserved + taken * part * 1024, left - taken
        return int(reserved) + 100

    @property
    def max_pods(self) -> int:
        """Return the kubelet's limit on pods: 110, on large machines 250."""
        return 250 if self.cpu >= 64 else 110

    @property
    def disk_gib(self) -> int:
        """Return the size of the disk for ephemeral storage."""
        return 100 if self.cpu <= 16 else 400

    def capacity(self) -> dict[str, str]:
        """Return ``status.capacity``."""
        capacity = {
            "cpu": str(self.cpu),
            "memory": f"{self.memory_gib * 1024 * 1024}Ki",
            "ephemeral-storage": f"{self.disk_gib}Gi",
            "pods": str(self.max_pods),
        }
        return capacity | ({"nvidia.com/gpu": str(self.gpus)} if self.gpus else {})

    def allocatable(self) -> dict[str, str]:
        """Return ``status.allocatable``: the capacity less what the kubelet keeps (one tenth of the disk)."""
        return self.capacity() | {
            "cpu": f"{self.cpu * 1000 - self.cpu_reserved_milli}m",
            "memory": f"{(self.memory_gib * 1024 - self.memory_reserved_mib) * 1024}Ki",
            "ephemeral-storage": str(self.disk_gib * GIB * 9 // 10),
        }


SHAPES = (
    Shape("general-4", "general", 4, 16, 140),
    Shape("general-8", "general", 8, 32, 180),
    Shape("general-16", "general", 16, 64, 160),
    Shape("general-32", "general", 32, 128, 90),
    Shape("general-64", "general", 64, 256, 40),
    Shape("general-96", "general", 96, 384, 20),
    Shape("arm-8", "arm", 8, 32, 40, arch="arm64"),
    Shape("arm-16", "arm", 16, 64, 30, arch="arm64"),
    Shape("compute-8", "compute", 8, 16, 40),
    Shape("compute-16", "compute", 16, 32, 50),
    Shape("compute-32", "compute", 32, 64, 30),
    Shape("memory-8", "memory", 8, 64, 40, disk="nvme"),
    Shape("memory-16", "memory", 16, 128, 50, disk="nvme"),
    Shape("memory-32", "memory", 32, 256, 30, disk="nvme"),
    Shape("memory-64", "memory", 64, 512, 10, disk="nvme"),
    Shape("gpu-16x1", "gpu", 16, 64, 20, gpus=1, accelerator="small"),
    Shape("gpu-48x4", "gpu", 48, 192, 20, gpus=4, accelerator="medium"),
    Shape("gpu-96x8", "gpu", 96, 1152, 10, disk="nvme", gpus=8, accelerator="large"),
)
"""All shapes; the shares sum to 1,000. On average a node has about 20 cores and 0.18 GPUs."""
