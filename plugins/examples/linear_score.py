"""LinearScore: a score that was learned elsewhere, as a JSON file with a weight for each feature of a node.

The features are shares in percent, after the pod has been placed. Weights are whole thousandths of a point for each
percent, ``bias`` is whole points:

``pluginConfig: [{name: LinearScore, args: {file: weights.json}}]``, and in the file
``{"bias": 20, "cpu_free": -300, "memory_free": -200, "pods_free": 100, "cpu_memory_gap": -500}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sched_core import Plugin, percent, quotient

if TYPE_CHECKING:
    from sched_core import NodeColumns

CPU, MEMORY = 0, 1
FEATURES = ("cpu_free", "memory_free", "pods_free", "cpu_memory_gap")
PACKING = {"bias": 90, "cpu_free": -300, "memory_free": -300, "pods_free": 0, "cpu_memory_gap": -300}
"""What is taken without a file: full and even nodes first."""
MOST = 10_000
SHIFT = 4 * 100 * MOST
"""Makes a sum of weighted features positive, since `quotient` takes no negative numbers."""


class LinearScore(Plugin):
    """Score by a weighted sum of features, cut to 0..100."""

    name = "LinearScore"

    def __init__(self, args: Mapping[str, Any] | None = None) -> None:
        super().__init__(args)
        given = args or {}
        weights = PACKING
        if "file" in given:
            weights = json.loads(Path(given["file"]).read_text(encoding="utf-8"))
        for name, weight in weights.items():
            if name not in ("bias", *FEATURES):
                raise ValueError(f"there is no feature {name}; there are bias, {', '.join(FEATURES)}")
            if not isinstance(weight, int) or abs(weight) > MOST:
                raise ValueError(f"{name}: {weight!r} is no whole number from {-MOST} to {MOST}")
        self.weights = {name: weights.get(name, 0) for name in ("bias", *FEATURES)}

    def row_args(self, nodes: NodeColumns) -> Mapping[str, Any]:
        return self.weights

    @staticmethod
    def score_row(pod: Any, node: Any, args: Any) -> Any:
        cpu_left = max(node.allocatable[CPU] - node.requested[CPU] - pod.requests[CPU], 0)
        memory_left = max(node.allocatable[MEMORY] - node.requested[MEMORY] - pod.requests[MEMORY], 0)
        cpu = percent(cpu_left, max(node.allocatable[CPU], 1))
        memory = percent(memory_left, max(node.allocatable[MEMORY], 1))
        pods = percent(max(node.allowed_pods - node.pod_count - 1, 0), max(node.allowed_pods, 1))
        weighted = args.cpu_free * cpu + args.memory_free * memory + args.pods_free * pods
        weighted += args.cpu_memory_gap * abs(cpu - memory)
        points = quotient(weighted + SHIFT, 1000) - quotient(SHIFT, 1000) + args.bias
        return min(max(points, 0), 100)
