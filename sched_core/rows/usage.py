"""Put pods on rows of some columns, or take them away, many at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sched_core.kernels.jit import kernel
from sched_core.rows.table import NodeRows, PodRows


@kernel
def add_usage(at: NDArray[np.int64], classes: NDArray[np.int32], pods: PodRows, nodes: NodeRows) -> None:
    """Add what pods of ``classes`` use to the rows ``at``, one after the other (upstream: NodeInfo.AddPodInfo)."""
    for p in range(len(at)):
        i, c = at[p], classes[p]
        for r in range(nodes.requested.shape[0]):
            nodes.requested[r, i] += pods.usage[c, r]
            nodes.nonzero_requested[r, i] += pods.nonzero_usage[c, r]
        for w in range(nodes.used_ports.shape[0]):
            nodes.used_ports[w, i] |= pods.port_bits[c, w]
        nodes.pod_count[i] += 1


@kernel
def subtract_usage(at: NDArray[np.int64], classes: NDArray[np.int32], pods: PodRows, nodes: NodeRows) -> None:
    """Subtract it again (upstream: NodeInfo.RemovePod)."""
    for p in range(len(at)):
        i, c = at[p], classes[p]
        for r in range(nodes.requested.shape[0]):
            nodes.requested[r, i] -= pods.usage[c, r]
            nodes.nonzero_requested[r, i] -= pods.nonzero_usage[c, r]
        for w in range(nodes.used_ports.shape[0]):
            nodes.used_ports[w, i] &= ~pods.port_bits[c, w]
        nodes.pod_count[i] -= 1
