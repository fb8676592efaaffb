"""From a configuration, a node and a machine to the settings of one proxier."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from proxy_core.addresses import Family, family_of, parse_cidr
from proxy_core.config.types import FLAT, IPVS, KubeProxyConfiguration
from proxy_core.config.validate import MODES
from proxy_core.errors import NotSupported
from proxy_core.model.local_traffic import detector
from proxy_core.model.node import NodeInfo
from proxy_core.model.node_port_addresses import PRIMARY, node_port_addresses
from proxy_core.settings import Interfaces, IpvsSettings, Settings


class Machine(NamedTuple):
    """What a proxy finds out about its machine."""

    interfaces: Callable[[], Interfaces] = dict
    random_fully: bool = True
    tcp_be_liberal: bool = False
    has_nfacct: bool = False


def settings_of(
    config: KubeProxyConfiguration, mode: str, family: Family, node: NodeInfo, machine: Machine
) -> Settings:
    """Return the settings of one family's proxier in a mode. Raises NotSupported for a mode that has none."""
    if mode not in MODES:
        raise NotSupported(f"mode {mode} is not supported; there are {', '.join(MODES)}")
    texts = config.node_port_addresses
    if not texts and mode in ("nftables", FLAT):
        texts = (PRIMARY,)
    addresses = node_port_addresses(texts, family, node.ips.values())
    masquerade = config.nftables if mode in ("nftables", FLAT) else config.iptables
    return Settings(
        family=family,
        node_ip=node.ips[family],
        node_port_addresses=addresses,
        interfaces=machine.interfaces,
        detector=detector(
            family,
            config.detect_local_mode,
            cluster_cidrs=config.cluster_cidrs,
            pod_cidrs=node.pod_cidrs,
            bridge=config.detect_local.bridge_interface,
            prefix=config.detect_local.interface_name_prefix,
        ),
        masquerade_mark=1 << masquerade.masquerade_bit,
        masquerade_all=masquerade.masquerade_all,
        localhost_node_ports=config.iptables.localhost_node_ports and addresses.contains_ipv4_loopback,
        sync_period=config.section(mode).sync_period,
        random_fully=machine.random_fully,
        tcp_be_liberal=machine.tcp_be_liberal,
        has_nfacct=machine.has_nfacct,
        ipvs=_ipvs(config.ipvs, family),
    )


def _ipvs(config: IPVS, family: Family) -> IpvsSettings:
    excluded = (parse_cidr(each) for each in config.exclude_cidrs)
    return IpvsSettings(
        scheduler=config.scheduler or "rr",
        exclude_cidrs=tuple(each for each in excluded if each is not None and family_of(each) == family),
        strict_arp=config.strict_arp,
        tcp_timeout=config.tcp_timeout,
        tcp_fin_timeout=config.tcp_fin_timeout,
        udp_timeout=config.udp_timeout,
    )
