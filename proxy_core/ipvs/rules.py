"""The rules of iptables in ipvs mode: the same few for however many services, since ipsets hold what differs.

Which of them there are depends on which sets have entries. Nothing here writes them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from proxy_core.iptables.jump import Jump
from proxy_core.iptables.mark_rules import forward_rules, masquerade_rules
from proxy_core.iptables.port_rules import source_match
from proxy_core.ipvs import names
from proxy_core.ipvs.kernel import IpSet
from proxy_core.settings import Settings

CHAINS = {
    "nat": (names.SERVICES, names.POSTROUTING, names.NODE_PORT, names.LOAD_BALANCER_CHAIN, names.MARK_MASQ),
    "filter": (
        names.FORWARD,
        names.NODE_PORT,
        names.PROXY_FIREWALL,
        names.SOURCE_RANGES_FIREWALL,
        names.IPVS_FILTER,
        names.IPVS_OUT_FILTER,
    ),
}
JUMPS = (
    Jump("nat", "OUTPUT", names.SERVICES, "kubernetes service portals"),
    Jump("nat", "PREROUTING", names.SERVICES, "kubernetes service portals"),
    Jump("nat", "POSTROUTING", names.POSTROUTING, "kubernetes postrouting rules"),
    Jump("filter", "FORWARD", names.FORWARD, "kubernetes forwarding rules"),
    Jump("filter", "INPUT", names.NODE_PORT, "kubernetes health check rules"),
    Jump("filter", "INPUT", names.PROXY_FIREWALL, "kube-proxy firewall rules"),
    Jump("filter", "FORWARD", names.PROXY_FIREWALL, "kube-proxy firewall rules"),
    Jump("filter", "INPUT", names.IPVS_FILTER, "kubernetes ipvs access filter"),
    Jump("filter", "OUTPUT", names.IPVS_OUT_FILTER, "kubernetes ipvs access filter"),
)
"""In the order in which they are made; each goes before those that are there."""


def new_chains(missing: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Yield an input of iptables-restore: chains to make, by table, and the jumps into them, each before all others."""
    for table, chains in missing.items():
        yield f"*{table}\n"
        for chain in chains:
            yield f":{chain} - [0:0]\n"
        for jump in JUMPS:
            if jump.table == table and jump.target in chains:
                yield f'-I {jump.source} -m comment --comment "{jump.comment}" -j {jump.target}\n'
        yield "COMMIT\n"


class _SetRule(NamedTuple):
    """A rule that is there while its set has entries."""

    chain: str
    set: str
    directions: str
    target: str
    protocol: str = ""


_NODE_PORTS = (
    _SetRule(names.NODE_PORT, names.NODE_PORT_LOCAL_TCP, "dst", "RETURN", "tcp"),
    _SetRule(names.NODE_PORT, names.NODE_PORT_TCP, "dst", names.MARK_MASQ, "tcp"),
    _SetRule(names.NODE_PORT, names.NODE_PORT_LOCAL_UDP, "dst", "RETURN", "udp"),
    _SetRule(names.NODE_PORT, names.NODE_PORT_UDP, "dst", names.MARK_MASQ, "udp"),
    _SetRule(names.NODE_PORT, names.NODE_PORT_LOCAL_SCTP, "dst,dst", "RETURN", "sctp"),
    _SetRule(names.NODE_PORT, names.NODE_PORT_SCTP, "dst,dst", names.MARK_MASQ, "sctp"),
)
"""A local port returns before all ports are marked."""
_NAT = (
    _SetRule(names.POSTROUTING, names.LOOP_BACK, "dst,dst,src", "MASQUERADE"),
    _SetRule(names.SERVICES, names.LOAD_BALANCER, "dst,dst", names.LOAD_BALANCER_CHAIN),
    _SetRule(names.LOAD_BALANCER_CHAIN, names.LOAD_BALANCER_LOCAL, "dst,dst", "RETURN"),
    *_NODE_PORTS,
)
_FILTER = (
    _SetRule(names.PROXY_FIREWALL, names.LOAD_BALANCER_FW, "dst,dst", names.SOURCE_RANGES_FIREWALL),
    _SetRule(names.SOURCE_RANGES_FIREWALL, names.LOAD_BALANCER_SOURCE_CIDR, "dst,dst,src", "RETURN"),
    _SetRule(names.SOURCE_RANGES_FIREWALL, names.LOAD_BALANCER_SOURCE_IP, "dst,dst,src", "RETURN"),
)
_RETURNS = (
    (names.LOAD_BALANCER, "dst,dst"),
    (names.CLUSTER_IP, "dst,dst"),
    (names.EXTERNAL_IP, "dst,dst"),
    (names.EXTERNAL_IP_LOCAL, "dst,dst"),
    (names.HEALTH_CHECK_NODE_PORT, "dst"),
)
"""Sets of what may be reached on the addresses of kube-ipvs0; any other port of them is the node's own business."""


class Rules:
    """The rules of one family."""

    def __init__(self, settings: Settings, sets: Mapping[str, IpSet]) -> None:
        self._settings, self._sets = settings, sets

    def restore_input(self, filled: AbstractSet[str], out_filter: Iterable[str]) -> Iterator[str]:
        """Yield an input of iptables-restore; ``filled`` names the sets with entries by their names of IPv4."""
        for table, rules in (("nat", self._nat(filled)), ("filter", self._filter(filled, out_filter))):
            yield f"*{table}\n"
            for chain in CHAINS[table]:
                yield f":{chain} - [0:0]\n"
            for rule in rules:
                yield f"-A {rule}\n"
            yield "COMMIT\n"

    def _nat(self, filled: AbstractSet[str]) -> Iterator[str]:
        settings, services = self._settings, names.SERVICES
        yield f"{services} -s {'::1/128' if settings.family == 'IPv6' else '127.0.0.0/8'} -j RETURN"
        yield from self._set_rules(_NAT, filled)
        if names.CLUSTER_IP in filled:
            match = f"{services} {self._comment(names.CLUSTER_IP)} {self._match(names.CLUSTER_IP)}"
            yield f"{match} {self._masqueraded()} -j {names.MARK_MASQ}"
        for name in (names.EXTERNAL_IP, names.EXTERNAL_IP_LOCAL):
            if name not in filled:
                continue
            match = f"{services} {self._comment(name)} {self._match(name)} dst,dst"
            if name == names.EXTERNAL_IP:
                yield f"{match} -j {names.MARK_MASQ}"
            yield f"{match} -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT"
            yield f"{match} -m addrtype --dst-type LOCAL -j ACCEPT"
        yield f"{services} -m addrtype --dst-type LOCAL -j {names.NODE_PORT}"
        yield f"{names.LOAD_BALANCER_CHAIN} -j {names.MARK_MASQ}"
        for name in (names.CLUSTER_IP, names.LOAD_BALANCER):
            if name in filled:
                yield f"{services} {self._match(name)} dst,dst -j ACCEPT"
        yield from masquerade_rules(settings)

    def _filter(self, filled: AbstractSet[str], out_filter: Iterable[str]) -> Iterator[str]:
        yield from self._set_rules(_FILTER, filled)
        yield f"{names.SOURCE_RANGES_FIREWALL} -j DROP"
        for rule in out_filter:
            yield f"{names.IPVS_OUT_FILTER} {rule}"
        yield from forward_rules(self._settings)
        check = names.HEALTH_CHECK_NODE_PORT
        yield f"{names.NODE_PORT} {self._comment(check)} {self._match(check)} dst -j ACCEPT"
        for name, directions in _RETURNS:
            yield f"{names.IPVS_FILTER} {self._match(name)} {directions} -j RETURN"
        new = "-m conntrack --ctstate NEW"
        yield f"{names.IPVS_FILTER} {new} {self._match(names.IPVS_IPS)} dst -j REJECT"

    def _set_rules(self, rules: Iterable[_SetRule], filled: AbstractSet[str]) -> Iterator[str]:
        for rule in rules:
            if rule.set in filled:
                protocol = f" -p {rule.protocol}" if rule.protocol else ""
                match = f"{self._comment(rule.set)} {self._match(rule.set)} {rule.directions}"
                yield f"{rule.chain}{protocol} {match} -j {rule.target}"

    def _masqueraded(self) -> str:
        """Return which traffic to cluster IPs is masqueraded: all, that from outside, or that from a cluster IP."""
        if self._settings.masquerade_all:
            return "dst,dst"
        if self._settings.detector.is_implemented:
            return f"dst,dst ! {source_match(self._settings.detector)}"
        # A process of the node may get the cluster IP as its source, since kube-ipvs0 has it.
        return "src,dst"

    def _comment(self, name: str) -> str:
        return f'-m comment --comment "{self._sets[name].comment}"'

    def _match(self, name: str) -> str:
        return f"-m set --match-set {self._sets[name].name}"
