"""CheapestNode: a score in array form that reads a node label. Give it the weight of ten other plugins:

``stowage bench scheduling --plugin plugins/examples/cheapest_node.py:CheapestNode=10``
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sched_core import Plugin, percent

if TYPE_CHECKING:
    from sched_core import CycleState, NodeColumns, PodInfo

PRICE_LABEL = "example.com/price-per-hour"
"""Whole numbers, in any currency; a node without one costs UNKNOWN_PRICE."""

UNKNOWN_PRICE = 1_000_000


class CheapestNode(Plugin):
    """Prefer nodes with a low price: 100 for the cheapest that would do, 0 for the dearest."""

    name = "CheapestNode"

    def sign_pod(self, pod: PodInfo) -> Hashable:
        return ()  # the price is the same for every pod, so it is read once, not once a pod

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> NDArray[np.int64]:
        column = nodes.label(PRICE_LABEL)
        prices = [price_of(value) for value in column.values]
        return np.array([*prices, UNKNOWN_PRICE], np.int64)[column.ids]  # a node without the label has id -1

    @staticmethod
    def normalize_row(score: Any, lowest: Any, highest: Any) -> Any:
        return percent(highest - score, max(highest - lowest, 1))


def price_of(value: str) -> int:
    """Return the price that a label value gives."""
    return min(int(value), UNKNOWN_PRICE) if value.isdecimal() else UNKNOWN_PRICE
