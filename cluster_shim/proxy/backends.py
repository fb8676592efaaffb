"""Backends: the proxier of a mode and family, on the kernel that it gets."""

from __future__ import annotations

from collections.abc import Mapping

from cluster_shim.proxy.kernels import Kernels
from proxy_core import IptablesProxier, NftablesProxier, NotSupported, Proxier, ProxyState, Settings
from proxy_core.nft.transaction import TABLE

MODES: Mapping[str, str] = {
    "iptables": "as upstream's default",
    "nftables": "as upstream's nftables",
}
"""Mode -> what it is."""


def proxier(mode: str, state: ProxyState, settings: Settings, kernels: Kernels) -> Proxier:
    """Return the proxier of a mode. Raises NotSupported for a mode that there is none of, KernelError."""
    if mode == "iptables":
        return IptablesProxier(state, settings, kernels.iptables(settings.family))
    if mode == "nftables":
        return NftablesProxier(state, settings, kernels.nft(settings.family, TABLE))
    raise NotSupported(f"mode {mode} is not supported; there are {', '.join(MODES)}")
