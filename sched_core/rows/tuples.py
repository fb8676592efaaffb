"""The tuples of arrays that compiled batches work on.

Axes: pods P, classes C, static results K, filters F and scores S in row form, normalised plugins M, raw scores Q,
slots S, rows and positions of nodes N, blocks of positions B, entries of the change log L, kinds of pods G, tallies T,
arrays of domains D, sets of terms X, filter terms U, score terms V, plugins in domain form that score Y.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core.rows.table import NodeRows

LONE = -3
"""In `Static.result_of`: PreFilter names one node, so there is nothing to keep but its row."""


class Static(NamedTuple):
    """Results that depend on the pod's signatures and on node objects alone."""

    result_of: NDArray[np.int32]
    """[C]: class -> k, or LONE."""
    lone: NDArray[np.int32]
    """[C]: the row of the one node that PreFilter of a LONE class names, -1 where a static filter refuses it."""
    score: NDArray[np.int32]
    """[K, N]: weighted scores that need no normalisation any more, -1 where a static filter says no."""
    step: NDArray[np.int32]
    """[K]: how far a decision moves the start of the next scan: the number of nodes that PreFilter named, 0 for all."""
    raw_index: NDArray[np.int32]
    """[K, M]: row of ``raw`` for normalised plugin m, -1 where its raw scores are all equal or it is skipped."""
    raw: NDArray[np.int32]
    """[Q, N]: raw scores by position."""
    weight: NDArray[np.int64]
    """[M]: weights of the normalised plugins."""
    part: NDArray[np.int32]
    """[K, N]: weighted normalised scores by position, for the bounds in ``part_bounds``."""
    part_bounds: NDArray[np.float64]
    """[K, M, 2]: NaN where ``part`` is not filled in."""


class Switches(NamedTuple):
    """What PreFilter and PreScore of compiled plugins left on, by class."""

    filter_on: NDArray[np.uint8]
    """[C, F]."""
    weight: NDArray[np.int64]
    """[C, S]: 0 where the plugin is skipped."""


class Slots(NamedTuple):
    """Kept scores of classes."""

    slot_of: NDArray[np.int32]
    """[C]: class -> s, -1: none is kept."""
    version: NDArray[np.int64]
    """[S]: head of the change log when the slot was last right, -1: never."""
    score: NDArray[np.int32]
    """[S, N]: totals by position, negative where infeasible."""
    bounds: NDArray[np.float64]
    """[S, M, 2]: extremes of the raw scores over the feasible nodes, with which ``score`` was normalised."""
    best: NDArray[np.int32]
    """[S, B]: highest score in each block."""
    feasible: NDArray[np.int32]
    """[S, B]: number of feasible positions in each block."""


class Tree(NamedTuple):
    """Heaps over the feasible nodes, in the order of the snapshot."""

    start: NDArray[np.int64]
    """[S]: position at which the scan began for which the heap was made, -1: there is none."""
    size: NDArray[np.int64]
    """[S]: number of feasible nodes."""
    rank_of: NDArray[np.int32]
    """[S, N]: position -> rank among the feasible ones, which is its place in the heap."""
    row_at: NDArray[np.int32]
    """[S, N]: rank -> row."""
    own: NDArray[np.int32]
    """[S, N]: total by rank."""
    best: NDArray[np.int32]
    """[S, N]: highest total in the subtree of a rank."""


class Tallies(NamedTuple):
    """Weights of placed pods added up by topology domain, and what each kind of pods weighs in which tally."""

    numbers: NDArray[np.int64]
    """The numbers of all tallies: those of t from ``first[t]`` on, one more than it has domains; the last one is 0."""
    first: NDArray[np.int64]
    """[T]."""
    size: NDArray[np.int32]
    """[T]: number of domains."""
    total: NDArray[np.int64]
    """[T]: sum of the numbers of a tally."""
    domain_of: NDArray[np.int32]
    """[T]: row of ``domain`` by which pods are added."""
    domain: NDArray[np.int32]
    """[D, N]: domain by position; a tally's size where a node is in none."""
    kind_of: NDArray[np.int32]
    """[C]: class -> kind."""
    start: NDArray[np.int32]
    """[G + 1]: where the entries of a kind begin in ``tally`` and ``weight``."""
    tally: NDArray[np.int32]
    weight: NDArray[np.int64]
    mark: NDArray[np.int64]
    """By domain, when it was counted last (see `count_domains`); at the end the number of times that any were."""


class Terms(NamedTuple):
    """The terms of pods that plugins in domain form judge."""

    of: NDArray[np.int32]
    """[C]: class -> x, -1: it has no terms."""
    filter_start: NDArray[np.int32]
    """[X + 1]."""
    rule: NDArray[np.int8]
    """[U]: NEAR, APART or SPREAD."""
    filter_tally: NDArray[np.int32]
    """[U]."""
    filter_domain: NDArray[np.int32]
    """[U]: row of `Tallies.domain` by which a node's number is found."""
    slack: NDArray[np.int64]
    """[U]: how far a number may lie above the lowest one (SPREAD)."""
    group_start: NDArray[np.int32]
    """[U]: the first of the terms that must all be empty for a node to be good without pods (NEAR)."""
    group_end: NDArray[np.int32]
    """[U]: the end of these; equal to the start where empty tallies are no good."""
    present_start: NDArray[np.int32]
    """[U + 1]: where the domains begin whose lowest number counts."""
    present: NDArray[np.int32]
    limits: NDArray[np.int64]
    """[U, 3]: room for the lowest and the highest number that a term allows, and the domain that it refuses, or -1."""
    score_start: NDArray[np.int32]
    """[X * Y + 1]: x * Y + y -> where its score terms begin."""
    score_tally: NDArray[np.int32]
    """[V]."""
    score_domain: NDArray[np.int32]
    """[V]."""
    weight: NDArray[np.float64]
    """[V]."""
    constant: NDArray[np.float64]
    """[V]."""
    table: NDArray[np.int64]
    """[V]: where in ``tables`` the weights by number of domains begin, -1: the weight is fixed."""
    tables: NDArray[np.float64]
    counted: NDArray[np.int32]
    """[V]: row of `Tallies.domain` of which domains are counted, -1: each node is one by itself."""
    counted_size: NDArray[np.int32]
    """[V]: how many there are at most."""
    mask: NDArray[np.int32]
    """[X * Y]: row of ``scored``, -1: all nodes are scored."""
    scored: NDArray[np.uint8]
    """[.., N]: by position."""
    plugin_weight: NDArray[np.int64]
    """[Y]."""


class Rivals(NamedTuple):
    """Nodes to which pods are nominated, with these pods on them: E entries (see `rows.rivals`)."""

    row: NDArray[np.int32]
    """[E]."""
    above: NDArray[np.int64]
    """[E]: the entry counts for pods of a higher priority than this,"""
    up_to: NDArray[np.int64]
    """[E]: and of none that is higher than this."""
    nodes: NodeRows
    """[.., E]: the numbers of the node and its nominated pods together."""
    base: NDArray[np.int32]
    """[E]: zero; what does not depend on pods is known of the row."""
    sums: NDArray[np.float64]
    """[E]: negative where a row filter says no, for the pod in turn."""


class Work(NamedTuple):
    """Order of the nodes and room for intermediate results."""

    order: NDArray[np.int32]
    """[n]: position -> row."""
    position: NDArray[np.int32]
    """[N]: row -> position."""
    identity: bool
    """Whether ``order`` is 0, 1, 2, ..."""
    start: NDArray[np.int64]
    """[1]: position at which the next scan begins; it decides among ties."""
    sums: NDArray[np.float64]
    """[L]."""
    score: NDArray[np.int32]
    """[N]: as in a slot, for classes without one."""
    dirty: NDArray[np.uint8]
    """[B]: blocks with changed scores."""
    blocks: NDArray[np.int32]
    """[3, B + 1]: room for the choice of a node."""
    changed: NDArray[np.int32]
    """[L]: positions with changed scores."""
    counts: NDArray[np.int64]
    """[3]: see `update`."""
    bounds: NDArray[np.float64]
    """[M, 2]."""
    ring: NodeRows
    """[.., L]: the numbers of the rows in the change log, entry by entry; scoring a stretch of the log again reads
    them in a stream, where gathering the rows from all columns costs five times as much."""
    position_at: NDArray[np.int32]
    """[L]: positions of these rows."""
    base: NDArray[np.int32]
    """[L]: static results of these rows."""
    stretch: NodeRows
    """[.., 128]: the numbers of the rows that a sampled scan looks at."""
    stretch_base: NDArray[np.int32]
    """[128]: static results of these rows."""
    every: NDArray[np.int32]
    """[n]: 0, 1, 2, ..."""
    allowed: NDArray[np.uint8]
    """[N]: whether terms allow a position."""
    raw: NDArray[np.float64]
    """[N]: raw scores of the nodes looked at."""
    term_bounds: NDArray[np.float64]
    """[Y, 2]: extremes of the raw scores in domain form."""
    synced: NDArray[np.int64]
    """[1]: head of the change log up to which the ring is filled."""
    latest: NDArray[np.int64]
    """[N]: the last entry of the change log about a row."""
    superseded: NDArray[np.uint8]
    """[L]: entries of which the row has a later one."""
    rivals: Rivals


class Log(NamedTuple):
    """The change log: a ring of rows and the number of entries ever written."""

    rows: NDArray[np.int32]
    head: NDArray[np.int64]


class Out(NamedTuple):
    """Where results go."""

    row: NDArray[np.int32]
    """[P]: row of the node, -1: no node."""
    ticks: NDArray[np.int64]
    """[P] or [0]: counter at the end of each decision."""
    failed_at: NDArray[np.int64]
    """[C]: head of the change log when the class last found no node."""
    placed: tuple[NDArray[Any], ...]
    """[P, ..] each: what plugins remember of placements."""
    asks: bool
    """Whether the call ends at a pod that no node takes, so that the cycle is asked why."""
