"""Pending: the pods that wait for a node, by shape, and which shapes are known to fit nowhere.

Filters look at a node and the shape of a pod, so a shape that no node takes fits nowhere until something leaves: a pod
that comes to a node never makes room there. What leaves makes room on its node alone; a shape that asks for more than
is free there need not be tried again.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Pending:
    """Pods by number, which is the order of their arrival."""

    def __init__(self, asked: Ints, free: Ints, *, skips: bool, checks: bool) -> None:
        """Begin without any: ``asked`` int64[R, shapes], and ``free`` int64[R, N], what nodes have, which is kept.

        ``skips``: shapes are known to fit nowhere. ``checks``: no pod is placed where less is free than it asks for.
        """
        self._asked, self._free, self._skips, self._checks = asked, free, skips, checks
        self._of: dict[int, OrderedDict[int, None]] = {}
        self._blocked = np.zeros(asked.shape[1], np.bool_)
        self.blocked = self._blocked.tolist()
        """By shape: whether it is known to fit nowhere."""

    def add(self, pod: int, shape: int) -> None:
        """Let a pod wait, if it does not yet; of its shape none that came later waits."""
        self._of.setdefault(shape, OrderedDict())[pod] = None

    def remove(self, pod: int, shape: int) -> None:
        """Let a pod wait no longer, if it does."""
        found = self._of.get(shape)
        if found is not None:
            found.pop(pod, None)
            if not found:
                del self._of[shape]

    def block(self, shape: int) -> None:
        """Note that no node takes a shape now."""
        if self._skips:
            self._blocked[shape] = self.blocked[shape] = True

    def enter(self, rows: Ints, shapes: NDArray[np.int32]) -> None:
        """Note that pods of some shapes have come to nodes."""
        for resource, free in enumerate(self._free):
            np.subtract.at(free, rows, self._asked[resource, shapes])

    def leave(self, rows: Ints, shapes: NDArray[np.int32]) -> None:
        """Note that pods of some shapes have left nodes: what fits there now may be tried again."""
        for resource, free in enumerate(self._free):
            np.add.at(free, rows, self._asked[resource, shapes])
        self._unblock(np.unique(rows))

    def _unblock(self, rows: Ints) -> None:
        shapes = np.flatnonzero(self._blocked)
        if self._checks and len(shapes):
            fits = np.all(self._asked[:, shapes, None] <= self._free[:, None, rows], axis=0)
            shapes = shapes[np.any(fits, axis=1)]
        self._blocked[shapes] = False
        for shape in shapes.tolist():
            self.blocked[shape] = False

    def due(self, most: int) -> tuple[list[int], bool]:
        """Return pods to try in their order, and whether these are all; at most so many of a shape.

        They reach up to the first pod that was left out: where all those before it of its shape find a node, it comes
        before all pods behind it.
        """
        if not self._skips:
            return sorted(pod for pods in self._of.values() for pod in pods), True
        found: list[int] = []
        left_out: list[int] = []
        for shape, pods in self._of.items():
            if not self.blocked[shape]:
                found += islice(pods, most)
                left_out += islice(pods, most, most + 1)
        found.sort()
        if not left_out:
            return found, True
        end = min(left_out)
        return [pod for pod in found if pod < end], False
