"""TerminationList: real servers that nobody wants any more and whose connections are left to end.

Upstream: pkg/proxy/ipvs/graceful_termination.go. The list is kept in memory only: what an earlier proxy has left with
weight 0 comes onto it again with the first sync.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from proxy_core.ipvs.kernel import DeleteReal, EditReal, RealKey, RealServer, ServerCommand, ServerKey

Reals = Mapping[ServerKey, Sequence[RealServer]]
_NOBODY: frozenset[RealKey] = frozenset()


class TerminationList:
    """The real servers of weight 0, by virtual server."""

    def __init__(self) -> None:
        self._listed: dict[ServerKey, set[RealKey]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._listed.values()))

    def __iter__(self) -> Iterator[tuple[ServerKey, RealKey]]:
        return iter([(key, real) for key, reals in self._listed.items() for real in reals])

    def of(self, key: ServerKey) -> AbstractSet[RealKey]:
        """Return the real servers of a virtual one that are on the list."""
        return self._listed.get(key, _NOBODY)

    def discard(self, key: ServerKey, real: RealKey | None = None) -> None:
        """Take a real server off the list, or all of a virtual one."""
        reals = self._listed.get(key)
        if reals is not None and real is not None:
            reals.discard(real)
        if real is None or not reals:
            self._listed.pop(key, None)

    def keep_weightless(self, found: Reals) -> None:
        """Take off the list what the kernel does not have, or has with another weight than 0."""
        for key, real in self:
            if not any(each.key == real and each.weight == 0 for each in found.get(key, ())):
                self.discard(key, real)

    def end(self, leaving: Mapping[ServerKey, AbstractSet[RealKey]], found: Reals) -> list[ServerCommand]:
        """Return the commands that delete real servers, or let them end and put them on the list.

        What the kernel does not have needs none.
        """
        commands: list[ServerCommand] = []
        for key, reals in leaving.items():
            for each in found.get(key, ()):
                if each.key not in reals:
                    continue
                if may_go(key, each):
                    commands.append(DeleteReal(key, each.key))
                    self.discard(key, each.key)
                else:
                    commands.append(EditReal(key, each.key, 0))
                    self._listed.setdefault(key, set()).add(each.key)
        return commands

    def check(self, found: Reals) -> list[ServerCommand]:
        """Return the commands that delete those whose connections have ended; what is gone is taken off the list."""
        commands: list[ServerCommand] = []
        for key, real in sorted(self):
            present = next((each for each in found.get(key, ()) if each.key == real), None)
            if present is not None and not may_go(key, present):
                continue
            if present is not None:
                commands.append(DeleteReal(key, real))
            self.discard(key, real)
        return commands


def may_go(server: ServerKey, real: RealServer) -> bool:
    """Tell whether a real server may be deleted at once.

    Only TCP has connections that are worth the wait; with expire_nodest_conn the next packet of others ends them.
    """
    return server.protocol != "TCP" or not real.active + real.inactive
