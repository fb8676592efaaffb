"""SparseColumns: amounts of resources that only few nodes have, by name and row; whatever is not there is 0.

Kept for resources that have no row in the arrays (see `NodeColumns.resource_row`). Compiled code never sees them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_HALF, _ALL = 1 << 63, 1 << 64


class ResourceColumn(NamedTuple):
    """A resource on all nodes: int64[N] each."""

    allocatable: NDArray[np.int64]
    requested: NDArray[np.int64]


class SparseColumns:
    """A column of amounts for each name."""

    def __init__(self) -> None:
        self._amounts: dict[str, dict[int, int]] = {}
        """Name -> row -> amount; what is 0 is left out."""
        self._names: dict[int, set[str]] = {}
        """Row -> names that it has an amount of."""

    @property
    def names(self) -> list[str]:
        """The names of which some row has an amount."""
        return list(self._amounts)

    def column(self, name: str, count: int) -> NDArray[np.int64]:
        """Return a column over ``count`` rows, int64[N]."""
        column, amounts = np.zeros(count, np.int64), self._amounts.get(name)
        if amounts:
            size = len(amounts)
            column[np.fromiter(amounts, np.int64, size)] = np.fromiter(amounts.values(), np.int64, size)
        return column

    def get(self, name: str, row: int) -> int:
        """Return one amount."""
        return self._amounts.get(name, {}).get(row, 0)

    def row(self, row: int) -> dict[str, int]:
        """Return the amounts of a row by name, in alphabetical order."""
        return {name: self._amounts[name][row] for name in sorted(self._names.get(row, ()))}

    def add(self, amounts: Mapping[str, int], row: int, sign: int = 1) -> None:
        """Add amounts to a row (``sign`` -1: subtract them); sums wrap around as int64 does."""
        for name, amount in amounts.items():
            total = (self.get(name, row) + sign * amount + _HALF) % _ALL - _HALF
            if total:
                self._amounts.setdefault(name, {})[row] = total
                self._names.setdefault(row, set()).add(name)
            else:
                self._drop(name, row)

    def clear(self, row: int) -> None:
        """Let a row have no amounts."""
        for name in self._names.get(row, set()).copy():
            self._drop(name, row)

    def pop(self, name: str, count: int) -> NDArray[np.int64]:
        """Return a column over ``count`` rows, int64[N], and forget it."""
        column = self.column(name, count)
        for row in list(self._amounts.get(name, ())):
            self._drop(name, row)
        return column

    def copy(self) -> SparseColumns:
        """Return a copy of its own."""
        made = SparseColumns()
        made._amounts = {name: amounts.copy() for name, amounts in self._amounts.items()}
        made._names = {row: names.copy() for row, names in self._names.items()}
        return made

    def without(self, rows: NDArray[np.int64]) -> SparseColumns:
        """Return a copy in which these rows have no amounts."""
        made = self.copy()
        for row in rows.tolist():
            made.clear(row)
        return made

    def _drop(self, name: str, row: int) -> None:
        if name in self._names.get(row, ()):
            del self._amounts[name][row]
            self._names[row].remove(name)
            if not self._amounts[name]:
                del self._amounts[name]
            if not self._names[row]:
                del self._names[row]
