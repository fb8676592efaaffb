"""Backends: the proxier of a mode and family, on the kernel that it gets."""

from __future__ import annotations

from cluster_shim.proxy.kernels import Kernels
from proxy_core import (
    FLAT_TABLE,
    FlatProxier,
    IptablesProxier,
    IpvsProxier,
    NftablesProxier,
    NotSupported,
    Proxier,
    ProxyState,
    Settings,
)
from proxy_core.config.validate import MODES
from proxy_core.nft.transaction import TABLE

__all__ = ["MODES", "proxier_of"]


def proxier_of(mode: str, state: ProxyState, settings: Settings, kernels: Kernels) -> Proxier:
    """Return the proxier of a mode. Raises NotSupported for a mode that there is none of, KernelError."""
    family = settings.family
    if mode == "iptables":
        return IptablesProxier(state, settings, kernels.iptables(family))
    if mode == "nftables":
        return NftablesProxier(state, settings, kernels.nft(family, TABLE))
    if mode == "ipvs":
        return IpvsProxier(state, settings, kernels.ipvs(family))
    if mode == "flat":
        return FlatProxier(state, settings, kernels.nft(family, FLAT_TABLE))
    raise NotSupported(f"mode {mode} is not supported; there are {', '.join(MODES)}")
