"""proxy_core: Services and EndpointSlices in, the rules of kube-proxy 1.36 out.

The names below are the public contract. Nothing here waits, reads a file or talks to a kernel: a proxier gets a kernel,
real or in memory, as an object.
"""

from proxy_core.config import KubeProxyConfiguration, Machine, load_config, settings_of
from proxy_core.errors import InvalidConfig, InvalidObjects, KernelError, NotSupported, Problem, ProxyError
from proxy_core.flat.names import TABLE as FLAT_TABLE
from proxy_core.flat.proxier import FlatProxier
from proxy_core.iptables.fake import FakeIptables
from proxy_core.iptables.kernel import Iptables
from proxy_core.iptables.proxier import IptablesProxier
from proxy_core.ipvs.fake import FakeIpvs
from proxy_core.ipvs.kernel import IpvsKernel
from proxy_core.ipvs.proxier import IpvsProxier
from proxy_core.model.endpoint import Endpoint
from proxy_core.model.node import NodeInfo, node_info
from proxy_core.model.service_port import ServicePort, ServicePortName
from proxy_core.model.state import ProxyState
from proxy_core.nft.fake import FakeNft
from proxy_core.nft.kernel import Nft
from proxy_core.nft.statements import table_family
from proxy_core.nftables.proxier import NftablesProxier
from proxy_core.objects import EndpointSlice, Node, Service, ServiceCIDR, load_object
from proxy_core.objects import Object as ProxyObject
from proxy_core.proxier import Proxier, SyncResult
from proxy_core.settings import Settings

__all__ = [
    "Endpoint",
    "EndpointSlice",
    "FakeIptables",
    "FLAT_TABLE",
    "FakeIpvs",
    "FakeNft",
    "FlatProxier",
    "InvalidConfig",
    "InvalidObjects",
    "Iptables",
    "IptablesProxier",
    "IpvsKernel",
    "IpvsProxier",
    "KernelError",
    "KubeProxyConfiguration",
    "Machine",
    "Nft",
    "NftablesProxier",
    "Node",
    "NodeInfo",
    "NotSupported",
    "Problem",
    "Proxier",
    "ProxyError",
    "ProxyObject",
    "ProxyState",
    "Service",
    "ServiceCIDR",
    "ServicePort",
    "ServicePortName",
    "Settings",
    "SyncResult",
    "load_config",
    "load_object",
    "node_info",
    "settings_of",
    "table_family",
]
