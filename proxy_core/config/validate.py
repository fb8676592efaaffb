"""What upstream refuses in a KubeProxyConfiguration (pkg/proxy/apis/config/validation), as path and reason."""

from __future__ import annotations

from collections.abc import Iterator

from proxy_core.addresses import family_of, parse_cidr, parse_ip
from proxy_core.config.types import FLAT, KubeProxyConfiguration
from proxy_core.model.node_port_addresses import PRIMARY

MODES = ("iptables", "ipvs", "nftables", FLAT)
LOCAL_MODES = ("ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix")
_NOT_NEGATIVE = "must be greater than or equal to 0"

Fault = tuple[str, str]


def faults(config: KubeProxyConfiguration) -> list[Fault]:
    """Return everything that is wrong."""
    return [*_mode(config), *_amounts(config), *_addresses(config), *_detection(config)]


def _mode(config: KubeProxyConfiguration) -> Iterator[Fault]:
    if config.mode not in ("", *MODES):
        yield "mode", f"must be {', '.join(MODES)} or blank: {config.mode!r}"
    for name, bit in (
        ("iptables.masqueradeBit", config.iptables.masquerade_bit),
        ("nftables.masqueradeBit", config.nftables.masquerade_bit if config.mode in ("nftables", FLAT) else 0),
    ):
        if not 0 <= bit <= 31:
            yield name, f"must be within the range [0, 31]: {bit}"
    section = config.section(config.mode)
    name = "nftables" if config.mode == FLAT else config.mode or "iptables"
    if section.sync_period <= 0:
        yield f"{name}.syncPeriod", "must be greater than 0"
    if section.min_sync_period < 0:
        yield f"{name}.minSyncPeriod", _NOT_NEGATIVE
    if section.min_sync_period > section.sync_period:
        yield f"{name}.syncPeriod", f"must be greater than or equal to {name}.minSyncPeriod"


def _amounts(config: KubeProxyConfiguration) -> Iterator[Fault]:
    conntrack, ipvs = config.conntrack, config.ipvs
    amounts = {
        "conntrack.maxPerCore": conntrack.max_per_core,
        "conntrack.min": conntrack.min,
        "conntrack.tcpEstablishedTimeout": conntrack.tcp_established_timeout,
        "conntrack.tcpCloseWaitTimeout": conntrack.tcp_close_wait_timeout,
        "conntrack.udpTimeout": conntrack.udp_timeout,
        "conntrack.udpStreamTimeout": conntrack.udp_stream_timeout,
        "clientConnection.burst": config.client_connection.burst,
    }
    if config.mode == "ipvs":
        amounts |= {
            "ipvs.tcpTimeout": ipvs.tcp_timeout,
            "ipvs.tcpFinTimeout": ipvs.tcp_fin_timeout,
            "ipvs.udpTimeout": ipvs.udp_timeout,
        }
    for path, amount in amounts.items():
        if amount < 0:
            yield path, _NOT_NEGATIVE
    if config.config_sync_period <= 0:
        yield "configSyncPeriod", "must be greater than 0"
    if not -1000 <= config.oom_score_adj <= 1000:
        yield "oomScoreAdj", f"must be within the range [-1000, 1000]: {config.oom_score_adj}"


def _addresses(config: KubeProxyConfiguration) -> Iterator[Fault]:
    if parse_ip(config.bind_address) is None:
        yield "bindAddress", f"not a valid textual representation of an IP address: {config.bind_address!r}"
    for path, text in (
        ("healthzBindAddress", config.healthz_bind_address),
        ("metricsBindAddress", config.metrics_bind_address),
    ):
        yield from _host_port(path, text)
    for number, text in enumerate(config.node_port_addresses):
        path = f"nodePortAddresses[{number}]"
        if text == PRIMARY:
            if len(config.node_port_addresses) != 1:
                yield path, "can't use both 'primary' and CIDRs"
            break
        if parse_cidr(text) is None:
            yield path, f"must be a valid CIDR: {text!r}"
    for number, text in enumerate(config.ipvs.exclude_cidrs if config.mode == "ipvs" else ()):
        if parse_cidr(text) is None:
            yield f"ipvs.excludeCIDRs[{number}]", f"must be a valid CIDR: {text!r}"


def _host_port(path: str, text: str) -> Iterator[Fault]:
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host) != (host.startswith("[") and host.endswith("]")):
        yield path, f"must be IP:port: {text!r}"
        return
    if parse_ip(host.strip("[]")) is None:
        yield path, f"must be a valid IP: {host!r}"
    if not port.isdecimal() or len(port) > 5 or not 1 <= int(port) <= 65535:
        yield path, f"must be a valid port: {port!r}"


def _interface(path: str, name: str) -> Iterator[Fault]:
    """Check a name, or the beginning of one: it ends up in rules, and must be one word there."""
    if not name:
        yield path, "must not be empty"
    elif not name.isprintable() or any(each in " \"'\\/" for each in name):
        yield path, f"must be one word without quotes and slashes: {name!r}"


def _detection(config: KubeProxyConfiguration) -> Iterator[Fault]:
    mode, detect = config.detect_local_mode, config.detect_local
    if mode not in ("", *LOCAL_MODES):
        yield "detectLocalMode", f"unsupported value {mode!r}: supported values: {', '.join(LOCAL_MODES)}"
    if mode == "BridgeInterface":
        yield from _interface("detectLocal.bridgeInterface", detect.bridge_interface)
    if mode == "InterfaceNamePrefix":
        yield from _interface("detectLocal.interfaceNamePrefix", detect.interface_name_prefix)
    if mode in ("", "ClusterCIDR") and config.cluster_cidr:
        found = [parse_cidr(each) for each in config.cluster_cidrs]
        if None in found:
            yield "clusterCIDR", f"must be valid CIDR blocks, separated by a comma: {config.cluster_cidr!r}"
        elif len(found) > 2 or len({family_of(each) for each in found if each is not None}) != len(found):
            yield "clusterCIDR", f"must be a single CIDR or a dual-stack pair: {config.cluster_cidr!r}"
