"""EntryStore: the entries of one ipset, in the kernel and as service ports want them."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from proxy_core.ipvs.kernel import AddEntry, DeleteEntry, Entry, IpSet, SetCommand


class EntryStore:
    """The entries of a set; one that several want lives as long as anybody wants it."""

    def __init__(self, set_: IpSet) -> None:
        self.set = set_
        self._wanted: dict[Entry, int] = {}
        self._kernel: set[Entry] = set()
        self._touched: set[Entry] = set()

    def __bool__(self) -> bool:
        """Tell whether anything is wanted."""
        return bool(self._wanted)

    def claim(self, entry: Entry) -> None:
        """Want an entry once more."""
        self._wanted[entry] = self._wanted.get(entry, 0) + 1
        self._touched.add(entry)

    def release(self, entry: Entry) -> None:
        """Want an entry once less."""
        count = self._wanted[entry] - 1
        if count:
            self._wanted[entry] = count
        else:
            del self._wanted[entry]
        self._touched.add(entry)

    def read_back(self, kernel: AbstractSet[Entry]) -> None:
        """Take over what the kernel has; everything is compared with it again."""
        self._kernel = set(kernel)
        self._touched.update(self._kernel, self._wanted)

    def changes(self) -> tuple[list[Entry], list[Entry]]:
        """Return what the kernel lacks and what it has too much, sorted; it is taken to be so from now on."""
        wanted = self._touched & self._wanted.keys()
        missing = sorted(wanted - self._kernel)
        left = sorted((self._touched - wanted) & self._kernel)
        self._kernel.update(missing)
        self._kernel.difference_update(left)
        self._touched.clear()
        return missing, left

    def commands(self) -> Iterator[SetCommand]:
        """Yield what brings the kernel to what is wanted; what is too much goes first, since a set may be full."""
        missing, left = self.changes()
        for entry in left:
            yield DeleteEntry(self.set, entry)
        for entry in missing:
            yield AddEntry(self.set, entry)
