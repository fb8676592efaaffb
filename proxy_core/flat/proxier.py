"""FlatProxier: what one sync writes in mode flat; a change of an endpoint is a few elements of shared maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proxy_core.errors import KernelError, Problem
from proxy_core.flat import table
from proxy_core.flat.firewall import Firewall
from proxy_core.flat.frontends import NODE_PORTS, SERVICES, Batch, Frontends
from proxy_core.flat.names import TABLE
from proxy_core.flat.port_entries import NOTHING, PortEntries, port_entries
from proxy_core.flat.uses import Uses
from proxy_core.flat.ways import way_of
from proxy_core.model.service_port import ServicePortName
from proxy_core.model.state import ProxyState
from proxy_core.nft.chunks import chunks
from proxy_core.nft.kernel import Nft
from proxy_core.nft.statements import Rule, table_family
from proxy_core.nft.transaction import (
    AddChain,
    AddContainer,
    AddRule,
    Command,
    DeleteContainer,
    FlushChain,
    Transaction,
)
from proxy_core.nftables import names
from proxy_core.nftables.elements import ElementStore
from proxy_core.nftables.left import Left
from proxy_core.nftables.stale import StaleChains
from proxy_core.nftables.table import address_type
from proxy_core.proxier import Proxier, Sync
from proxy_core.settings import Settings

STORES = (
    names.CLUSTER_IPS,
    names.NO_ENDPOINT_SERVICES,
    names.NO_ENDPOINT_NODE_PORTS,
    names.HAIRPIN_CONNECTIONS,
)


class FlatProxier(Proxier):
    """The flat backend of one family; its kernel is a table of its own, so kube-proxy's may stand beside it."""

    def __init__(self, state: ProxyState, settings: Settings, kernel: Nft) -> None:
        super().__init__(state, settings)
        self._kernel = kernel
        self._family = table_family(settings.family)
        self._uses = Uses()
        self._services, self._node_ports = Frontends(SERVICES, self._uses), Frontends(NODE_PORTS, self._uses)
        self._firewall = Firewall()
        self._stores = {name: ElementStore(name) for name in STORES}
        self._ports: dict[ServicePortName, PortEntries] = {}
        self._stale = StaleChains(self._family, TABLE)
        self._first = True

    @property
    def problems(self) -> list[Problem]:
        """What was refused of annotations; their Services are served by chance, evenly."""
        return list(dict.fromkeys(each.problem for each in self._ports.values() if each.problem is not None))

    def refused(self) -> Sequence[str]:
        return [str(each) for each in self.problems]

    def write(self, sync: Sync) -> None:
        """Delete chains long out of use, then bring the table to what the state wants. Raises KernelError."""
        if not self._stale.delete_due(self._kernel, sync.now):
            self.cleanup_failures += 1
            sync = sync._replace(full=True)
        first, then = Transaction(self._family, TABLE), Transaction(self._family, TABLE)
        try:
            if sync.full:
                self._set_up(first)
            batch, left = self._take_over(sync)
            for command in self._new_ways(left, full=sync.full):
                first.add(command)
            self._write_affinity(sync, left, then)
            for command in self._commands(sync, batch, left):
                then.add(command)
            for transaction in (first, *chunks(then)):
                if len(transaction):
                    self._kernel.run(transaction)
        except KernelError:
            self._stale.clear()
            raise
        self._first = False

    def _set_up(self, transaction: Transaction) -> None:
        for command in table.commands(self.settings, self.state.service_cidrs, first=self._first):
            transaction.add(command)
        self._uses.reset()
        for frontends in (self._services, self._node_ports):
            frontends.read_back(self._kernel)
        for store in self._stores.values():
            store.read_back(self._kernel.elements(store.container) or {})
        self._firewall.read_back(self._kernel)

    def _take_over(self, sync: Sync) -> tuple[Batch, Left]:
        """Find out what the service ports that have changed want; return what to write, and what is left of before."""
        wanted, left = self.state.wanted, Left(address_type(self.settings))
        for name in list(self._ports) if sync.full else sorted(sync.ports):
            self._release(name, left)
        if sync.full:  # what a failed sync was to make, or somebody has deleted, must not be flushed
            found = self._kernel.names()
            left = Left(address_type(self.settings))
            self._stale.keep(found.chains)
            left.find(found.chains - table.CHAINS, found.containers)  # the table is this mode's alone
        for name in sorted(wanted if sync.full else sync.ports):
            if name in wanted:
                self._ports[name] = port_entries(name, wanted[name], self.settings)
                self._claim(name)
        batch = Batch()
        for frontends in (self._services, self._node_ports):
            frontends.write(batch, sync.now)
        return batch, left

    def _new_ways(self, left: Left, *, full: bool) -> Iterator[Command]:
        """Make the chains of ways that entries begin to use.

        They must be there before any entry leads to them, in a transaction of their own: a packet that is on its way
        meets the new entry with the old rules, which a new chain has none of.
        """
        for chain, way in self._uses.begun():
            left.keep([chain], ())
            if full or chain not in self._stale:
                yield from self._write_chains({chain: way.rules(self.settings)})
            self._stale.revive(chain)

    def _write_affinity(self, sync: Sync, left: Left, transaction: Transaction) -> None:
        """Write the chains and sets of ports with session affinity; those that are all new may go ahead."""
        present = frozenset(left.chains)
        for name in sorted(self._ports if sync.full else sync.ports):
            entries = self._ports.get(name, NOTHING)
            if not entries.chains:
                continue
            commands = [*map(AddContainer, entries.affinity_sets), *self._write_chains(entries.chains)]
            if present.isdisjoint(entries.chains):
                transaction.add_ahead(commands)
            else:
                for command in commands:
                    transaction.add(command)
            left.keep(entries.chains, entries.affinity_sets)

    def _commands(self, sync: Sync, batch: Batch, left: Left) -> Iterator[Command]:
        """Yield endpoints before the entries that need them."""
        yield from batch.fill
        for store in self._stores.values():
            yield from store.commands()
        yield from self._firewall.commands()
        yield from batch.lead
        yield from batch.trim
        yield from self._retire(sync.now, left)

    def _claim(self, name: ServicePortName) -> None:
        owner, entries = (str(name), name), self._ports[name]
        for key, entry in entries.services:
            self._services.claims.claim(owner, key, entry)
        for key, entry in entries.node_ports:
            self._node_ports.claims.claim(owner, key, entry)
        for key, sources in entries.firewall:
            self._firewall.claims.claim(owner, key, sources)
        for element in entries.elements:
            self._stores[element.container].claim(owner, element)

    def _release(self, name: ServicePortName, left: Left) -> None:
        """Forget what a service port has in the table; its chains and affinity sets are left."""
        entries = self._ports.pop(name, None)
        if entries is None:
            return
        owner = (str(name), name)
        for key, _ in entries.services:
            self._services.claims.release(owner, key)
        for key, _ in entries.node_ports:
            self._node_ports.claims.release(owner, key)
        for key, _ in entries.firewall:
            self._firewall.claims.release(owner, key)
        for element in entries.elements:
            self._stores[element.container].release(owner, element.key)
        left.leave(entries.chains, entries.affinity_sets)

    def _write_chains(self, chains: dict[str, tuple[Rule, ...]]) -> Iterator[Command]:
        for chain in chains:
            self._stale.revive(chain)
            yield AddChain(chain)
            yield FlushChain(chain)
        for chain, lines in chains.items():
            for line in lines:
                yield AddRule(chain, line)

    def _retire(self, now: int, left: Left) -> Iterator[Command]:
        """Note which chains are out of use, until they are deleted, and delete affinity sets.

        Ways keep their rules, so that they can come back; the others lead to each other, so they are flushed.
        """
        self._stale.retire(self._uses.ended(), now)
        self._stale.retire(left.chains, now)
        for chain in sorted(left.chains):
            if way_of(chain) is None:
                yield FlushChain(chain)
        for each in left.sets.values():
            yield DeleteContainer(each)
