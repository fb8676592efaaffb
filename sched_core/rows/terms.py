"""Judge nodes by how many placed pods are in their topology domains, inside a compiled batch.

Tallies are numbers by domain. A filter term allows a range of numbers, which is found once a pod, so that one loop
serves all rules; a score term adds a multiple. These are real functions, not copied into generated modules: no row
function of a plugin is called here, and what they cost by node outweighs the call.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sched_core.kernels.jit import kernel
from sched_core.rows.tuples import Tallies, Terms

NEAR, APART, SPREAD = 0, 1, 2
ANY = np.iinfo(np.int64).max
"""A limit that no number reaches."""


@kernel(inline=True)
def tally_pod(c: int, j: int, sign: int, low: int, high: int, tallies: Tallies) -> None:
    """Add what a pod at a position weighs to the tallies from ``low`` on and below ``high``."""
    kind = tallies.kind_of[c]
    for entry in range(tallies.start[kind], tallies.start[kind + 1]):
        t = tallies.tally[entry]
        d = tallies.domain[tallies.domain_of[t], j]
        if low <= t < high and d < tallies.size[t]:
            tallies.numbers[tallies.first[t] + d] += sign * tallies.weight[entry]
            tallies.total[t] += sign * tallies.weight[entry]


@kernel
def tally_pods(
    classes: NDArray[np.int32], positions: NDArray[np.int32], sign: int, low: int, high: int, tallies: Tallies
) -> None:
    """Do `tally_pod` for many pods."""
    for number in range(len(classes)):
        tally_pod(classes[number], positions[number], sign, low, high, tallies)


@kernel
def find_limits(x: int, terms: Terms, tallies: Tallies) -> None:
    """Find for each filter term of x which numbers it allows, and which domain it refuses whatever its number."""
    for u in range(terms.filter_start[x], terms.filter_start[x + 1]):
        t = terms.filter_tally[u]
        lowest, highest, refused = -ANY, ANY, int(tallies.size[t])
        if terms.rule[u] == APART:
            highest, refused = 0, -1
        elif terms.rule[u] == SPREAD:
            least = ANY if terms.present_start[u + 1] > terms.present_start[u] else 0
            for number in range(terms.present_start[u], terms.present_start[u + 1]):
                least = min(least, int(tallies.numbers[tallies.first[t] + terms.present[number]]))
            highest = least + int(terms.slack[u])
        elif not may_be_alone(u, terms, tallies):
            lowest = 1
        terms.limits[u, 0], terms.limits[u, 1], terms.limits[u, 2] = lowest, highest, refused


@kernel(inline=True)
def may_be_alone(u: int, terms: Terms, tallies: Tallies) -> bool:
    """Tell whether the tallies of a NEAR rule are all empty and the rule is content with that."""
    for number in range(terms.group_start[u], terms.group_end[u]):
        if tallies.total[terms.filter_tally[number]] != 0:
            return False
    return bool(terms.group_end[u] > terms.group_start[u])


@kernel
def allow(x: int, first: int, last: int, terms: Terms, tallies: Tallies, allowed: NDArray[np.uint8]) -> None:
    """Write whether all filter terms of x allow the positions ``first`` to ``last``."""
    begin, end = terms.filter_start[x], terms.filter_start[x + 1]
    if begin == end:
        allowed[first:last] = 1
    for u in range(begin, end):
        t = terms.filter_tally[u]
        count = tallies.numbers[tallies.first[t] : tallies.first[t] + tallies.size[t] + 1]
        domain = tallies.domain[terms.filter_domain[u]]
        lowest, highest, refused = terms.limits[u, 0], terms.limits[u, 1], terms.limits[u, 2]
        for j in range(np.uint64(first), np.uint64(last)):
            number = count[np.uint32(domain[j])]
            ok = (number >= lowest) & (number <= highest) & (domain[j] != refused)
            allowed[j] = ok if u == begin else ok & (allowed[j] != 0)


@kernel
def rate(
    x: int, y: int, total: int, positions: NDArray[np.int32], score: NDArray[np.int32], terms: Terms, tallies: Tallies,
    raw: NDArray[np.float64], bounds: NDArray[np.float64],
) -> None:  # fmt: skip
    """Write the raw scores of ``total`` nodes, at ``positions``, and the extremes over those that are scored.

    ``score`` is negative for infeasible nodes.
    """
    own = x * len(terms.plugin_weight) + y
    raw[:total] = 0.0
    for v in range(terms.score_start[own], terms.score_start[own + 1]):
        weight = terms.weight[v]
        if terms.table[v] >= 0:
            found = count_domains(own, v, total, positions, score, terms, tallies)
            weight = terms.tables[terms.table[v] + found]
        t = terms.score_tally[v]
        count = tallies.numbers[tallies.first[t] : tallies.first[t] + tallies.size[t] + 1]
        add_weighted(total, positions, tallies.domain[terms.score_domain[v]], count, weight, terms.constant[v], raw)
    lowest, highest = np.inf, -np.inf
    mask = terms.mask[own]
    for number in range(total):
        whole = np.floor(raw[number])
        raw[number] = whole + (1.0 if raw[number] - whole >= 0.5 else 0.0)
        if score[number] >= 0 and (mask < 0 or terms.scored[mask, positions[number]] != 0):
            lowest, highest = min(lowest, raw[number]), max(highest, raw[number])
    bounds[y, 0], bounds[y, 1] = lowest, highest


@kernel(part=True)
def add_weighted(
    total: int, positions: NDArray[np.int32], domain: NDArray[np.int32], count: NDArray[np.int64], weight: float,
    constant: float, raw: NDArray[np.float64],
) -> None:  # fmt: skip
    """Add a multiple of the number of each node's domain and a constant; nothing where it is in none."""
    none = len(count) - 1
    for number in range(np.uint64(total)):
        d = domain[np.uint32(positions[number])]
        part = float(count[np.uint32(d)]) * weight + constant
        raw[number] += part if d != none else 0.0


@kernel(part=True)
def count_domains(
    own: int, v: int, total: int, positions: NDArray[np.int32], score: NDArray[np.int32], terms: Terms, tallies: Tallies
) -> int:
    """Return in how many different domains the scored nodes lie."""
    mark = tallies.mark
    mark[-1] += 1
    found, mask = 0, terms.mask[own]
    for number in range(total):
        j = positions[number]
        if score[number] >= 0 and (mask < 0 or terms.scored[mask, j] != 0):
            if terms.counted[v] < 0:
                found += 1
                continue
            d = tallies.domain[terms.counted[v], j]
            if mark[d] != mark[-1]:
                mark[d] = mark[-1]
                found += 1
                if found == terms.counted_size[v]:
                    break
    return found
