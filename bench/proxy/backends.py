"""Kernels of a measurement: the real ones with their time taken, or ones that write nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from time import perf_counter
from typing import Any, TypeVar, cast

from cluster_shim.proxy.machine import RealKernels
from proxy_core import Iptables, IpvsKernel, Nft
from proxy_core.addresses import Family
from proxy_core.ipvs.kernel import (
    Entry,
    IpSet,
    RealServer,
    Refusal,
    ServerCommand,
    ServerKey,
    SetCommand,
    VirtualServer,
)
from proxy_core.kernel.iptables import Variant
from proxy_core.nft.kernel import Names
from proxy_core.nft.transaction import ElementKey, Transaction

Kernel = TypeVar("Kernel")


class Timed:
    """A kernel whose calls are timed; one call in another counts once."""

    def __init__(self, kernel: object, count: Callable[[float], None]) -> None:
        self._kernel, self._count = kernel, count

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._kernel, name)

        def timed(*args: Any, **more: Any) -> Any:
            begin = perf_counter()
            try:
                return call(*args, **more)
            finally:
                self._count(perf_counter() - begin)

        return timed


class TimedKernels:
    """The kernel's own; `seconds` is what they have taken."""

    def __init__(self, variant: Variant) -> None:
        self._real = RealKernels(variant)
        self.seconds = 0.0

    def iptables(self, family: Family) -> Iptables:
        return self._timed(self._real.iptables(family))

    def nft(self, family: Family, table: str) -> Nft:
        return self._timed(self._real.nft(family, table))

    def ipvs(self, family: Family) -> IpvsKernel:
        kernel = self._real.ipvs(family)
        return IpvsKernel(*map(self._timed, kernel))  # type: ignore[arg-type]

    def _timed(self, kernel: Kernel) -> Kernel:
        return cast(Kernel, Timed(kernel, self._count))

    def _count(self, seconds: float) -> None:
        self.seconds += seconds


class NoKernels:
    """Kernels that take everything and hold nothing."""

    seconds = 0.0

    def iptables(self, family: Family) -> Iptables:
        return NoIptables()

    def nft(self, family: Family, table: str) -> Nft:
        return NoNft()

    def ipvs(self, family: Family) -> IpvsKernel:
        return IpvsKernel(NoIptables(), NoServers(), NoSets(), NoAddresses())


class NoNft:
    """A table that takes everything and holds nothing."""

    def run(self, transaction: Transaction) -> None:
        pass

    def names(self) -> Names:
        return Names()

    def elements(self, container: str) -> Mapping[ElementKey, str] | None:
        return None


class NoIptables:
    """Tables that take everything and hold nothing."""

    def ensure_chain(self, table: str, chain: str) -> None:
        pass

    def ensure_rule(self, table: str, chain: str, rule: Sequence[str]) -> None:
        pass

    def chains(self, table: str) -> Iterable[str]:
        return ()

    def restore(self, text: Iterable[str]) -> None:
        for _ in text:
            pass


class NoServers:
    """Virtual servers that come from nowhere and go there."""

    def run(self, commands: Sequence[ServerCommand]) -> Sequence[Refusal]:
        return ()

    def dump(self) -> Mapping[VirtualServer, Sequence[RealServer]]:
        return {}

    def reals(self, keys: Sequence[ServerKey]) -> Mapping[ServerKey, Sequence[RealServer]]:
        return {}

    def set_timeouts(self, tcp: int, tcp_fin: int, udp: int) -> None:
        pass

    def flush(self) -> None:
        pass


class NoSets:
    """Sets that take everything and hold nothing."""

    def run(self, commands: Sequence[SetCommand]) -> Sequence[Refusal]:
        return ()

    def entries(self, sets: Sequence[IpSet]) -> Mapping[str, AbstractSet[Entry]]:
        return {}


class NoAddresses:
    """An interface to which nothing is bound."""

    def ensure_device(self) -> None:
        pass

    def delete_device(self) -> None:
        pass

    def bound(self) -> AbstractSet[str]:
        return frozenset()

    def bind(self, addresses: Sequence[str]) -> Sequence[Refusal]:
        return ()

    def unbind(self, addresses: Sequence[str]) -> Sequence[Refusal]:
        return ()
