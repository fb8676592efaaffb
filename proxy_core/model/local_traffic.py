"""How a packet from a pod of this node is told from others (upstream: pkg/proxy/util/localdetector.go)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from proxy_core.addresses import Family, family_of, parse_cidr


class LocalTrafficDetector(NamedTuple):
    """A test of a packet's source; at most one of the fields is set, none: it cannot be told."""

    cidr: str = ""
    bridge: str = ""
    interface_prefix: str = ""

    @property
    def is_implemented(self) -> bool:
        return any(self)


NO_DETECTOR = LocalTrafficDetector()


def detector(
    family: Family, mode: str, *, cluster_cidrs: Sequence[str], pod_cidrs: Sequence[str], bridge: str, prefix: str
) -> LocalTrafficDetector:
    """Return the detector of a family; of several networks of a family the first one counts."""
    if mode == "BridgeInterface":
        return LocalTrafficDetector(bridge=bridge)
    if mode == "InterfaceNamePrefix":
        return LocalTrafficDetector(interface_prefix=prefix)
    for text in pod_cidrs if mode == "NodeCIDR" else cluster_cidrs:
        cidr = parse_cidr(text)
        if cidr is not None and family_of(cidr) == family:
            return LocalTrafficDetector(cidr=cidr)
    return NO_DETECTOR
