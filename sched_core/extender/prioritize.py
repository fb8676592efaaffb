"""The prioritize verb: what extenders add to the totals of the feasible nodes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from sched_core.errors import ExtenderError
from sched_core.extender.client import ExtenderClient
from sched_core.extender.filter import Feasible
from sched_core.extender.records import HostPriority, HostPriorityList
from sched_core.extender.sent import SentNodes
from sched_core.framework.plugin import MAX_NODE_SCORE

MAX_EXTENDER_PRIORITY = 10
"""Extenders score from 0 to this; nobody checks that they do."""


class Priorities(NamedTuple):
    """What extenders say of the feasible nodes."""

    scores: dict[str, NDArray[np.int64]]
    """Extender -> int64[F], with its weight, in the range of the plugins' scores."""
    scored: NDArray[np.bool_]
    """bool[F]: nodes that any extender has scored; upstream prefers them among nodes of equal total."""


def ask_priorities(clients: Iterable[ExtenderClient], pod: Raw, feasible: Feasible, sent: SentNodes) -> Priorities:
    """Return the scores of extenders; one that gives no answer, or has no verb, adds nothing."""
    names = [sent.nodes.names[row] for row in feasible.rows.tolist()]
    scores: dict[str, NDArray[np.int64]] = {}
    scored = np.zeros(len(names), np.bool_)
    for client in clients:
        config = client.config
        if not config.prioritize_verb:
            scored[:] = True
            continue
        try:
            question = feasible.question(client, pod, sent)
            answer: tuple[HostPriority, ...] = client.ask(config.prioritize_verb, question, HostPriorityList)
        except ExtenderError:
            continue
        sums: dict[str, int] = {}
        for each in answer:
            sums[each.host] = sums.get(each.host, 0) + each.score
        factor = config.weight * (MAX_NODE_SCORE // MAX_EXTENDER_PRIORITY)
        added = np.array([_int64(sums.get(name, 0) * factor) for name in names], np.int64)
        scores[client.name] = scores[client.name] + added if client.name in scores else added
        scored |= np.array([name in sums for name in names], np.bool_)
    return Priorities(scores, scored)


def _int64(number: int) -> int:
    """Let a number overflow as Go's int64 does."""
    return (number + 2**63) % 2**64 - 2**63
