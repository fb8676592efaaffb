"""Names of chains, sets and maps of the nftables backend."""

from __future__ import annotations

from proxy_core.hashing import hash8
from proxy_core.model.endpoint import Endpoint
from proxy_core.model.service_port import ServicePortName
from proxy_core.nft.transaction import Container

SERVICES = "services"
MASQUERADING = "masquerading"
REJECT_CHAIN = "reject-chain"
CLUSTER_IPS_CHECK = "cluster-ips-check"
SERVICE_ENDPOINTS_CHECK = "service-endpoints-check"
NODE_PORT_ENDPOINTS_CHECK = "nodeport-endpoints-check"
FIREWALL_CHECK = "firewall-check"

CLUSTER_IPS = "cluster-ips"
NODE_PORT_IPS = "nodeport-ips"
HAIRPIN_CONNECTIONS = "hairpin-connections"
NO_ENDPOINT_SERVICES = "no-endpoint-services"
NO_ENDPOINT_NODE_PORTS = "no-endpoint-nodeports"
FIREWALL_IPS = "firewall-ips"
SERVICE_IPS = "service-ips"
SERVICE_NODE_PORTS = "service-nodeports"

AFFINITY = "affinity-"
"""The beginning of the names of sets that remember clients."""
_LONGEST = 240


class PortChains:
    """The names of one service port's chains and sets."""

    __slots__ = ("_raw", "cluster", "external", "firewall", "local")

    def __init__(self, name: ServicePortName) -> None:
        self._raw = f"{name.namespace}/{name.name}/{name.protocol.lower()}/{name.port}"
        base = _hashed(self._raw)
        self.cluster, self.local = f"service-{base}", f"local-{base}"
        self.external, self.firewall = f"external-{base}", f"firewall-{base}"

    @property
    def dispatched(self) -> tuple[str, ...]:
        """The chains to which elements of maps may lead."""
        return self.cluster, self.local, self.external, self.firewall

    def endpoint(self, endpoint: Endpoint) -> str:
        """Return the chain of an endpoint."""
        return f"endpoint-{self._of(endpoint)}"

    def affinity(self, endpoint: Endpoint) -> str:
        """Return the set of the clients of an endpoint."""
        return f"{AFFINITY}{self._of(endpoint)}"

    def _of(self, endpoint: Endpoint) -> str:
        return _hashed(f"{self._raw}__{endpoint.ip.replace(':', '.')}/{endpoint.port}")


def is_of_service(chain: str) -> bool:
    """Tell whether a chain belongs to a service port."""
    return "/" in chain


def affinity_set(name: str, address_type: str, seconds: int) -> Container:
    """Return a set that remembers clients for so long."""
    return Container(name, (address_type,), timeout_seconds=seconds)


def _hashed(text: str) -> str:
    name = f"{hash8(text)}-{text}"
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."
