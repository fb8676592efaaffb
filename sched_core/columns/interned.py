"""InternTable: things that occur, each with a number, so that a column can hold numbers in their place."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

SLACK = 256
"""So many things that are gone do not matter."""


class InternTable:
    """``values[number]``; numbers are given in the order in which things first occur, and never taken back."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._number: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self.values)

    def intern(self, key: Hashable, value: Any) -> int:
        """Return the number of a value, which ``key`` tells from others."""
        number = self._number.setdefault(key, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number

    def only(self, numbers: NDArray[np.int32]) -> tuple[InternTable, NDArray[np.int32]]:
        """Return a table of some of the values, and the new number of each old one int32[len]; 0 for the others."""
        fresh, keys = InternTable(), list(self._number)
        number_of = np.zeros(len(self), np.int32)
        for number in numbers.tolist():
            number_of[number] = fresh.intern(keys[number], self.values[number])
        return fresh, number_of
