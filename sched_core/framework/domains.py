"""Domain form: what a plugin says of a pod if its answers depend on how many placed pods of some kind are in each
topology domain.

A `Tally` adds up a weight of every placed pod by the domain of its node. Rules compare its numbers (`Near`, `Apart`,
`Spread`) or make a score of them (`Weighted`). Compiled batches keep the tallies up to date themselves, from one pod to
the next; a plugin is asked for rules once, not for each pod.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Weigh = Callable[[int, int], tuple[NDArray[np.int64], NDArray[np.int64]]]
"""``(first, end) -> (kinds, weights)``: of the kinds of pods ``first`` to ``end`` those that weigh anything, and what a
pod of each weighs. Kinds are numbered as in ``handle.kinds``; the weight of a kind never changes."""


class Domains(NamedTuple):
    """The domain of each node: ``of`` int64[N] is 0 to ``size - 1``, or ``size`` for a node that is in none."""

    key: Hashable
    of: NDArray[np.int64]
    size: int


class Tally(NamedTuple):
    """The weight of all placed pods in each domain. ``key`` says what is weighed, within one plugin."""

    key: Hashable
    weigh: Weigh
    domains: Domains


class Near(NamedTuple):
    """Refuse nodes that are in no domain of one of the tallies, or in one where it is 0; weights are not negative.

    If ``alone`` and all of the tallies are 0 everywhere, it is enough that the node is in a domain of each.
    """

    tallies: tuple[Tally, ...]
    alone: bool


class Apart(NamedTuple):
    """Refuse nodes in a domain where the tally is above 0."""

    tally: Tally


class Spread(NamedTuple):
    """Refuse nodes in no domain, or where ``tally + itself - lowest > max_skew``.

    ``domains`` say which number of the tally counts for a node, which may be another one than the one that its pods
    are added to. The lowest is taken over the domains ``present`` int64[..], and is 0 if these are fewer than
    ``min_domains``.
    """

    tally: Tally
    domains: Domains
    present: NDArray[np.int64]
    itself: int
    max_skew: int
    min_domains: int


class Weighted(NamedTuple):
    """Add ``tally * weight + constant`` to a node's raw score, in float64; nothing for nodes that are in no domain.

    ``domains`` are as in `Spread`. With ``by_count`` float64[N + 1] the weight is ``by_count[d]``; d is the number of
    different domains of ``counted`` that have a node which is scored in this attempt.
    """

    tally: Tally
    domains: Domains
    weight: float = 1.0
    constant: float = 0.0
    by_count: NDArray[np.float64] | None = None
    counted: Domains | None = None


class DomainTerms(NamedTuple):
    """All that a plugin says of a pod. Raw scores are rounded, halves away from zero.

    ``scored`` bool[N] are the nodes that take part in normalisation (None: all); the others score 0.
    """

    filters: tuple[Near | Apart | Spread, ...] = ()
    scores: tuple[Weighted, ...] = ()
    scored: NDArray[np.bool_] | None = None


NO_TERMS = DomainTerms()
