"""Instance: kinds of nodes and of pods with their numbers; what the bounds are worked out for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.traces.trace import WHOLE, NodeShape, PodShape

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Instance:
    """``count`` pods of each shape may be served on ``nodes`` nodes of each shape; ``forced`` of them have to be."""

    node_shapes: Sequence[NodeShape]
    nodes: Counts
    pod_shapes: Sequence[PodShape]
    count: Counts
    forced: Counts

    @property
    def gpu_milli(self) -> int:
        """Return the devices of all nodes, in 1/1000."""
        devices: list[int] = [
            shape.gpus * int(count) for shape, count in zip(self.node_shapes, self.nodes, strict=True)
        ]
        return WHOLE * sum(devices)


def fits(pod: PodShape, node: NodeShape) -> bool:
    """Tell whether an empty node of a shape takes a pod of a shape."""
    accepted = not pod.gpus or not pod.models or node.model in pod.models
    enough = pod.cpu_milli <= node.cpu_milli and pod.memory_bytes <= node.memory_bytes and pod.gpus <= node.gpus
    return accepted and enough


def instance(
    node_shapes: Sequence[NodeShape],
    node_shape_of: NDArray[np.int32],
    pod_shapes: Sequence[PodShape],
    served: NDArray[np.int32],
    forced: NDArray[np.int32],
) -> Instance:
    """Count nodes and pods by shape; ``served``, ``forced``: the shapes of pods that may and that have to be served."""
    return Instance(
        node_shapes,
        np.bincount(node_shape_of, minlength=len(node_shapes)),
        pod_shapes,
        np.bincount(served, minlength=len(pod_shapes)),
        np.bincount(forced, minlength=len(pod_shapes)),
    )
