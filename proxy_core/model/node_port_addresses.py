"""On which addresses of the node the node ports are served (upstream: pkg/proxy/util/nodeport_addresses.go)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from proxy_core.addresses import Family, contains, family_of, is_loopback, parse_cidr, parse_ip, prefix_length

PRIMARY = "primary"
"""The one word that may stand in place of networks: the node's own addresses."""


class NodePortAddresses(NamedTuple):
    """The networks of one family in which node ports are served."""

    family: Family
    cidrs: tuple[str, ...]

    @property
    def match_all(self) -> bool:
        return prefix_length(self.cidrs[0]) == 0

    @property
    def contains_ipv4_loopback(self) -> bool:
        return self.family == "IPv4" and any(
            is_loopback(each.partition("/")[0]) or contains(each, "127.0.0.0") for each in self.cidrs
        )

    def node_ips(self, interfaces: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
        """Return the addresses of interfaces (name -> ``address/prefix``) on which node ports are served, sorted."""
        found = set()
        for addresses in interfaces.values():
            for text in addresses:
                ip = parse_ip(text.partition("/")[0])
                if ip is not None and any(contains(each, ip) for each in self.cidrs):
                    found.add(ip)
        return tuple(sorted(found))


def node_port_addresses(texts: Sequence[str], family: Family, node_ips: Iterable[str]) -> NodePortAddresses:
    """Return the networks of a family; none of it means all addresses, and so does a network of all.

    ``node_ips`` stand in for the word primary.
    """
    if list(texts) == [PRIMARY]:
        texts = [f"{ip}/{128 if ':' in ip else 32}" for ip in node_ips if not is_loopback(ip)]
    found = (parse_cidr(text) for text in texts)
    cidrs = tuple(each for each in found if each is not None and family_of(each) == family)
    if not cidrs or any(prefix_length(each) == 0 for each in cidrs):
        cidrs = ("0.0.0.0/0" if family == "IPv4" else "::/0",)
    return NodePortAddresses(family, cidrs)
