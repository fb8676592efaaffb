"""ServerStore: the virtual servers of one family, in the kernel and as service ports want them.

Two service ports may want the same server (an external IP and port of two Services): it is as the last one wants it,
in the order of the ports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from proxy_core.addresses import contains
from proxy_core.ipvs.kernel import (
    AddReal,
    AddServer,
    DeleteReal,
    DeleteServer,
    EditReal,
    EditServer,
    RealKey,
    RealServer,
    ServerCommand,
    ServerKey,
    VirtualServer,
)
from proxy_core.ipvs.port_wishes import ServerWish
from proxy_core.ipvs.termination import Reals, TerminationList
from proxy_core.model.service_port import ServicePortName

Owner = tuple[str, ServicePortName]
"""A service port, with its text before it: that is how ports are ordered."""


class ServerChanges(NamedTuple):
    """What brings the kernel to what is wanted."""

    commands: list[ServerCommand]
    deletions: list[ServerCommand]
    """Of virtual servers; they come last, after the rules."""


class _Known(NamedTuple):
    """A virtual server in the kernel."""

    server: VirtualServer
    weights: dict[RealKey, int]


class ServerStore:
    """The virtual servers with their real ones."""

    def __init__(self, exclude_cidrs: Sequence[str]) -> None:
        """Virtual servers in ``exclude_cidrs`` are never deleted, whoever made them."""
        self.terminating = TerminationList()
        self._exclude_cidrs = exclude_cidrs
        self._claims: dict[ServerKey, dict[Owner, ServerWish]] = {}
        self._kernel: dict[ServerKey, _Known] = {}
        self._touched: set[ServerKey] = set()

    def claim(self, owner: Owner, wish: ServerWish) -> None:
        """Want a virtual server."""
        key = wish.server.key
        self._claims.setdefault(key, {})[owner] = wish
        self._touched.add(key)

    def release(self, owner: Owner, key: ServerKey) -> None:
        """Want a virtual server no more."""
        claims = self._claims.get(key, {})
        claims.pop(owner, None)  # gone before where one port has the key twice, as an external and a load-balancer IP
        if not claims:
            self._claims.pop(key, None)
        self._touched.add(key)

    def read_back(self, found: Mapping[VirtualServer, Sequence[RealServer]]) -> Reals:
        """Take over what the kernel has, and return its real servers; everything is compared with it again."""
        self._kernel = {
            server.key: _Known(server, {each.key: each.weight for each in reals}) for server, reals in found.items()
        }
        self._touched.update(self._kernel, self._claims)
        reals_of = {server.key: reals for server, reals in found.items()}
        self.terminating.keep_weightless(reals_of)
        return reals_of

    def changes(self, read: Callable[[Sequence[ServerKey]], Reals], *, weights: bool) -> ServerChanges:
        """Return what brings the kernel to what is wanted; it is taken to be so from now on.

        ``read`` is asked for the connections of real servers that leave. With ``weights`` those that stay get their
        weight back, as after a start; later on a weight is nobody's business.
        """
        commands: list[ServerCommand] = []
        deletions: list[ServerCommand] = []
        leaving: dict[ServerKey, set[RealKey]] = {}
        for key in sorted(self._touched):
            claims, known = self._claims.get(key), self._kernel.get(key)
            if claims is None:
                if known is not None and not self._is_excluded(key):
                    deletions.append(DeleteServer(key))
                    del self._kernel[key]
                    self.terminating.discard(key)
                continue
            wish = claims[max(claims)]
            if known is None or known.server != wish.server:
                commands.append(AddServer(wish.server) if known is None else EditServer(wish.server))
                known = self._kernel[key] = _Known(wish.server, {} if known is None else known.weights)
            commands += self._additions(key, wish, known, weights=weights)
            left = known.weights.keys() - wish.reals - self.terminating.of(key)
            if left:
                leaving[key] = left
        self._touched.clear()
        if leaving:
            ends = self.terminating.end(leaving, read(list(leaving)))
            for key, reals in leaving.items():
                weights_of, listed = self._kernel[key].weights, self.terminating.of(key)
                for real in reals - listed:
                    del weights_of[real]
            commands += ends
        return ServerChanges(commands, deletions)

    def check_terminations(self, read: Callable[[Sequence[ServerKey]], Reals]) -> list[ServerCommand]:
        """Return the commands that delete real servers whose connections have ended."""
        if not self.terminating:
            return []
        listed = list(self.terminating)
        commands = self.terminating.check(read(sorted({key for key, _ in listed})))
        for key, real in listed:
            if real not in self.terminating.of(key) and key in self._kernel:
                self._kernel[key].weights.pop(real, None)
        return commands

    def _additions(self, key: ServerKey, wish: ServerWish, known: _Known, *, weights: bool) -> Iterator[ServerCommand]:
        """Yield the commands for real servers that are wanted."""
        present = known.weights
        for real in sorted(wish.reals & self.terminating.of(key)):  # back before its connections have ended
            self.terminating.discard(key, real)
            present[real] = 1
            yield DeleteReal(key, real)
            yield AddReal(key, real)
        if weights:
            for real in sorted(wish.reals & present.keys()):
                if present[real] != 1:
                    present[real] = 1
                    yield EditReal(key, real, 1)
        if present.keys() >= wish.reals:
            return
        for real in sorted(wish.reals - present.keys()):
            present[real] = 1
            yield AddReal(key, real)

    def _is_excluded(self, key: ServerKey) -> bool:
        return any(contains(cidr, key.address) for cidr in self._exclude_cidrs)
