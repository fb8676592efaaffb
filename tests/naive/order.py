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


class NodeList:
    """The nodes by zone in lists, and the list made of them when names have come or gone."""

    def __init__(self) -> None:
        self.zones: dict[tuple[str, str], list[Json]] = {}
        self.listed: list[str] = []
        self.known: set[str] = set()

    def set(self, node: Json) -> None:
        """Add or update a node; only one that comes or changes its zone goes to the end."""
        name, zone = node["metadata"]["name"], _zone(node)
        if any(there["metadata"]["name"] == name for there in self.zones.get(zone, [])):
            return
        self.drop(name)
        self.zones.setdefault(zone, []).append(node)

    def drop(self, name: str) -> None:
        """Remove a node; a zone without nodes is gone."""
        for zone, members in list(self.zones.items()):
            self.zones[zone] = [one for one in members if one["metadata"]["name"] != name]
            if not self.zones[zone]:
                del self.zones[zone]

    def order(self) -> list[str]:
        """Return the list as an attempt that begins now sees it."""
        members = [one for zone in self.zones.values() for one in zone]
        names = {one["metadata"]["name"] for one in members}
        if names != self.known:
            longest = max(map(len, self.zones.values()), default=0)
            rounds = [zone[i] for i in range(longest) for zone in self.zones.values() if i < len(zone)]
            self.known, self.listed = names, [one["metadata"]["name"] for one in rounds]
        return self.listed


def _zone(node: Json) -> tuple[str, str]:
    labels = labels_of(node)

    def value(kind: str) -> str:
        beta = f"failure-domain.beta.kubernetes.io/{kind}"
        return labels[beta] if beta in labels else labels.get(f"topology.kubernetes.io/{kind}", "")

    return value("region"), value("zone")
