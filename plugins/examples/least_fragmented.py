"""LeastFragmented: a score in row form against leftovers that nobody can use.

A node where cpu is left without memory, or memory without cpu, is lost for most pods. After the pod has been placed, so
many pods of a typical shape still fit; what is left beyond these is stranded. The less of a node is stranded, the
better. The typical shape is an argument:

``pluginConfig: [{name: LeastFragmented, args: {cpuMilli: 1000, memoryMib: 4096}}]``
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sched_core import Plugin, percent, quotient

if TYPE_CHECKING:
    from sched_core import NodeColumns

CPU, MEMORY = 0, 1
MIB = 1 << 20


class LeastFragmented(Plugin):
    """Prefer nodes of which little would be stranded: 100 if nothing, 0 if all of cpu and memory."""

    name = "LeastFragmented"

    def __init__(self, args: Mapping[str, Any] | None = None) -> None:
        super().__init__(args)
        given = args or {}
        self.cpu_milli = int(given.get("cpuMilli", 1000))
        self.memory_mib = int(given.get("memoryMib", 4096))
        if self.cpu_milli < 1 or self.memory_mib < 1:
            raise ValueError("cpuMilli and memoryMib must be positive")

    def row_args(self, nodes: NodeColumns) -> Mapping[str, Any]:
        return {"cpu": self.cpu_milli, "memory": self.memory_mib * MIB}

    @staticmethod
    def score_row(pod: Any, node: Any, args: Any) -> Any:
        cpu = max(node.allocatable[CPU] - node.requested[CPU] - pod.requests[CPU], 0)
        memory = max(node.allocatable[MEMORY] - node.requested[MEMORY] - pod.requests[MEMORY], 0)
        fit = min(quotient(cpu, args.cpu), quotient(memory, args.memory))
        stranded_cpu = percent(cpu - fit * args.cpu, max(node.allocatable[CPU], 1))
        stranded_memory = percent(memory - fit * args.memory, max(node.allocatable[MEMORY], 1))
        return 100 - quotient(min(stranded_cpu, 100) + min(stranded_memory, 100), 2)
