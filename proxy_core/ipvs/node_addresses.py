"""NodeAddresses: the node's own addresses, where ipvs mode serves node ports and which it never binds itself."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from proxy_core.addresses import family_of, is_loopback, parse_ip
from proxy_core.ipvs.kernel import DEVICE
from proxy_core.settings import Interfaces, Settings


class NodeAddresses(NamedTuple):
    """The addresses of one family."""

    own: frozenset[str] = frozenset()
    """Those of all interfaces but kube-ipvs0, without loopback and IPv6 link-local ones; never bound there."""
    node_ports: tuple[str, ...] = ()
    """Those at which node ports are served, sorted."""


def node_addresses(settings: Settings) -> NodeAddresses:
    """Return the addresses of the machine as they are now."""
    interfaces = settings.interfaces()
    own = frozenset(_own(interfaces, settings))
    if settings.node_port_addresses.match_all:
        return NodeAddresses(own, tuple(sorted(own)))
    found = settings.node_port_addresses.node_ips(interfaces)
    return NodeAddresses(own, tuple(ip for ip in found if not is_loopback(ip)))


def _own(interfaces: Interfaces, settings: Settings) -> set[str]:
    found = set()
    for name, addresses in interfaces.items():
        for text in addresses if name != DEVICE else ():
            ip = parse_ip(text.partition("/")[0])
            if ip is None or family_of(ip) != settings.family or is_loopback(ip):
                continue
            if settings.family == "IPv4" or not ipaddress.ip_address(ip).is_link_local:
                found.add(ip)
    return found
