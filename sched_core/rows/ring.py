"""The ring: the change log with the numbers of its rows, which are scored again in a stream.

A part of the generated module, copied before `batch`, with the same names.
"""

from __future__ import annotations

import numpy as np

from sched_core.kernels.jit import kernel
from sched_core.rows.table import NodeRows
from sched_core.rows.tuples import Log, Work

COSTLY = True
"""Whether a row function is worth keeping track of entries of the log that a later one of the same row supersedes."""

# generated from here -------------------------------------------------------------------------------------------------


@kernel(inline=True)
def copy_own(i: int, e: int, nodes: NodeRows, ring: NodeRows) -> None:
    """Copy the own columns of a row into entry e of the ring."""
    raise NotImplementedError


# copied from here ----------------------------------------------------------------------------------------------------


@kernel(inline=True)
def note(i: int, nodes: NodeRows, work: Work, log: Log) -> None:
    """Append a changed row to the log and its numbers to the ring."""
    e = log.head[0] & (len(log.rows) - 1)
    log.rows[e] = i
    work.position_at[e] = work.position[i]
    copy_row(i, e, nodes, work.ring)
    if COSTLY:
        supersede(i, log.head[0], work, log)
    log.head[0] += 1
    work.synced[0] = log.head[0]


@kernel(inline=True)
def supersede(i: int, entry: int, work: Work, log: Log) -> None:
    """Mark the entry of a row before this one."""
    mask = len(log.rows) - 1
    if entry - work.latest[i] <= mask:
        work.superseded[work.latest[i] & mask] = 1
    work.latest[i] = entry
    work.superseded[entry & mask] = 0


@kernel(inline=True)
def copy_row(i: int, e: int, nodes: NodeRows, ring: NodeRows) -> None:
    """Copy the numbers of a row into entry e of the ring."""
    for r in range(nodes.requested.shape[0]):
        ring.allocatable[r, e] = nodes.allocatable[r, i]
        ring.requested[r, e] = nodes.requested[r, i]
        ring.nonzero_requested[r, e] = nodes.nonzero_requested[r, i]
    for w in range(nodes.used_ports.shape[0]):
        ring.used_ports[w, e] = nodes.used_ports[w, i]
    ring.pod_count[e] = nodes.pod_count[i]
    ring.allowed_pods[e] = nodes.allowed_pods[i]
    copy_own(i, e, nodes, ring)


@kernel(part=True)
def sync(nodes: NodeRows, work: Work, log: Log) -> None:
    """Copy the numbers of rows that were noted from outside since the last compiled call."""
    head, mask = log.head[0], len(log.rows) - 1
    for entry in range(max(work.synced[0], head - len(log.rows)), head):
        i = np.int64(log.rows[entry & mask])
        work.position_at[entry & mask] = work.position[i]
        copy_row(i, entry & mask, nodes, work.ring)
        if COSTLY:
            supersede(i, entry, work, log)
    work.synced[0] = head
