"""Place many pods in one compiled call: the fixed part of the generated module.

`generate` copies these functions behind the row functions of a profile and behind the real `score_all` and `normalize`,
whose placeholders here only show their form. Two ways to find the best node: `place_scan` looks at the totals of all
nodes (fused; with a slot it scores only the rows in the change log since the class last ran), and `place_tree` keeps
the totals of a class in a heap of subtree maxima (design 2.3).

Pods are numbered p, classes c, static results k, slots s, rows of nodes i, positions in the order of the snapshot j,
blocks of positions b, entries of the change log e. Scores are computed by row and kept by position.

What runs for every pod is inlined: handing these tuples of arrays to a real function copies hundreds of words, which
costs more than the work.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sched_core.kernels.clock import ticks
from sched_core.kernels.jit import kernel
from sched_core.kernels.select import BLOCK, best_in_preorder, best_of_blocks, measure_block
from sched_core.rows.ring import COSTLY, copy_row, note, sync
from sched_core.rows.rivals import crowd, hold_rows, hold_stretch
from sched_core.rows.table import NodeRows, PodRows
from sched_core.rows.terms import ANY, allow, find_limits, tally_pod
from sched_core.rows.tuples import LONE, Log, Out, Slots, Static, Switches, Tallies, Terms, Tree, Work

PREFETCH = 64
"""So many changed rows are spread over most cache lines of a slot."""

# generated from here -------------------------------------------------------------------------------------------------


@kernel(inline=True)
def score_all(
    c: int, first: int, last: int, pods: PodRows, nodes: NodeRows, base: NDArray[np.int32],
    switches: Switches, sums: NDArray[np.float64],
) -> int:  # fmt: skip
    """Write the totals of rows ``first`` to ``last`` without the normalised part, -1 where a filter says no.

    ``base`` are the static results of these rows. Return how many scores are out of range.
    """
    raise NotImplementedError


@kernel(inline=True)
def normalize(k: int, count: int, static: Static, bounds: NDArray[np.float64], part: NDArray[np.int32]) -> int:
    """Write the weighted normalised scores of all positions; return how many scores are out of range."""
    raise NotImplementedError


@kernel(inline=True)
def add_terms(
    x: int, total: int, positions: NDArray[np.int32], score: NDArray[np.int32], terms: Terms, tallies: Tallies,
    work: Work,
) -> int:  # fmt: skip
    """Add the weighted scores in domain form of ``total`` nodes at ``positions``; return how many are out of range."""
    raise NotImplementedError


@kernel(inline=True)
def reserve_own(
    c: int, i: int, p: int, pods: PodRows, nodes: NodeRows, placed: tuple[NDArray[Any], ...]
) -> None:  # fmt: skip
    """Let plugins change their own columns of a row for pod p, which comes to it."""
    raise NotImplementedError


# copied from here ----------------------------------------------------------------------------------------------------


@kernel(inline=True)
def rescore(
    c: int, k: int, since: int, pods: PodRows, static: Static, switches: Switches, bounds: NDArray[np.float64],
    work: Work, log: Log,
) -> int:  # fmt: skip
    """Score the log entries from ``since`` on: ``work.sums[e]`` is the total at entry e of the ring."""
    mask = len(log.rows) - 1
    normalized = has_normalized(k, static)
    broken = fill_part(k, len(work.order), static, bounds) if normalized else 0
    first = since
    while first < log.head[0]:
        e = first & mask
        last = min(log.head[0], first + len(log.rows) - e)  # up to the end of the ring
        for entry in range(e, e + last - first):
            work.base[entry] = static.score[k, log.rows[entry]]
            if COSTLY and work.superseded[entry] != 0:
                work.base[entry] = -1
        if normalized:
            for entry in range(e, e + last - first):
                base = work.base[entry]
                work.base[entry] = base + static.part[k, work.position_at[entry]] if base >= 0 else base
        broken += score_all(c, e, e + last - first, pods, work.ring, work.base, switches, work.sums)
        first = last
    return broken


@kernel(inline=True)
def has_normalized(k: int, static: Static) -> bool:
    """Tell whether any normalised plugin tells nodes apart."""
    for m in range(static.raw_index.shape[1]):  # noqa: SIM110  # numba has no any() of a generator
        if static.raw_index[k, m] >= 0:
            return True
    return False


@kernel(part=True)
def find_bounds(k: int, count: int, score: NDArray[np.int32], static: Static, bounds: NDArray[np.float64]) -> None:
    """Find the extremes of the raw scores over the feasible positions."""
    for m in range(static.raw_index.shape[1]):
        q = static.raw_index[k, m]
        if q >= 0:
            raw = static.raw[q]
            lowest, highest = np.int32(2147483647), np.int32(-2147483648)
            for j in range(count):
                feasible = score[j] >= 0
                lowest = min(lowest, raw[j] if feasible else np.int32(2147483647))
                highest = max(highest, raw[j] if feasible else np.int32(-2147483648))
            bounds[m, 0], bounds[m, 1] = lowest, highest


@kernel(part=True)
def fill_part(k: int, count: int, static: Static, bounds: NDArray[np.float64]) -> int:
    """Make ``static.part`` right for some bounds; classes with the same static results mostly share them.

    Return broken scores; infeasible nodes count where their raw scores lie within the bounds.
    """
    same = True
    for m in range(len(static.weight)):
        if static.raw_index[k, m] >= 0:
            same &= static.part_bounds[k, m, 0] == bounds[m, 0] and static.part_bounds[k, m, 1] == bounds[m, 1]
            static.part_bounds[k, m, 0], static.part_bounds[k, m, 1] = bounds[m, 0], bounds[m, 1]
    if same:
        return 0
    broken = normalize(k, count, static, bounds, static.part[k])
    if broken > 0:
        static.part_bounds[k] = np.nan
    return broken


@kernel(inline=True)
def score_rows(
    c: int, k: int, n: int, pods: PodRows, nodes: NodeRows, static: Static, switches: Switches, work: Work
) -> int:
    """Score all ``n`` rows into ``work.sums`` without the normalised part; return broken scores."""
    broken = score_all(c, 0, n, pods, nodes, static.score[k], switches, work.sums)
    if len(work.rivals.row) > 0:
        score_rivals(c, pods, switches, work)
        hold_rows(c, pods, work.rivals, work.sums)
    return broken


@kernel(inline=True)
def score_rivals(c: int, pods: PodRows, switches: Switches, work: Work) -> None:
    """Run the row filters on the entries of nodes to which pods are nominated."""
    rivals = work.rivals
    score_all(c, 0, len(rivals.row), pods, rivals.nodes, rivals.base, switches, rivals.sums)


@kernel(inline=True)
def score_positions(
    c: int, k: int, n: int, pods: PodRows, nodes: NodeRows, static: Static, switches: Switches, work: Work,
    score: NDArray[np.int32], bounds: NDArray[np.float64],
) -> int:  # fmt: skip
    """Score all ``n`` rows into ``score`` by position, normalise, and note the bounds; return broken scores."""
    broken = score_rows(c, k, n, pods, nodes, static, switches, work)
    if work.identity:
        for i in range(n):
            score[i] = np.int32(work.sums[i])
    else:
        for j in range(len(work.order)):
            score[j] = np.int32(work.sums[work.order[j]])
    if has_normalized(k, static):
        find_bounds(k, len(work.order), score, static, bounds)
        broken += fill_part(k, len(work.order), static, bounds)
        part = static.part[k]
        for j in range(len(work.order)):
            score[j] = score[j] + part[j] if score[j] >= 0 else score[j]
    return broken


@kernel(inline=True)
def may_move_bounds(k: int, j: int, static: Static, bounds: NDArray[np.float64]) -> bool:
    """Tell whether the bounds can change when a position becomes feasible or ceases to be."""
    for m in range(static.raw_index.shape[1]):
        q = static.raw_index[k, m]
        if q >= 0 and (static.raw[q, j] <= bounds[m, 0] or static.raw[q, j] >= bounds[m, 1]):
            return True
    return False


@kernel(part=True)
def bounds_differ(
    k: int, count: int, score: NDArray[np.int32], static: Static, work: Work, bounds: NDArray[np.float64]
) -> bool:
    """Tell whether the extremes over the feasible positions are not ``bounds`` any more."""
    find_bounds(k, count, score, static, work.bounds)
    for m in range(static.raw_index.shape[1]):
        if static.raw_index[k, m] >= 0 and (work.bounds[m, 0] != bounds[m, 0] or work.bounds[m, 1] != bounds[m, 1]):
            return True
    return False


@kernel(inline=True)
def update(
    c: int, k: int, s: int, n: int, pods: PodRows, nodes: NodeRows, static: Static, switches: Switches, slots: Slots,
    work: Work, log: Log,
) -> int:  # fmt: skip
    """Bring the scores of a slot up to date from the change log, or anew when that is less work.

    Return broken scores. Changed positions are left in ``work.changed``, their number in ``work.counts[0]``, -1 if all
    are new; ``work.counts[1]`` tells whether the feasibility of any has changed.
    """
    head, since, mask = log.head[0], slots.version[s], len(log.rows) - 1
    score, bounds = slots.score[s], slots.bounds[s]
    slots.version[s] = head
    if since < 0 or head - since > n // 2:
        work.counts[0], work.counts[1] = -1, 1
        return score_positions(c, k, n, pods, nodes, static, switches, work, score, bounds)
    if head - since > PREFETCH:  # reading in a line, ahead of the scattered writes, lets the processor fetch ahead
        touched = np.int32(0)
        for j in range(0, len(work.order), 16):
            touched += score[j]
        work.counts[2] = touched
    broken = rescore(c, k, since, pods, static, switches, bounds, work, log)
    changed, moved = 0, 0
    for entry in range(since, head):  # free of branches: no processor can predict which scores have changed
        j = work.position_at[entry & mask]
        old, new = score[j], np.int32(work.sums[entry & mask])
        if COSTLY and work.superseded[entry & mask] != 0:
            new = old
        score[j] = new
        work.changed[changed] = j
        changed += new != old
        moved |= (old < 0) != (new < 0)
    work.counts[0], work.counts[1] = changed, moved
    if moved != 0 and has_normalized(k, static):
        at_bounds = False
        for number in range(changed):
            at_bounds |= may_move_bounds(k, work.changed[number], static, bounds)
        if at_bounds and bounds_differ(k, len(work.order), score, static, work, bounds):
            broken += score_positions(c, k, n, pods, nodes, static, switches, work, score, bounds)
            work.counts[0] = -1
    return broken


@kernel(inline=True)
def update_blocks(s: int, slots: Slots, work: Work) -> None:
    """Measure the blocks of a slot that have changed."""
    score, count = slots.score[s], len(work.order)
    if work.counts[0] < 0:
        work.dirty[:] = 1
    for number in range(work.counts[0]):
        work.dirty[work.changed[number] // BLOCK] = 1
    for b in range((count + BLOCK - 1) // BLOCK):
        if work.dirty[b] != 0:
            slots.best[s, b], slots.feasible[s, b] = measure_block(score[b * BLOCK : min((b + 1) * BLOCK, count)])
            work.dirty[b] = 0


@kernel(inline=True)
def score_by_terms(
    c: int, k: int, x: int, n: int, pods: PodRows, nodes: NodeRows, static: Static, switches: Switches,
    terms: Terms, tallies: Tallies, work: Work,
) -> int:  # fmt: skip
    """Do what `score_positions` does for a class with terms, into ``work.score``; return broken scores."""
    count, score, part = len(work.order), work.score, static.part[k]
    broken = score_rows(c, k, n, pods, nodes, static, switches, work)
    find_limits(x, terms, tallies)
    allow(x, 0, count, terms, tallies, work.allowed)
    for j in range(count):
        score[j] = np.int32(work.sums[work.order[j]]) if work.allowed[j] != 0 else np.int32(-1)
    if has_normalized(k, static):
        find_bounds(k, count, score, static, work.bounds)
        broken += fill_part(k, count, static, work.bounds)
        for j in range(count):
            score[j] = score[j] + part[j] if score[j] >= 0 else score[j]
    return broken + add_terms(x, count, work.every, score, terms, tallies, work)


@kernel(inline=True)
def assume(
    c: int, i: int, p: int, pods: PodRows, nodes: NodeRows, tallies: Tallies, work: Work, log: Log, out: Out
) -> None:  # fmt: skip
    """Add what pod p uses to its node, count it, and note the row in the change log."""
    reserve_own(c, i, p, pods, nodes, out.placed)
    for r in range(nodes.requested.shape[0]):
        nodes.requested[r, i] += pods.usage[c, r]
        nodes.nonzero_requested[r, i] += pods.nonzero_usage[c, r]
    for w in range(nodes.used_ports.shape[0]):
        nodes.used_ports[w, i] |= pods.port_bits[c, w]
    nodes.pod_count[i] += 1
    if len(tallies.first) > 0:
        tally_pod(c, work.position[i], 1, 0, ANY, tallies)
    if len(work.rivals.row) > 0:
        crowd(c, i, pods, work.rivals)
    note(i, nodes, work, log)


@kernel(inline=True)
def move_start(k: int, static: Static, work: Work) -> None:
    """Move the start of the next scan by the nodes that this one looked at."""
    work.start[0] = (work.start[0] + (1 if k == LONE else static.step[k])) % len(work.order)


@kernel(inline=True)
def look_at_one(
    c: int, x: int, pods: PodRows, nodes: NodeRows, static: Static, switches: Switches, terms: Terms,
    tallies: Tallies, work: Work,
) -> int:  # fmt: skip
    """Return the position of the one node that a LONE class may go to, -1 if a filter refuses it; no score matters."""
    row = np.int64(static.lone[c])
    if row < 0:
        return -1
    j = np.int64(work.position[row])
    copy_row(row, 0, nodes, work.stretch)
    work.stretch_base[0] = 0
    score_all(c, 0, 1, pods, work.stretch, work.stretch_base, switches, work.sums)
    if len(work.rivals.row) > 0:
        score_rivals(c, pods, switches, work)
        hold_stretch(c, j, 1, pods, work.rivals, work.position, work.sums)
    if x >= 0:
        find_limits(x, terms, tallies)
        allow(x, j, j + 1, terms, tallies, work.allowed)
        if work.allowed[j] == 0:
            return -1
    return j if work.sums[0] >= 0 else -1


@kernel
def place_scan(
    classes: NDArray[np.int32], start: int, stop: int, n: int, pods: PodRows, nodes: NodeRows, static: Static,
    switches: Switches, terms: Terms, tallies: Tallies, slots: Slots, work: Work, log: Log, out: Out,
) -> int:  # fmt: skip
    """Place pods ``start`` to ``stop``; return where it ended: ``stop``, or at a pod that the cycle must look at.

    A class with terms needs no slot: its nodes are judged anew for each pod.
    """
    sync(nodes, work, log)
    count = len(work.order)
    for p in range(start, stop):
        c = classes[p]
        k, s, x = static.result_of[c], slots.slot_of[c], terms.of[c]
        row, broken = -1, 0
        if out.failed_at[c] != log.head[0]:
            j = -1
            if k == LONE:
                j = look_at_one(c, x, pods, nodes, static, switches, terms, tallies, work)
            elif s >= 0 and x < 0:
                broken = update(c, k, s, n, pods, nodes, static, switches, slots, work, log)
                update_blocks(s, slots, work)
                if broken > 0:
                    slots.version[s] = -1  # so that the next pod of the class meets it, too
                else:
                    j = best_of_blocks(
                        slots.score[s], count, work.start[0], slots.best[s], slots.feasible[s], work.blocks[2]
                    )
            else:
                if x >= 0:
                    broken = score_by_terms(c, k, x, n, pods, nodes, static, switches, terms, tallies, work)
                else:
                    broken = score_positions(c, k, n, pods, nodes, static, switches, work, work.score, work.bounds)
                if broken == 0:
                    j = best_in_preorder(
                        work.score, count, work.start[0], work.blocks[0], work.blocks[1], work.blocks[2]
                    )
            row = work.order[j] if j >= 0 else -1
            if row < 0:
                out.row[p] = -1
                out.failed_at[c] = log.head[0] if broken == 0 else -1
                if out.asks or broken > 0:
                    move_start(k, static, work)
                    return p
            else:
                assume(c, row, p, pods, nodes, tallies, work, log, out)
        out.row[p] = row
        move_start(k, static, work)
        if len(out.ticks) > 0:
            out.ticks[p] = ticks()
    return stop


@kernel(part=True)
def build(s: int, slots: Slots, tree: Tree, work: Work) -> None:
    """Make the heap of a slot from its scores."""
    score = slots.score[s]
    size = 0
    count, start = len(work.order), work.start[0]
    for offset in range(count):
        j = start + offset - (count if start + offset >= count else 0)
        if score[j] >= 0:
            tree.row_at[s, size] = work.order[j]
            tree.rank_of[s, j] = size
            tree.own[s, size] = score[j]
            size += 1
    for j in range(size - 1, -1, -1):
        best = tree.own[s, j]
        if 2 * j + 1 < size:
            best = max(best, tree.best[s, 2 * j + 1])
        if 2 * j + 2 < size:
            best = max(best, tree.best[s, 2 * j + 2])
        tree.best[s, j] = best
    tree.size[s] = size
    tree.start[s] = start


@kernel(inline=True)
def raise_total(s: int, j: int, total: int, tree: Tree) -> None:
    """Set the total at a rank and climb until the maximum of a subtree does not change."""
    tree.own[s, j] = total
    size = tree.size[s]
    while True:
        best = tree.own[s, j]
        if 2 * j + 1 < size:
            best = max(best, tree.best[s, 2 * j + 1])
        if 2 * j + 2 < size:
            best = max(best, tree.best[s, 2 * j + 2])
        if best == tree.best[s, j]:
            return
        tree.best[s, j] = best
        if j == 0:
            return
        j = (j - 1) >> 1


@kernel(inline=True)
def descend(s: int, tree: Tree) -> int:
    """Return the row of the first of the highest totals in pre-order, -1 from an empty heap."""
    if tree.size[s] == 0:
        return -1
    best, j = tree.best[s, 0], 0
    while tree.own[s, j] != best:
        j = 2 * j + 1 if tree.best[s, 2 * j + 1] == best else 2 * j + 2
    return tree.row_at[s, j]


@kernel(inline=True)
def update_tree(s: int, slots: Slots, tree: Tree, work: Work) -> None:
    """Bring the heap of a slot up to date; only a change of feasibility moves ranks and costs a new heap."""
    if tree.start[s] != work.start[0] or work.counts[0] < 0 or work.counts[1] != 0:
        build(s, slots, tree, work)
        return
    for number in range(work.counts[0]):
        j = work.changed[number]
        if slots.score[s, j] >= 0:
            raise_total(s, tree.rank_of[s, j], slots.score[s, j], tree)


@kernel
def place_tree(
    classes: NDArray[np.int32], start: int, stop: int, n: int, pods: PodRows, nodes: NodeRows, static: Static,
    switches: Switches, terms: Terms, tallies: Tallies, slots: Slots, tree: Tree, work: Work, log: Log, out: Out,
) -> int:  # fmt: skip
    """Do what `place_scan` does with a heap for each class; every class but LONE ones must have a slot and no terms."""
    sync(nodes, work, log)
    for p in range(start, stop):
        c = classes[p]
        k, s = static.result_of[c], slots.slot_of[c]
        row, broken = -1, 0
        if out.failed_at[c] != log.head[0]:
            if k == LONE:
                j = look_at_one(c, terms.of[c], pods, nodes, static, switches, terms, tallies, work)
                row = work.order[j] if j >= 0 else -1
            else:
                broken = update(c, k, s, n, pods, nodes, static, switches, slots, work, log)
                update_tree(s, slots, tree, work)
                if broken > 0:
                    slots.version[s] = -1
                else:
                    row = descend(s, tree)
            if row < 0:
                out.row[p] = -1
                out.failed_at[c] = log.head[0] if broken == 0 else -1
                if out.asks or broken > 0:
                    move_start(k, static, work)
                    return p
            else:
                assume(c, row, p, pods, nodes, tallies, work, log, out)
        out.row[p] = row
        move_start(k, static, work)
        if len(out.ticks) > 0:
            out.ticks[p] = ticks()
    return stop
