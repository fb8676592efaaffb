"""Place many pods looking at a part of the nodes for each (percentageOfNodesToScore): the rest of the generated module.

Copied behind `batch`, with the same names. Nothing is kept from pod to pod but the start of the next scan.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sched_core.kernels.clock import ticks
from sched_core.kernels.jit import kernel
from sched_core.kernels.select import best_in_preorder
from sched_core.rows.batch import (
    add_terms,
    assume,
    fill_part,
    has_normalized,
    look_at_one,
    move_start,
    score_all,
    score_rivals,
)
from sched_core.rows.ring import copy_row, sync
from sched_core.rows.rivals import hold_stretch
from sched_core.rows.table import NodeRows, PodRows
from sched_core.rows.terms import allow, find_limits
from sched_core.rows.tuples import LONE, Log, Out, Static, Switches, Tallies, Terms, Work

STRETCH = 128
"""Positions that a sampled scan scores at a time."""


BROKEN = -2
BY_RANK = False
"""Whether positions are in order of rank, and the first of the highest totals wins."""

# copied from here ----------------------------------------------------------------------------------------------------


@kernel(inline=True)
def score_stretch(
    c: int, k: int, j: int, width: int, pods: PodRows, nodes: NodeRows, static: Static, switches: Switches, work: Work
) -> int:
    """Score the positions from ``j`` on; return broken scores.

    Totals go to ``work.sums``: from ``j`` on if positions are rows, else from 0 on.
    """
    if work.identity:
        return score_all(c, j, j + width, pods, nodes, static.score[k], switches, work.sums)
    for offset in range(width):
        i = np.int64(work.order[j + offset])
        copy_row(i, offset, nodes, work.stretch)
        work.stretch_base[offset] = static.score[k, i]
    return score_all(c, 0, width, pods, work.stretch, work.stretch_base, switches, work.sums)


@kernel(inline=True)
def find_sample(
    c: int, k: int, x: int, wanted: int, pods: PodRows, nodes: NodeRows, static: Static, switches: Switches,
    terms: Terms, tallies: Tallies, work: Work,
) -> tuple[int, int, int]:  # fmt: skip
    """Scan from the start until one feasible node more than wanted is met, which does not count.

    Totals without the normalised part go to ``work.score``, positions to ``work.changed``. Return how many were found,
    how many positions count as looked at, and broken scores.
    """
    count = len(work.order)
    found, seen, broken = 0, 0, 0
    if x >= 0:
        find_limits(x, terms, tallies)
    if len(work.rivals.row) > 0:
        score_rivals(c, pods, switches, work)
    while seen < count:
        j = (work.start[0] + seen) % count
        width = min(STRETCH, count - seen, count - j)
        broken += score_stretch(c, k, j, width, pods, nodes, static, switches, work)
        first = j if work.identity else 0
        if len(work.rivals.row) > 0:
            hold_stretch(c, j, width, pods, work.rivals, work.position, work.sums[first : first + width])
        if x >= 0:
            allow(x, j, j + width, terms, tallies, work.allowed)
        for offset in range(width):
            total = work.sums[first + offset]
            if total >= 0 and (x < 0 or work.allowed[j + offset] != 0):
                if found == wanted:
                    return found, seen + offset, broken
                work.score[found] = np.int32(total)
                work.changed[found] = j + offset
                found += 1
        seen += width
    return found, seen, broken


@kernel(inline=True)
def normalize_sample(k: int, found: int, static: Static, work: Work) -> int:
    """Add the normalised scores to the nodes of a sample; return broken scores."""
    bounds = work.bounds
    for m in range(static.raw_index.shape[1]):
        q = static.raw_index[k, m]
        if q >= 0:
            lowest, highest = np.int32(2147483647), np.int32(-2147483648)
            for number in range(found):
                raw = static.raw[q, work.changed[number]]
                lowest, highest = min(lowest, raw), max(highest, raw)
            bounds[m, 0], bounds[m, 1] = lowest, highest
    broken = fill_part(k, len(work.order), static, bounds)
    for number in range(found):
        work.score[number] += static.part[k, work.changed[number]]
    return broken


@kernel(inline=True)
def best_of_sample(
    c: int, k: int, x: int, wanted: int, pods: PodRows, nodes: NodeRows, static: Static, switches: Switches,
    terms: Terms, tallies: Tallies, work: Work,
) -> tuple[int, int]:  # fmt: skip
    """Return the position of the best node, -1 if there is none, BROKEN if a score is, and how many were looked at."""
    found, seen, broken = find_sample(c, k, x, wanted, pods, nodes, static, switches, terms, tallies, work)
    if found > 1 and has_normalized(k, static):
        broken += normalize_sample(k, found, static, work)
    if found > 1 and x >= 0:
        broken += add_terms(x, found, work.changed, work.score, terms, tallies, work)
    if broken > 0:
        return BROKEN, seen
    if found == 0:
        return -1, seen
    best = best_in_preorder(work.score, found, 0, work.blocks[0], work.blocks[1], work.blocks[2])
    if BY_RANK:  # the scan may have gone around the end
        for number in range(found):
            if work.score[number] == work.score[best] and work.changed[number] < work.changed[best]:
                best = number
    return work.changed[best], seen


@kernel
def place_sampled(
    classes: NDArray[np.int32], start: int, stop: int, wanted: int, pods: PodRows, nodes: NodeRows, static: Static,
    switches: Switches, terms: Terms, tallies: Tallies, work: Work, log: Log, out: Out,
) -> int:  # fmt: skip
    """Place pods looking at as many nodes as it takes to find ``wanted`` feasible ones; else as `place_scan`.

    The start of the next scan moves by the nodes that were looked at: all of them for a pod that no node takes, so not
    at all then. It does not move for the pod at which this ends early.
    """
    sync(nodes, work, log)
    for p in range(start, stop):
        c = classes[p]
        k, x = static.result_of[c], terms.of[c]
        out.row[p] = -1
        if out.failed_at[c] == log.head[0]:
            move_start(k, static, work)
        else:
            if k == LONE:
                j, seen = look_at_one(c, x, pods, nodes, static, switches, terms, tallies, work), 1
            else:
                j, seen = best_of_sample(c, k, x, wanted, pods, nodes, static, switches, terms, tallies, work)
            if j < 0:
                out.failed_at[c] = log.head[0] if j != BROKEN else -1
                if out.asks or j == BROKEN:
                    return p
            else:
                out.row[p] = work.order[j]
                assume(c, out.row[p], p, pods, nodes, tallies, work, log, out)
            work.start[0] = (work.start[0] + seen) % len(work.order)
        if len(out.ticks) > 0:
            out.ticks[p] = ticks()
    return stop
