"""From objects to a tracer: the rules of a mode are written into a kernel in memory, and that is traced."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from proxy_core.errors import NotSupported
from proxy_core.flat.names import TABLE
from proxy_core.flat.proxier import FlatProxier
from proxy_core.iptables.fake import FakeIptables
from proxy_core.iptables.proxier import IptablesProxier
from proxy_core.ipvs.fake import FakeIpvs
from proxy_core.ipvs.proxier import IpvsProxier
from proxy_core.model.state import ProxyState
from proxy_core.nft.fake import FakeNft
from proxy_core.nft.statements import table_family
from proxy_core.nftables.proxier import NftablesProxier
from proxy_core.settings import Settings
from proxy_core.trace.iptables import iptables_walk
from proxy_core.trace.ipvs import ipvs_walk
from proxy_core.trace.nft import nft_walk
from proxy_core.trace.packet import world_of
from proxy_core.trace.walk import Walk


def walk_of(mode: str, state: ProxyState, settings: Settings) -> Walk:
    """Return the tracer of what a mode makes of a state. Raises NotSupported for a mode that cannot be traced.

    Changes that wait in the state are taken over.
    """
    builder = _BUILDERS.get(mode)
    if builder is None:
        raise NotSupported(f"mode {mode} cannot be traced; these can: {', '.join(sorted(_BUILDERS))}")
    return builder(state, settings)


def _nftables(state: ProxyState, settings: Settings) -> Walk:
    kernel = FakeNft(table_family(settings.family))
    NftablesProxier(state, settings, kernel).sync(0)
    return nft_walk(kernel.ruleset, kernel.family, world_of(settings.interfaces()))


def _flat(state: ProxyState, settings: Settings) -> Walk:
    kernel = FakeNft(table_family(settings.family), TABLE)
    FlatProxier(state, settings, kernel).sync(0)
    return nft_walk(kernel.ruleset, kernel.family, world_of(settings.interfaces()))


def _iptables(state: ProxyState, settings: Settings) -> Walk:
    kernel = FakeIptables()
    IptablesProxier(state, settings, kernel).sync(0)
    return iptables_walk(kernel.tables, world_of(settings.interfaces()))


def _ipvs(state: ProxyState, settings: Settings) -> Walk:
    kernel = FakeIpvs()
    IpvsProxier(state, settings, kernel.kernel).sync(0)
    return ipvs_walk(kernel, world_of(settings.interfaces()))


_BUILDERS: Mapping[str, Callable[[ProxyState, Settings], Walk]] = {
    "flat": _flat,
    "iptables": _iptables,
    "ipvs": _ipvs,
    "nftables": _nftables,
}
