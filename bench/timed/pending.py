"""Pending: the pods that wait for a node, by shape, and which shapes are known to fit nowhere.

Filters look at a node and the shape of a pod, so a shape that no node takes fits nowhere until something leaves: a pod
that comes to a node makes no room there. What leaves makes room on its node alone; a shape that asks for more than is
left there need not be tried again.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
FEW = 8
"""So many shapes that wait are tried in one call at first, twice as many whenever all of their pods found a node."""
PODS_OF_EACH = 8
"""So many pods are tried with them, on the average."""


class Devices(NamedTuple):
    """What is free on each device of each node, and what shapes ask for."""

    free_milli: Ints
    """int64[G, N], as the engine changes it."""
    wanted: Ints
    """int64[shapes]."""
    milli: Ints
    """int64[shapes]: of each of them."""

    def fits(self, shapes: Ints, rows: Ints) -> NDArray[np.bool_]:
        """Tell which shapes find their devices on which nodes, bool[shapes, rows]."""
        free = self.free_milli[:, None, rows] >= self.milli[None, shapes, None]
        return np.asarray(np.count_nonzero(free, axis=0) >= self.wanted[shapes, None])


class Room:
    """What is left of nodes, as far as it can be told without the engine: more than that is never given away."""

    def __init__(self, asked: Ints, free: Ints, devices: Devices | None = None) -> None:
        """Begin with ``free`` int64[R, N], which is kept up to date; ``asked`` int64[R, shapes]."""
        self._asked, self._free, self._devices = asked, free, devices

    def add(self, rows: Ints, shapes: Ints, sign: int) -> None:
        """Note that pods of some shapes have left nodes (1) or have come to them (-1)."""
        for resource, free in enumerate(self._free):
            np.add.at(free, rows, sign * self._asked[resource, shapes])

    def may_fit(self, shapes: Ints, rows: Ints) -> NDArray[np.bool_]:
        """Tell which shapes may fit on any of some nodes, bool[shapes]."""
        fits = np.all(self._asked[:, shapes, None] <= self._free[:, None, rows], axis=0)
        if self._devices is not None:
            fits &= self._devices.fits(shapes, rows)
        return np.asarray(np.any(fits, axis=1))


class Pending:
    """Pods by number, which is the order of their arrival."""

    def __init__(self, shape_of: Sequence[int], shapes: int, room: Room | None, *, skips: bool = True) -> None:
        """Begin without any. ``skips``: what was said above holds for all shapes and for the filters."""
        self._shape_of, self._room, self._skips = shape_of, room, skips
        self._pods: dict[int, OrderedDict[int, None]] = {}
        """By shape."""
        self._blocked = np.zeros(shapes, np.bool_)
        self._open: list[int] = []
        """Shapes that may fit again, since pods have left these nodes."""
        self._rows: Ints = np.zeros(0, np.int64)

    def is_blocked(self, pod: int) -> bool:
        """Tell whether a pod is of a shape that fits nowhere."""
        return bool(self._blocked[self._shape_of[pod]])

    def add(self, pod: int) -> None:
        """Let a pod wait, if it does not yet; of its shape none that came later waits."""
        self._pods.setdefault(self._shape_of[pod], OrderedDict())[pod] = None

    def block(self, pod: int) -> None:
        """Note that no node takes the shape of a pod now."""
        if self._skips:
            self._blocked[self._shape_of[pod]] = True

    def remove(self, pod: int) -> None:
        """Let a pod wait no longer, if it does."""
        shape = self._shape_of[pod]
        found = self._pods.get(shape)
        if found is not None:
            found.pop(pod, None)
            if not found:
                del self._pods[shape]

    def open(self, rows: Ints) -> None:
        """Note that something has left these nodes, whose room says so already."""
        shapes = np.flatnonzero(self._blocked)
        if self._room is not None and len(shapes):
            shapes = shapes[self._room.may_fit(shapes, rows)]
        self._blocked[shapes] = False
        self._open, self._rows = shapes.tolist(), rows

    def due(self, most: int) -> tuple[list[int], bool]:
        """Return pods to try in their order, of at most so many shapes, and whether these are all."""
        if not self._skips:
            return sorted(pod for pods in self._pods.values() for pod in pods), True
        self._close()
        found: list[int] = []
        seen = set()
        for pod in heapq.merge(*(self._pods[shape] for shape in self._open)):
            seen.add(self._shape_of[pod])
            if len(seen) > most or len(found) == most * PODS_OF_EACH:
                return found, False
            found.append(pod)
        return found, True

    def _close(self) -> None:
        """Leave out the shapes of which no pod waits, and those for which there is no room any more."""
        there = [shape for shape in self._open if shape in self._pods and not self._blocked[shape]]
        if self._room is not None and there:
            shapes = np.array(there)
            fits = self._room.may_fit(shapes, self._rows)
            self._blocked[shapes[~fits]] = True
            there = shapes[fits].tolist()
        self._open = there
