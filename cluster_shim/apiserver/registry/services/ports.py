"""Node ports: one bit a port in a RangeAllocation of the store, changed by compare and swap.

That holds however many servers there are; the layout is upstream's (``/registry/ranges/servicenodeports``).
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from cluster_shim.apiserver.registry.services.addresses import AllocationError, RangeFullError
from cluster_shim.storage.store import Changed, Entry, KeyExists, Store

KEY = "/registry/ranges/servicenodeports"
_STATIC_LEAST, _STATIC_MOST, _STATIC_STEP = 16, 128, 32
_DRY_RUN_FIRST = 32768


class NodePorts:
    """Which node ports are taken."""

    def __init__(self, store: Store, first: int, last: int, random_source: random.Random | None = None) -> None:
        self._store = store
        self._first = first
        self._last = last
        self._random = random_source or random.Random()
        self._suspects: set[int] = set()

    def taken(self) -> set[int]:
        """Return the ports that are taken."""
        bits = self._bits(self._store.get(KEY))
        return {self._first + offset for offset in range(self._size) if bits >> offset & 1}

    async def allocate(self, port: int) -> None:
        """Take one port. Raises AllocationError."""
        if not self._first <= port <= self._last:
            valid = f"{self._first}-{self._last}"
            raise AllocationError(f"provided port is not in the valid range. The range of valid ports is {valid}")
        bit = 1 << (port - self._first)

        def take(bits: int) -> int:
            if bits & bit:
                raise AllocationError("provided port is already allocated")
            return bits | bit

        await self._change(take)

    async def allocate_next(self) -> int:
        """Take any free port, above the part for static use while there is one. Raises RangeFullError."""
        port = 0

        def take(bits: int) -> int:
            nonlocal port
            offset = self._free(bits)
            port = self._first + offset
            return bits | 1 << offset

        await self._change(take)
        return port

    async def release(self, ports: Iterable[int]) -> None:
        """Give ports back."""
        mask = self._mask(ports)
        if mask:
            await self._change(lambda bits: bits & ~mask)

    async def repair(self, used: Iterable[int]) -> None:
        """Mark what Services use; free what no Service uses, when that was so at the last repair, too."""
        wanted = self._mask(used)
        leaked = self.taken() - {self._first + offset for offset in range(self._size) if wanted >> offset & 1}
        free = self._mask(leaked & self._suspects)
        self._suspects = leaked
        bits = self._bits(self._store.get(KEY))
        if bits & ~free | wanted != bits:
            await self._change(lambda bits: bits & ~free | wanted)

    @property
    def _size(self) -> int:
        return self._last - self._first + 1

    def _mask(self, ports: Iterable[int]) -> int:
        mask = 0
        for port in ports:
            if self._first <= port <= self._last:
                mask |= 1 << (port - self._first)
        return mask

    def _free(self, bits: int) -> int:
        static = min(max(self._size // _STATIC_STEP, _STATIC_LEAST), _STATIC_MOST) if self._size > _STATIC_LEAST else 0
        for low, high in ((static, self._size), (0, static)):
            free = [offset for offset in range(low, high) if not bits >> offset & 1]
            if free:
                return self._random.choice(free)
        raise RangeFullError

    def _bits(self, entry: Entry | None) -> int:
        if entry is None:
            return 0
        stored = msgspec.json.decode(entry.value)
        return int.from_bytes(base64.b64decode(stored.get("data") or ""), "big")

    async def _change(self, change: Callable[[int], int]) -> None:
        while True:
            entry = self._store.get(KEY)
            bits = change(self._bits(entry))
            data = bits.to_bytes((bits.bit_length() + 7) // 8, "big")
            value = msgspec.json.encode(
                {
                    "kind": "RangeAllocation",
                    "apiVersion": "v1",
                    "metadata": {},
                    "range": f"{self._first}-{self._last}",
                    "data": base64.b64encode(data).decode(),
                }
            )
            try:
                if entry is None:
                    await self._store.create(KEY, value)
                else:
                    await self._store.update(KEY, value, entry.revision)
            except (Changed, KeyExists):
                continue  # another request or server was faster
            return


@dataclass(slots=True)
class PortOperation:
    """What one write of a Service takes and gives back: for good once it is written, not at all if it is not."""

    ports: NodePorts
    dry_run: bool
    allocated: list[int] = field(default_factory=list)
    released: list[int] = field(default_factory=list)

    async def allocate(self, port: int) -> None:
        """Take one port. Raises AllocationError."""
        if not self.dry_run:
            await self.ports.allocate(port)
        elif port in self.allocated or port in self.ports.taken():
            raise AllocationError("provided port is already allocated")
        self.allocated.append(port)

    async def allocate_next(self) -> int:
        """Take any free port. Raises RangeFullError."""
        if self.dry_run:
            port = max(self.allocated, default=_DRY_RUN_FIRST) + 1
        else:
            port = await self.ports.allocate_next()
        self.allocated.append(port)
        return port

    async def commit(self) -> None:
        """Give back what the Service no longer has."""
        if not self.dry_run:
            await self.ports.release(self.released)

    async def revert(self) -> None:
        """Give back what was taken."""
        if not self.dry_run:
            await self.ports.release(self.allocated)
