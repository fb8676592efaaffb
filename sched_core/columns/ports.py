"""Host ports as bits: every (address, protocol, port) that a pod uses has one bit, a node the set of bits in use.

Two uses conflict when protocol and port are equal and the addresses are equal or one is 0.0.0.0 (upstream:
framework/types.go, HostPortInfo). It is a set: two pods that share a port, which only hand-made state can have, free
it together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core.objects.records import Pod

ANY_ADDRESS = "0.0.0.0"


class HostPort(NamedTuple):
    """One host port in use."""

    address: str
    protocol: str
    port: int

    def conflicts(self, other: HostPort) -> bool:
        same = (self.protocol, self.port) == (other.protocol, other.port)
        return same and (self.address == other.address or ANY_ADDRESS in (self.address, other.address))


def host_ports(pod: Pod) -> Iterator[HostPort]:
    """Yield the host ports of a pod: those of containers and sidecars, not of ordinary init containers."""
    sidecars = (container for container in pod.spec.init_containers if container.restart_policy == "Always")
    for container in (*pod.spec.containers, *sidecars):
        for port in container.ports:
            if port.host_port > 0:
                yield HostPort(port.host_ip or ANY_ADDRESS, port.protocol or "TCP", port.host_port)


class PortTable:
    """The host ports that occur, numbered; words of 64 bits, at least as many as asked for."""

    def __init__(self, words: int = 1) -> None:
        self.ports: list[HostPort] = []
        self._least_words = words
        self._number: dict[HostPort, int] = {}

    @property
    def words(self) -> int:
        """Number of 64-bit words that hold all ports, doubled as it grows."""
        words = self._least_words
        while words * 64 < len(self.ports):
            words *= 2
        return words

    def intern(self, port: HostPort) -> tuple[int, bool]:
        """Return the number of a port and whether it is new."""
        number = self._number.setdefault(port, len(self.ports))
        new = number == len(self.ports)
        if new:
            self.ports.append(port)
        return number, new

    def conflicts_of(self, port: HostPort) -> list[int]:
        """Return the numbers of all known ports that conflict with a port, itself included."""
        return [number for number, other in enumerate(self.ports) if port.conflicts(other)]

    def translate(self, bits: NDArray[np.uint64], table: PortTable) -> NDArray[np.uint64]:
        """Return sets of another table's ports, uint64[W, N], as sets of this one; it must know the ports in them."""
        found = np.zeros((self.words, bits.shape[1]), np.uint64)
        every = np.bitwise_or.reduce(bits, axis=1)
        for old, port in enumerate(table.ports[: 64 * len(bits)]):
            word, bit = old >> 6, np.uint64(old & 63)
            if every[word] >> bit & np.uint64(1):
                new = self._number[port]
                found[new >> 6] |= (bits[word] >> bit & np.uint64(1)) << np.uint64(new & 63)
        return found
