"""The order of the nodes and the choice among the best ones, exactly as kube-scheduler's data structures give them.

Used where ties are not broken by name (see `cycle.py` for the rule of the golden data, which is by name).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .selectors import labels_of

Json = dict[str, Any]


def select_host(totals: Sequence[int]) -> int:
    """Return the index of the node that is chosen, by building the heap of Go's container/heap and popping it.

    `totals` are in the order in which the feasible nodes were found.
    """
    heap = list(enumerate(totals))
    size = len(heap)
    for start in range(size // 2 - 1, -1, -1):
        _sift_down(heap, start, size)
    heap[0], heap[-1] = heap[-1], heap[0]
    _sift_down(heap, 0, size - 1)
    return heap[-1][0]


def _sift_down(heap: list[tuple[int, int]], start: int, size: int) -> None:
    here = start
    while 2 * here + 1 < size:
        child = 2 * here + 1
        if child + 1 < size and heap[child + 1][1] > heap[child][1]:
            child += 1
        if not heap[child][1] > heap[here][1]:
            return
        heap[here], heap[child] = heap[child], heap[here]
        here = child


def pre_order(size: int) -> list[int]:
    """Return the indices 0..size-1 of an array in pre-order, the array seen as a binary heap."""

    def walk(index: int) -> list[int]:
        return [index, *walk(2 * index + 1), *walk(2 * index + 2)] if index < size else []

    return walk(0)


def node_order(nodes: Sequence[Json]) -> list[str]:
    """Return the names of the nodes in scan order: round robin over the zones; `nodes` in the order they came."""
    zones: dict[tuple[str, str], list[str]] = {}
    for node in nodes:
        zones.setdefault(_zone(node), []).append(node["metadata"]["name"])
    longest = max(map(len, zones.values()), default=0)
    return [zone[i] for i in range(longest) for zone in zones.values() if i < len(zone)]


def _zone(node: Json) -> tuple[str, str]:
    labels = labels_of(node)

    def value(kind: str) -> str:
        beta = f"failure-domain.beta.kubernetes.io/{kind}"
        return labels[beta] if beta in labels else labels.get(f"topology.kubernetes.io/{kind}", "")

    return value("region"), value("zone")
