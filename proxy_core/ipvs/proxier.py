"""IpvsProxier: what one sync writes, in full or in part (upstream: syncProxyRules of pkg/proxy/ipvs).

A full sync, at least one every syncPeriod, reads everything back and mends it, as upstream's every sync does; a partial
one writes the difference of what has changed.
"""

from __future__ import annotations

from collections.abc import Sequence

from proxy_core.errors import KernelError
from proxy_core.ipvs import names
from proxy_core.ipvs.entry_store import EntryStore
from proxy_core.ipvs.kernel import CreateSet, Entry, IpvsKernel, Refusal
from proxy_core.ipvs.node_addresses import NodeAddresses, node_addresses
from proxy_core.ipvs.port_wishes import PortWishes, port_wishes
from proxy_core.ipvs.rules import CHAINS, JUMPS, Rules, new_chains
from proxy_core.ipvs.server_store import ServerStore
from proxy_core.ipvs.termination import Reals
from proxy_core.model.service_port import ServicePortName
from proxy_core.model.state import ProxyState
from proxy_core.proxier import Proxier, Sync
from proxy_core.settings import SECOND, Settings

TERMINATION_CHECK = 60 * SECOND
"""How often connections of real servers that leave are looked at."""


class IpvsProxier(Proxier):
    """The ipvs backend of one family."""

    def __init__(self, state: ProxyState, settings: Settings, kernel: IpvsKernel) -> None:
        super().__init__(state, settings)
        self.refusals: tuple[str, ...] = ()
        """What the kernel refused in the last sync or check; the rest was done, and the next sync is a full one."""
        self._kernel = kernel
        sets = names.ip_sets(settings.family)
        self._rules = Rules(settings, sets)
        self._servers = ServerStore(settings.ipvs.exclude_cidrs)
        self._entries = {name: EntryStore(each) for name, each in sets.items()}
        self._bound = EntryStore(sets[names.IPVS_IPS])
        """The addresses of kube-ipvs0; the same are wanted as in the set."""
        self._wishes: dict[ServicePortName, PortWishes] = {}
        self._out_filter: dict[ServicePortName, tuple[str, ...]] = {}
        self._node = NodeAddresses()
        self._restored: frozenset[str] | None = None
        """The sets that had entries when rules were written last; None if they differ in more than that."""
        self._checked = 0
        self._mends = True
        """Whether a full sync gives real servers their weight back: the first one, and one after a failure."""

    @property
    def terminating(self) -> int:
        """How many real servers wait with weight 0 for their connections to end."""
        return len(self._servers.terminating)

    def full_is_due(self, elapsed: int) -> bool:
        """Tell whether a full sync is due: after syncPeriod, as upstream, or because something was refused."""
        return elapsed >= self.settings.sync_period or bool(self.refusals)

    def write(self, sync: Sync) -> None:
        """Bring servers, sets, addresses and rules to what the state wants. Raises KernelError."""
        self.refusals = ()
        mends, self._mends = self._mends, True  # until this one has succeeded
        connections = self._read_back() if sync.full else None
        self._want(sync)
        servers = self._kernel.servers
        changes = self._servers.changes(
            servers.reals if connections is None else lambda _: connections, weights=sync.full and mends
        )
        self._note(servers.run(changes.commands) if changes.commands else ())
        missing, left = self._bound.changes()
        self._note(self._kernel.addresses.bind([each.address for each in missing]) if missing else ())
        commands = [command for store in self._entries.values() for command in store.commands()]
        self._note(self._kernel.sets.run(commands) if commands else ())
        self._restore(full=sync.full)
        self._note(self._kernel.addresses.unbind([each.address for each in left]) if left else ())
        self._note(servers.run(changes.deletions) if changes.deletions else ())
        self._mends = bool(self.refusals)

    def refused(self) -> Sequence[str]:
        return self.refusals

    def tend(self, now: int) -> None:
        self.check_terminations(now)

    def check_terminations(self, now: int) -> None:
        """Delete real servers whose connections have ended; looks once a minute, however often it is called.

        Raises KernelError.
        """
        if now - self._checked < TERMINATION_CHECK:
            return
        self._checked = now
        commands = self._servers.check_terminations(self._kernel.servers.reals)
        self._note(self._kernel.servers.run(commands) if commands else ())

    def _note(self, refused: Sequence[Refusal]) -> None:
        self.refusals += tuple(each.reason for each in refused)

    def _read_back(self) -> Reals:
        """Make what there is to write to, and take over what it holds; return the real servers."""
        kernel, sets = self._kernel, [each.set for each in self._entries.values()]
        self._make_chains()
        kernel.addresses.ensure_device()
        refused = kernel.sets.run([CreateSet(each) for each in sets])
        if refused:
            raise KernelError(refused[0].reason)
        self._node = node_addresses(self.settings)
        self._bound.read_back({Entry(each) for each in kernel.addresses.bound()})
        entries = kernel.sets.entries(sets)
        for store in self._entries.values():
            store.read_back(entries.get(store.set.name, frozenset()))
        return self._servers.read_back(kernel.servers.dump())

    def _make_chains(self) -> None:
        """Make chains and jumps that are missing: those of new chains in one go, where upstream runs 20 programs."""
        tables = self._kernel.iptables
        missing = {}
        for table, chains in CHAINS.items():
            there = set(tables.chains(table))
            missing[table] = [each for each in chains if each not in there]
        if any(missing.values()):
            tables.restore(new_chains(missing))
        for jump in JUMPS:
            if jump.target not in missing[jump.table]:
                tables.ensure_rule(jump.table, jump.source, jump.rule)

    def _want(self, sync: Sync) -> None:
        """Render what has changed, and take back what is gone."""
        wanted = self.state.wanted
        for name in list(self._wishes) if sync.full else sync.ports:
            if name not in wanted:
                self._place(name, PortWishes())
        for name in wanted if sync.full else sync.ports & wanted.keys():
            self._place(name, port_wishes(wanted[name], self.settings, self._node))

    def _place(self, name: ServicePortName, wishes: PortWishes) -> None:
        """Put what a port wants in the place of what it wanted before."""
        before = self._wishes.pop(name, PortWishes())
        if wishes != PortWishes():
            self._wishes[name] = wishes
        if wishes.servers != before.servers:
            owner = (str(name), name)
            for each in before.servers:
                self._servers.release(owner, each.server.key)
            for each in wishes.servers:
                self._servers.claim(owner, each)
        if wishes.entries != before.entries:
            for kind, entry in before.entries:
                for store in self._stores(kind):
                    store.release(entry)
            for kind, entry in wishes.entries:
                for store in self._stores(kind):
                    store.claim(entry)
        if wishes.out_filter != before.out_filter:
            self._out_filter.pop(name, None)
            if wishes.out_filter:
                self._out_filter[name] = wishes.out_filter
            self._restored = None

    def _stores(self, kind: str) -> tuple[EntryStore, ...]:
        return (self._entries[kind], self._bound) if kind == names.IPVS_IPS else (self._entries[kind],)

    def _restore(self, *, full: bool) -> None:
        """Write the rules, if they may differ from those that are there."""
        filled = frozenset(name for name, store in self._entries.items() if store)
        if full or filled != self._restored:
            rules = sorted(rule for rules in self._out_filter.values() for rule in rules)
            self._kernel.iptables.restore(self._rules.restore_input(filled, rules))
            self._restored = filled
