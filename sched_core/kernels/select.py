"""Choose the node that kube-scheduler's selectHost takes (upstream: schedule_one.go, selectHost).

The feasible nodes, in the order in which they were looked at, form a binary heap (children of i: 2i+1, 2i+2); of those
with the highest total the first in pre-order is taken. Here totals lie in an array over all positions, negative where a
node is infeasible; the heap index of a position is its rank among the feasible ones, counted from the position
``start`` at which the scan begins, around the end. Positions are taken in blocks of 128, of which the highest total and
the number of feasible positions are known.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sched_core.kernels.jit import kernel

BLOCK = 128
_CHUNK = 16
_FEW = 16
"""Up to so many blocks with ties are looked through tie by tie; with more, the heap is searched from the root."""


def select_host(total: NDArray[np.int32]) -> int:
    """Return the position of the winner in ``total`` int32[n], -1 if all totals are negative."""
    blocks = -(-len(total) // BLOCK)
    scratch = np.zeros((3, blocks + 1), np.int32)
    return int(best_in_preorder(total, len(total), 0, scratch[0], scratch[1], scratch[2]))


@kernel
def best_in_preorder(
    total: NDArray[np.int32],
    count: int,
    start: int,
    best_of: NDArray[np.int32],
    feasible_of: NDArray[np.int32],
    rank_of: NDArray[np.int32],
) -> int:
    """Return the position of the winner among ``total[:count]``, -1 if all are negative; measures all blocks first.

    ``best_of``, ``feasible_of`` and ``rank_of`` int32[>= blocks + 1] are scratch.
    """
    for b in range((count + BLOCK - 1) // BLOCK):
        best_of[b], feasible_of[b] = measure_block(total[b * BLOCK : min((b + 1) * BLOCK, count)])
    return best_of_blocks(total, count, start, best_of, feasible_of, rank_of)


@kernel
def first_best(
    total: NDArray[np.int32],
    count: int,
    start: int,
    best_of: NDArray[np.int32],
    feasible_of: NDArray[np.int32],
    rank_of: NDArray[np.int32],
) -> int:
    """Do what `best_in_preorder` does where the first of the highest totals wins: positions are in order of rank."""
    for b in range((count + BLOCK - 1) // BLOCK):
        best_of[b], feasible_of[b] = measure_block(total[b * BLOCK : min((b + 1) * BLOCK, count)])
    return first_of_blocks(total, count, start, best_of, feasible_of, rank_of)


@kernel
def first_of_blocks(
    total: NDArray[np.int32],
    count: int,
    start: int,
    best_of: NDArray[np.int32],
    feasible_of: NDArray[np.int32],
    rank_of: NDArray[np.int32],
) -> int:
    """Do what `best_of_blocks` does where the first of the highest totals wins."""
    best, first = np.int32(-1), 0
    for b in range((count + BLOCK - 1) // BLOCK):
        if best_of[b] > best:
            best, first = best_of[b], b
    if best < 0:
        return -1
    position = first * BLOCK
    while total[position] != best:
        position += 1
    return position


@kernel(inline=True)
def measure_block(block: NDArray[np.int32]) -> tuple[int, int]:
    """Return the highest total of a block and how many of its positions are feasible."""
    best, feasible = np.int32(-1), np.int32(0)
    for position in range(len(block)):
        best = max(best, block[position])
        feasible += block[position] >= 0
    return best, feasible


@kernel
def best_of_blocks(
    total: NDArray[np.int32],
    count: int,
    start: int,
    best_of: NDArray[np.int32],
    feasible_of: NDArray[np.int32],
    rank_of: NDArray[np.int32],
) -> int:
    """Do what `best_in_preorder` does with blocks that are measured; ``rank_of`` int32[>= blocks + 1] is scratch."""
    blocks = (count + BLOCK - 1) // BLOCK
    best, hits = np.int32(-1), 0
    rank_of[0] = 0
    for b in range(blocks):
        best = max(best, best_of[b])
        rank_of[b + 1] = rank_of[b] + feasible_of[b]
    if best < 0:
        return -1
    for b in range(blocks):
        hits += best_of[b] == best
    size = np.int64(rank_of[blocks])
    first = np.int64(rank_of[start // BLOCK])  # rank of the first feasible position from `start` on
    for position in range(start - start % BLOCK, start):
        first += total[position] >= 0
    if hits > _FEW:
        return _descend(total, count, best, size, first, best_of, rank_of)
    return _scan(total, count, best, size, first, best_of, rank_of)


@kernel(part=True)
def _descend(
    total: NDArray[np.int32],
    count: int,
    best: int,
    size: int,
    first: int,
    best_of: NDArray[np.int32],
    rank_of: NDArray[np.int32],
) -> int:
    """Go down from the root: stop at a tie, else left if there is a tie below, else right.

    On each level a subtree is a contiguous range of ranks, so of positions; looking into it reads mostly `best_of`.
    """
    blocks = (count + BLOCK - 1) // BLOCK
    index = np.int64(0)
    while True:
        position = _position(total, count, blocks, rank_of, (index + first) % size)
        if total[position] == best:
            return position
        left = 2 * index + 1
        depth = 0
        while ((left + 1) << (depth + 1)) - 1 < size:
            depth += 1
        found = False
        while depth >= 0 and not found:  # the deepest level is the widest: it most likely has a tie
            low = (((left + 1) << depth) - 1 + first) % size
            high = (min(((left + 2) << depth) - 2, size - 1) + first) % size
            from_position = _position(total, count, blocks, rank_of, low)
            to_position = _position(total, count, blocks, rank_of, high)
            if low <= high:
                found = _tie_between(total, best, best_of, from_position, to_position)
            else:
                found = _tie_between(total, best, best_of, from_position, count - 1)
                found = found or _tie_between(total, best, best_of, 0, to_position)
            depth -= 1
        index = left if found else left + 1


@kernel(inline=True)
def _position(total: NDArray[np.int32], count: int, blocks: int, rank_of: NDArray[np.int32], rank: int) -> int:
    """Return the position of a rank."""
    if rank_of[blocks] == count:
        return rank
    low, high = rank // BLOCK, blocks  # infeasible positions only move a rank to a later block
    while high - low > 1:
        middle = (low + high) >> 1
        if rank_of[middle] <= rank:
            low = middle
        else:
            high = middle
    left = rank - rank_of[low]
    position = low * BLOCK
    if rank_of[low + 1] - rank_of[low] == min(BLOCK, count - position):
        return position + left
    while True:
        chunk = total[position : min(position + _CHUNK, count)]
        feasible = 0
        for offset in range(len(chunk)):
            feasible += chunk[offset] >= 0
        if feasible > left:
            break
        left -= feasible
        position += _CHUNK
    while left > 0 or total[position] < 0:
        left -= total[position] >= 0
        position += 1
    return position


@kernel(inline=True)
def _tie_between(total: NDArray[np.int32], best: int, best_of: NDArray[np.int32], first: int, last: int) -> bool:
    """Tell whether a position from ``first`` to ``last`` (included) has the total ``best``."""
    low, high = first // BLOCK, last // BLOCK
    hits = 0
    for b in range(low + 1, high):
        hits += best_of[b] == best
    if hits > 0:
        return True
    for b in (low, high):
        if best_of[b] == best:
            part = total[max(first, b * BLOCK) : min(last + 1, (b + 1) * BLOCK)]
            for position in range(len(part)):
                hits += part[position] == best
    return hits > 0


@kernel(part=True)
def _scan(
    total: NDArray[np.int32],
    count: int,
    best: int,
    size: int,
    first: int,
    best_of: NDArray[np.int32],
    rank_of: NDArray[np.int32],
) -> int:
    """Look at every tie, in the blocks that have one.

    Pre-order is the lexicographic order of the paths from the root, and the path to i is the binary form of i + 1
    without its leading one. Paths are compared left-aligned; where they are equal, the shorter one comes first.
    """
    winner, winner_path = -1, np.int64(1) << 62
    for b in range((count + BLOCK - 1) // BLOCK):
        if best_of[b] != best:
            continue
        rank = np.int64(rank_of[b])
        for start in range(b * BLOCK, min((b + 1) * BLOCK, count), _CHUNK):
            chunk = total[start : min(start + _CHUNK, count)]
            hits, feasible = 0, 0
            for position in range(len(chunk)):
                hits += chunk[position] == best
                feasible += chunk[position] >= 0
            here = rank
            for position in range(len(chunk) if hits > 0 else 0):
                if chunk[position] == best:
                    index = here - first if here >= first else here - first + size
                    bits = math.frexp(float(index + 1))[1]
                    path = ((index + 1) << (40 - bits) << 6) + bits
                    if path < winner_path:
                        winner, winner_path = start + position, path
                here += chunk[position] >= 0
            rank += feasible
    return winner
