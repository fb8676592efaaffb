"""The proxier of a mode with kernels that write nowhere, for the time that rendering takes alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from proxy_core import IptablesProxier, NftablesProxier, NotSupported, Proxier, ProxyState, Settings
from proxy_core.nft.kernel import Names
from proxy_core.nft.transaction import ElementKey, Transaction


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


def backend(mode: str, state: ProxyState, settings: Settings, *, real: bool, wrap: Callable[[Any], Any]) -> Proxier:
    """Return the proxier of a mode; kernels are passed through `wrap`. Raises KernelError, NotSupported."""
    if mode == "nftables":
        return NftablesProxier(state, settings, NoNft())
    if mode == "iptables":
        return IptablesProxier(state, settings, NoIptables())
    raise NotSupported(f"mode {mode} is not supported")
