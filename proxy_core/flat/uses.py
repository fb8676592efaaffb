"""Uses: how many entries of dispatch maps lead to each way's chain; a chain lives as long as one does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from proxy_core.flat.ways import Way, way_of


class Uses:
    """The ways in use; other chains are not counted."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()
        self._touched: set[str] = set()
        self._live: set[str] = set()
        """Chains that have been begun and not ended."""

    def reset(self) -> None:
        """Forget all: what the kernel has is to be counted again."""
        self._count.clear()
        self._touched.clear()
        self._live.clear()

    def add(self, chains: Iterable[str]) -> None:
        """Count entries that are there."""
        self._count.update(chains)
        self._touched.update(self._count)

    def change(self, old: str, new: str) -> None:
        """Count that an entry leads elsewhere; an empty name is no chain."""
        for chain, difference in ((old, -1), (new, 1)):
            if chain:
                self._count[chain] += difference
                self._touched.add(chain)

    def begun(self) -> list[tuple[str, Way]]:
        """Return the chains that have come into use since the last `ended`, and take them for made; sorted."""
        found = []
        for chain in sorted(self._touched):
            way = way_of(chain) if self._count[chain] > 0 and chain not in self._live else None
            if way is not None:
                self._live.add(chain)
                found.append((chain, way))
        return found

    def ended(self) -> list[str]:
        """Return the chains that have gone out of use since the last call, and take them for gone; sorted."""
        gone = sorted(chain for chain in self._touched if self._count[chain] <= 0)
        self._touched.clear()
        for chain in gone:
            del self._count[chain]
        found = [chain for chain in gone if chain in self._live]
        self._live.difference_update(found)
        return found
