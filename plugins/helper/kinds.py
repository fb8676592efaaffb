"""Which kinds of pods a label selector can match: an index by label, so that thousands of selectors need not each look
at thousands of kinds.

The index only narrows down; whoever asks still matches.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plugins.helper.label_selector import Selector

if TYPE_CHECKING:
    from sched_core import Pod

Weights = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Kinds, and what a pod of each weighs."""


class KindIndex:
    """The kinds of a cluster's pods by label."""

    def __init__(self) -> None:
        self._kinds: Any = None
        self._known = 0
        self._by_label: dict[tuple[str, str], list[int]] = {}

    def catch_up(self, kinds: Any) -> None:
        """Learn of new kinds."""
        if kinds is not self._kinds:
            self.__init__()  # type: ignore[misc]
            self._kinds = kinds
        for number in range(self._known, len(kinds)):
            for label in kinds.pods[number].metadata.labels.items():
                self._by_label.setdefault(label, []).append(number)
        self._known = len(kinds)

    def candidates(self, selector: Selector, first: int, end: int) -> Iterable[int]:
        """Return the kinds from ``first`` to ``end`` that a selector may match, in order."""
        if selector is None:
            return ()
        for key, operator, values in selector:
            if operator == "In":
                found = (self._from(self._by_label.get((key, value), ()), first, end) for value in values)
                return sorted(number for numbers in found for number in numbers)
        return range(first, end)

    def weigh(self, selector: Selector, first: int, end: int, match: Callable[[Pod], bool]) -> Weights:
        """Return the kinds that match, weighing 1 each; ``match`` is asked about what ``selector`` may match."""
        pods = self._kinds.pods
        found = [number for number in self.candidates(selector, first, end) if match(pods[number])]
        return np.array(found, np.int64), np.ones(len(found), np.int64)

    def _from(self, numbers: Sequence[int], first: int, end: int) -> Sequence[int]:
        return numbers[bisect_left(numbers, first) : bisect_left(numbers, end)]


def summed(parts: Iterable[tuple[int, Weights]]) -> Weights:
    """Return what kinds weigh in all: each part is a factor and weights."""
    total: dict[int, int] = {}
    for factor, (kinds, weights) in parts:
        for kind, weight in zip(kinds.tolist(), weights.tolist(), strict=True):
            total[kind] = total.get(kind, 0) + factor * weight
    return np.array(list(total), np.int64), np.array(list(total.values()), np.int64)
