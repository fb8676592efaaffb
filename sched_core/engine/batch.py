"""Batch: the outcome of many decisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Failure(NamedTuple):
    """Why a pod of a batch has no node."""

    message: str
    """Text of the FailedScheduling event, or why the pod was not tried."""
    reasons: dict[str, int]
    """Reason -> number of nodes; empty if no filter was asked."""
    error: bool = False
    """Whether the attempt ended with an error rather than with a refusal."""
    nominated_node: str = ""
    """The node on which preemption would make room; nothing was evicted."""
    victims: tuple[str, ...] = ()
    """Keys of the pods that would have to go from there, the most important first."""


@dataclass
class Batch:
    """Rows, failures and timings of P decisions."""

    node_of: NDArray[np.int32]
    """int32[P]: row of the node, -1 where there is none."""
    failures: dict[int, Failure] = field(default_factory=dict)
    """Position -> why it failed."""
    latency_ns: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """float64[P] with ``measure=True``: time of each decision, from the processor's time stamp counter."""
    placed: dict[str, NDArray[Any]] = field(default_factory=dict)
    """Column of a plugin's own -> [P, ..]: what it remembers of each placement; zero where there is none."""
    speed_used: dict[str, int] = field(default_factory=dict)
    """cycle, fused or incremental -> number of pods."""

    @property
    def scheduled(self) -> int:
        return int(np.count_nonzero(self.node_of >= 0))
