"""IptablesProxier: what one sync writes, in full or in part (upstream: syncProxyRules of pkg/proxy/iptables).

The chains that all services share are written in every sync, because the order of their rules matters; the chains of a
service port only if something of the service has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from proxy_core.addresses import is_loopback
from proxy_core.iptables import names
from proxy_core.iptables.jump import Jump
from proxy_core.iptables.kernel import Iptables
from proxy_core.iptables.mark_rules import forward_rules, masquerade_rules
from proxy_core.iptables.port_rules import PortRules, port_rules
from proxy_core.iptables.sections import Section
from proxy_core.model.service_port import ServicePortName
from proxy_core.model.state import ProxyState
from proxy_core.proxier import FULL_SYNC_PERIOD, Proxier, Sync
from proxy_core.settings import Settings

LARGE_CLUSTER = 1000
"""With more endpoints comments are left out and old chains are removed less often."""
NFACCT_INVALID = "ct_state_invalid_dropped_pkts"

_NEW = ("-m", "conntrack", "--ctstate", "NEW")
JUMPS = (
    Jump("filter", "INPUT", names.EXTERNAL_SERVICES, "kubernetes externally-visible service portals", _NEW),
    Jump("filter", "FORWARD", names.EXTERNAL_SERVICES, "kubernetes externally-visible service portals", _NEW),
    Jump("filter", "INPUT", names.NODE_PORTS, "kubernetes health check service ports"),
    Jump("filter", "FORWARD", names.SERVICES, "kubernetes service portals", _NEW),
    Jump("filter", "OUTPUT", names.SERVICES, "kubernetes service portals", _NEW),
    Jump("filter", "FORWARD", names.FORWARD, "kubernetes forwarding rules"),
    Jump("filter", "INPUT", names.PROXY_FIREWALL, "kubernetes load balancer firewall", _NEW),
    Jump("filter", "OUTPUT", names.PROXY_FIREWALL, "kubernetes load balancer firewall", _NEW),
    Jump("filter", "FORWARD", names.PROXY_FIREWALL, "kubernetes load balancer firewall", _NEW),
    Jump("nat", "OUTPUT", names.SERVICES, "kubernetes service portals"),
    Jump("nat", "PREROUTING", names.SERVICES, "kubernetes service portals"),
    Jump("nat", "POSTROUTING", names.POSTROUTING, "kubernetes postrouting rules"),
    Jump("filter", "INPUT", names.FIREWALL, ""),
    Jump("filter", "OUTPUT", names.FIREWALL, ""),
)
"""In the order in which they are made; each goes before those that are there."""

_FILTER = (names.SERVICES, names.EXTERNAL_SERVICES, names.FORWARD, names.NODE_PORTS, names.PROXY_FIREWALL)
_NAT = (names.SERVICES, names.NODE_PORTS, names.POSTROUTING, names.MARK_MASQ)
_LAST = '"kubernetes service nodeports; NOTE: this must be the last rule in this chain"'

_SHARED = PortRules._fields[:6]


class IptablesProxier(Proxier):
    """The iptables backend of one family."""

    def __init__(self, state: ProxyState, settings: Settings, kernel: Iptables) -> None:
        super().__init__(state, settings)
        self._kernel = kernel
        self._sections: dict[str, Section] = {name: Section() for name in _SHARED}
        self._chains: dict[ServicePortName, tuple[str, ...]] = {}
        """Every port that has rules -> its own chains; one without endpoints has none."""
        self._left: set[str] = set()
        """Chains of service ports in the kernel that nobody wants any more."""
        self._large = False
        self._cleaned = 0

    def full_is_due(self, elapsed: int) -> bool:
        """Tell whether a full sync is due: never for the time alone in a large cluster."""
        return elapsed > FULL_SYNC_PERIOD and not self._large

    def write(self, sync: Sync) -> None:
        """Bring jumps, shared chains and the chains of changed services to what the state wants."""
        if sync.full:
            for jump in JUMPS:
                self._kernel.ensure_chain(jump.table, jump.target)
                self._kernel.ensure_rule(jump.table, jump.source, jump.rule)
        self._large = self.state.endpoint_count > LARGE_CLUSTER
        changed = self._render(sync)
        if sync.full:
            self._find_left()
        cleans = not self._large or sync.now - self._cleaned >= self.settings.sync_period
        self._kernel.restore(self._text(changed, sorted(self._left) if cleans else []))
        if cleans:
            self._cleaned = sync.now
            self._left.clear()

    def _render(self, sync: Sync) -> list[PortRules]:
        """Render what has changed; return the ports whose own chains are written."""
        wanted = self.state.wanted
        rendered = []
        for name in list(self._chains) if sync.full else sync.ports:
            if name not in wanted:
                self._place(name, PortRules())
        for name in wanted if sync.full else self.of_services(sync):
            rules = port_rules(name, wanted[name], self.settings, comments=not self._large)
            self._place(name, rules)
            rendered.append(rules)
        return rendered

    def _find_left(self) -> None:
        """Look for chains that an earlier proxy has left; later ones are noticed when they fall out of use."""
        active = {chain for chains in self._chains.values() for chain in chains}
        found = (chain for chain in self._kernel.chains("nat") if chain.startswith(names.PER_SERVICE))
        self._left = {chain for chain in found if chain not in active}

    def _place(self, name: ServicePortName, rules: PortRules) -> None:
        """Put the rules of a port among those of the others; chains that it has no more are left over."""
        key = (str(name), name)
        for field in _SHARED:
            self._sections[field].set(key, getattr(rules, field))
        self._left.update(self._chains.pop(name, ()))
        if any(rules):
            self._left.difference_update(rules.chains)
            self._chains[name] = rules.chains

    def _text(self, changed: list[PortRules], stale: list[str]) -> Iterator[str]:
        localhost = self.settings.localhost_node_ports
        yield "*filter\n"
        for chain in (*_FILTER, names.FIREWALL) if localhost else _FILTER:
            yield f":{chain} - [0:0]\n"
        if localhost:
            comment = '-m comment --comment "block incoming localnet connections"'
            outside = "-d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT"
            yield f"-A {names.FIREWALL} {comment} {outside} -j DROP\n"
        for field in _SHARED[:4]:
            yield from self._sections[field].blocks()
        yield self._forward()
        yield "COMMIT\n*nat\n"
        # In order of their names: iptables-restore (legacy) takes 110,000 chains with 11 to 43 % less CPU time so.
        own = sorted(chain for rules in changed for chain in rules.chains)
        for chain in (*_NAT, *own, *stale):
            yield f":{chain} - [0:0]\n"
        yield _lines(masquerade_rules(self.settings))
        for field in _SHARED[4:]:
            yield from self._sections[field].blocks()
        for rules in changed:
            yield rules.own
        for chain in stale:
            yield f"-X {chain}\n"
        yield self._node_ports()
        yield "COMMIT\n"

    def _forward(self) -> str:
        count = f"-m nfacct --nfacct-name {NFACCT_INVALID} " if self.settings.has_nfacct else ""
        invalid = f"{names.FORWARD} -m conntrack --ctstate INVALID {count}-j DROP"
        rules = forward_rules(self.settings)
        return _lines(rules if self.settings.tcp_be_liberal else (invalid, *rules))

    def _node_ports(self) -> str:
        """Return the last rules of nat KUBE-SERVICES, which lead to the node ports."""
        settings, head = self.settings, f"-A {names.SERVICES} -m comment --comment {_LAST}"
        if not settings.node_port_addresses.match_all:
            ips = settings.node_port_addresses.node_ips(settings.interfaces())
            served = [ip for ip in ips if settings.localhost_node_ports or not is_loopback(ip)]
            return "".join(f"{head} -d {ip} -j {names.NODE_PORTS}\n" for ip in served)
        unless = ""
        if settings.family == "IPv6":
            unless = " ! -d ::1/128"
        elif not settings.localhost_node_ports:
            unless = " ! -d 127.0.0.0/8"
        return f"{head} -m addrtype --dst-type LOCAL{unless} -j {names.NODE_PORTS}\n"


def _lines(rules: Iterable[str]) -> str:
    return "".join(f"-A {rule}\n" for rule in rules)
