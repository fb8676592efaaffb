"""NftablesProxier: what one sync writes, in full or in part (upstream: syncProxyRules of pkg/proxy/nftables)."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from proxy_core.errors import KernelError
from proxy_core.model.service_port import ServicePortName
from proxy_core.model.state import ProxyState
from proxy_core.nft.chunks import chunks
from proxy_core.nft.kernel import Nft
from proxy_core.nft.statements import SetMark, table_family
from proxy_core.nft.transaction import (
    TABLE,
    AddChain,
    AddContainer,
    AddRule,
    Command,
    DeleteContainer,
    FlushChain,
    Transaction,
)
from proxy_core.nftables import names, table
from proxy_core.nftables.elements import ElementStore
from proxy_core.nftables.left import Left
from proxy_core.nftables.names import PortChains
from proxy_core.nftables.port_rules import PortRules, port_rules
from proxy_core.nftables.stale import StaleChains
from proxy_core.proxier import Proxier, Sync
from proxy_core.settings import Settings

STORES = (
    names.CLUSTER_IPS,
    names.SERVICE_IPS,
    names.FIREWALL_IPS,
    names.NO_ENDPOINT_SERVICES,
    names.NO_ENDPOINT_NODE_PORTS,
    names.SERVICE_NODE_PORTS,
    names.HAIRPIN_CONNECTIONS,
)


class NftablesProxier(Proxier):
    """The nftables backend of one family."""

    def __init__(self, state: ProxyState, settings: Settings, kernel: Nft) -> None:
        super().__init__(state, settings)
        self._kernel = kernel
        self._family = table_family(settings.family)
        self._stores = {name: ElementStore(name) for name in STORES}
        self._rules: dict[ServicePortName, PortRules] = {}
        self._stale = StaleChains(self._family, TABLE)
        self._first = True

    def write(self, sync: Sync) -> None:
        """Delete chains long out of use, then bring the table to what the state wants. Raises KernelError."""
        if not self._stale.delete_due(self._kernel, sync.now):
            self.cleanup_failures += 1
            sync = sync._replace(full=True)
        transaction = Transaction(self._family)
        try:
            if sync.full:
                self._set_up(transaction)
            left = self._claim(sync)
            elements = [command for store in self._stores.values() for command in store.commands()]
            self._write_ports(sync, left, transaction)
            for command in elements:
                transaction.add(command)
            for each in chunks(transaction):
                if len(each):
                    self._kernel.run(each)
        except KernelError:
            self._stale.clear()
            raise
        self._first = False

    def _set_up(self, transaction: Transaction) -> None:
        for command in table.base(first=self._first):
            transaction.add(command)
        for command in table.static(self.settings, self.state.service_cidrs):
            transaction.add(command)
        for store in self._stores.values():
            store.read_back(self._kernel.elements(store.container) or {})

    def _claim(self, sync: Sync) -> Left:
        """Render the ports that are written, claim their elements; return what is left from before."""
        wanted = self.state.wanted
        left = Left(table.address_type(self.settings))
        written = self._written(sync)
        for name in [*(self._rules if sync.full else sync.ports), *written]:
            self._take(name, left)
        for name in written:
            rules = self._rules[name] = port_rules(name, wanted[name], self.settings)
            for element in rules.elements:
                self._stores[element.container].claim((str(name), name), element)
        if sync.full:  # what a failed sync was to make, or somebody has deleted, must not be flushed
            found = self._kernel.names()
            left = Left(table.address_type(self.settings))
            self._stale.keep(found.chains)
            left.find(filter(names.is_of_service, found.chains), found.containers)
        return left

    def _write_ports(self, sync: Sync, left: Left, transaction: Transaction) -> None:
        """Write the chains of changed services, and retire what nobody wants any more."""
        present = frozenset(left.chains)
        for name in self._written(sync):
            rules = self._rules[name]
            commands = self._port_commands(rules)
            if self._may_go_ahead(name, rules, present):
                transaction.add_ahead(commands)
            else:
                for command in commands:
                    transaction.add(command)
            left.keep(rules.chains, rules.affinity_sets)
        self._retire(sync.now, left, transaction)

    def _may_go_ahead(self, name: ServicePortName, rules: PortRules, present: AbstractSet[str]) -> bool:
        """Tell whether no packet notices when a port's chains are written before the rest of the table.

        Either none of them is there, or the same packets go into them before and after; and what they do does not
        depend on the rest of the table, which another process may have written with another mark.
        """
        if present.isdisjoint(rules.chains):
            return True
        if any(element.key in self._stores[element.container].moved_keys for element in rules.elements):
            return False
        leading = [f"goto {chain}" for chain in PortChains(name).dispatched]
        if not all(store.moved_values.isdisjoint(leading) for store in self._stores.values()):
            return False
        if not self._first:
            return True
        lines = [line for each in rules.chains.values() for line in each]
        return not any(isinstance(each, SetMark) for line in lines for each in line.statements)

    def _written(self, sync: Sync) -> list[ServicePortName]:
        """Return the ports whose chains are written."""
        return sorted(self.state.wanted) if sync.full else self.of_services(sync)

    def _take(self, name: ServicePortName, left: Left) -> None:
        """Forget what a service port has in the table; its chains and affinity sets are left."""
        rules = self._rules.pop(name, None)
        if rules is None:
            return
        left.leave(rules.chains, rules.affinity_sets)
        for element in rules.elements:
            self._stores[element.container].release((str(name), name), element.key)

    def _port_commands(self, rules: PortRules) -> Iterator[Command]:
        for chain in rules.chains:
            self._stale.revive(chain)
            yield AddChain(chain)
            yield FlushChain(chain)
        for each in rules.affinity_sets:
            yield AddContainer(each)
        for chain, lines in rules.chains.items():
            for line in lines:
                yield AddRule(chain, line)

    def _retire(self, now: int, left: Left, transaction: Transaction) -> None:
        """Flush chains that are out of use, until they are deleted, and delete affinity sets."""
        # As upstream: every sync flushes all of them and lets them wait anew.
        self._stale.retire([*left.chains, *self._stale.names()], now)
        for chain in self._stale.names():
            transaction.add(FlushChain(chain))
        for each in left.sets.values():
            transaction.add(DeleteContainer(each))
