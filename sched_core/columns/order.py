"""The order in which nodes are looked at: round robin over zones (upstream: backend/cache/node_tree.go).

The list is made anew only when a node has come or gone since the last one; a change of zone alone does not reorder.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

BETA_REGION, REGION = "failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"
BETA_ZONE, ZONE = "failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"


def zone_key(labels: Mapping[str, str]) -> tuple[str, str]:
    """Return (region, zone) of a node; a beta label that is there, even empty, hides the other one."""
    region = labels[BETA_REGION] if BETA_REGION in labels else labels.get(REGION, "")
    zone = labels[BETA_ZONE] if BETA_ZONE in labels else labels.get(ZONE, "")
    return region, zone


class NodeTree:
    """Zone and time of arrival of each row, and the list made of them.

    Rows of nodes that went since the last list stay reserved under their name: a node that is deleted and added again
    between two lists keeps its old place, as upstream's snapshot has it.
    """

    def __init__(self) -> None:
        self._zone_id: dict[tuple[str, str], int] = {}
        self._zone_count: list[int] = []
        self._zone_born: list[int] = []
        self._zone_of = np.zeros(0, np.int32)
        self._joined = np.full(0, -1, np.int64)  # -1: no node in this row
        self._clock = 0
        self._listed = np.zeros(0, np.bool_)  # is the row in the last list?
        self._gone: dict[str, int] = {}
        self._came = 0  # nodes that the last list lacks
        self._free: list[int] = []
        self._order = np.zeros(0, np.int32)

    def resize(self, capacity: int) -> None:
        grow = capacity - len(self._zone_of)
        self._zone_of = np.concatenate([self._zone_of, np.zeros(grow, np.int32)])
        self._joined = np.concatenate([self._joined, np.full(grow, -1, np.int64)])
        self._listed = np.concatenate([self._listed, np.zeros(grow, np.bool_)])

    def reserved_row(self, name: str) -> int | None:
        """Return the row that a node of this name had, if it went since the last list."""
        return self._gone.get(name)

    def add(self, name: str, row: int, zone: tuple[str, str]) -> None:
        self._came += self._gone.pop(name, None) is None
        self._join(row, zone)

    def add_many(self, rows: NDArray[np.int64], zones: list[tuple[str, str]], zone_of: NDArray[np.int64]) -> None:
        """Add new rows at once, in their order; ``zone_of[i]`` is the index of row i's zone in ``zones``."""
        self._came += len(rows)
        first_seen = np.unique(zone_of, return_index=True)[1]
        counts = np.bincount(zone_of, minlength=len(zones))
        number = np.zeros(len(zones), np.int32)
        for position in np.sort(first_seen).tolist():
            zone = int(zone_of[position])
            number[zone] = self._zone_number(zones[zone], self._clock + position)
            self._zone_count[number[zone]] += int(counts[zone])  # at once: two entries of ``zones`` may be equal
        self._zone_of[rows] = number[zone_of]
        self._joined[rows] = self._clock + np.arange(len(rows))
        self._clock += len(rows)

    def remove(self, name: str, row: int) -> None:
        if self._listed[row]:
            self._gone[name] = row
        else:  # it came and went between two lists: none of them has it
            self._came -= 1
            self._free.append(row)
        self._leave(row)

    def move(self, row: int, zone: tuple[str, str]) -> None:
        """Put a row at the end of another zone, if its zone has changed."""
        if self._zone_id.get(zone) != self._zone_of[row]:
            self._leave(row)
            self._join(row, zone)

    def tidy(self, enough: int) -> None:
        """Forget the zones that no node is in, if more than ``enough`` are known; one that comes back is a new one."""
        if len(self._zone_count) <= enough:
            return
        kept = [number for number, count in enumerate(self._zone_count) if count]
        number_of = np.zeros(len(self._zone_count), np.int32)
        number_of[kept] = np.arange(len(kept))
        self._zone_of = number_of[self._zone_of]
        self._zone_id = {
            zone: int(number_of[number]) for zone, number in self._zone_id.items() if self._zone_count[number]
        }
        self._zone_count = [self._zone_count[number] for number in kept]
        self._zone_born = [self._zone_born[number] for number in kept]

    def order(self) -> tuple[NDArray[np.int32], list[int]]:
        """Return the rows int32[n] in the order of the snapshot, and the rows that became free with this list."""
        free = [*self._free, *self._gone.values()]
        if self._came or self._gone:
            self._order = self._round_robin()
            self._listed[:] = False
            self._listed[self._order] = True
            self._came = 0
        self._gone.clear()
        self._free.clear()
        return self._order, free

    def _join(self, row: int, zone: tuple[str, str]) -> None:
        number = self._zone_number(zone, self._clock)
        self._zone_count[number] += 1
        self._zone_of[row] = number
        self._joined[row] = self._clock
        self._clock += 1

    def _leave(self, row: int) -> None:
        self._zone_count[self._zone_of[row]] -= 1
        self._joined[row] = -1

    def _zone_number(self, zone: tuple[str, str], now: int) -> int:
        number = self._zone_id.setdefault(zone, len(self._zone_count))
        if number == len(self._zone_count):
            self._zone_count.append(0)
            self._zone_born.append(now)
        elif self._zone_count[number] == 0:  # an empty zone had vanished; it comes back at the end
            self._zone_born[number] = now
        return number

    def _round_robin(self) -> NDArray[np.int32]:
        rows = np.flatnonzero(self._joined >= 0)
        born = np.array(self._zone_born, np.int64)[self._zone_of[rows]]
        by_zone = np.lexsort((self._joined[rows], born))
        rows, born = rows[by_zone], born[by_zone]
        if not len(rows):
            return np.zeros(0, np.int32)
        starts = np.flatnonzero(np.concatenate([[True], born[1:] != born[:-1]]))
        index = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
        return rows[np.lexsort((born, index))].astype(np.int32)
