"""Names of the chains of the iptables backend."""

from __future__ import annotations

from proxy_core.hashing import hash16
from proxy_core.model.service_port import ServicePortName

SERVICES = "KUBE-SERVICES"
EXTERNAL_SERVICES = "KUBE-EXTERNAL-SERVICES"
NODE_PORTS = "KUBE-NODEPORTS"
POSTROUTING = "KUBE-POSTROUTING"
MARK_MASQ = "KUBE-MARK-MASQ"
FORWARD = "KUBE-FORWARD"
PROXY_FIREWALL = "KUBE-PROXY-FIREWALL"
FIREWALL = "KUBE-FIREWALL"
"""Shared with the kubelet."""
CANARY = "KUBE-PROXY-CANARY"

PER_SERVICE = ("KUBE-SVC-", "KUBE-SVL-", "KUBE-SEP-", "KUBE-FW-", "KUBE-EXT-")
"""Beginnings of the names of chains that belong to a service port."""


class PortChains:
    """The names of one service port's chains."""

    __slots__ = ("_seed", "cluster", "external", "firewall", "local")

    def __init__(self, name: ServicePortName) -> None:
        self._seed = f"{name}{name.protocol.lower()}"
        suffix = hash16(self._seed)
        self.cluster, self.local = f"KUBE-SVC-{suffix}", f"KUBE-SVL-{suffix}"
        self.external, self.firewall = f"KUBE-EXT-{suffix}", f"KUBE-FW-{suffix}"

    def endpoint(self, text: str) -> str:
        """Return the chain of an endpoint ``ip:port``."""
        return f"KUBE-SEP-{hash16(self._seed + text)}"
