"""Frontends: the entries of a dispatch map and the endpoints behind them, in the kernel and as ports want them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from proxy_core.flat import names
from proxy_core.flat.slots import place
from proxy_core.flat.uses import Uses
from proxy_core.nft.kernel import Nft
from proxy_core.nft.transaction import AddElement, Command, DeleteElement, ElementKey
from proxy_core.nftables import names as shared
from proxy_core.nftables.claims import Claims, Owner


class Maps(NamedTuple):
    """The maps of one kind of destination."""

    dispatch: str
    """Destination -> chain."""
    endpoints: str
    """Destination and number -> endpoint."""
    own_dispatch: str
    """The same for the node's own traffic to external addresses with policy Local."""
    own_endpoints: str


SERVICES = Maps(shared.SERVICE_IPS, names.SERVICE_ENDPOINTS, names.OWN_SERVICES, names.OWN_SERVICE_ENDPOINTS)
NODE_PORTS = Maps(
    shared.SERVICE_NODE_PORTS, names.NODE_PORT_ENDPOINTS, names.OWN_NODE_PORTS, names.OWN_NODE_PORT_ENDPOINTS
)


class Entry(NamedTuple):
    """Where a destination leads to."""

    chain: str = ""
    slots: tuple[str, ...] = ()
    own_chain: str = ""
    own_slots: tuple[str, ...] = ()
    numbered: bool = False
    """Whether the numbers of the slots matter."""


NOWHERE = Entry()


class Batch:
    """Commands in an order in which each may be the last one of a transaction: no packet meets half an entry."""

    def __init__(self) -> None:
        self.fill: list[Command] = []
        """Endpoints that are new, or in another's place."""
        self.lead: list[Command] = []
        """Chains of destinations."""
        self.clear: list[Command] = []
        """Endpoints that nothing leads to any more."""

    def commands(self) -> list[Command]:
        """Return all in order."""
        return [*self.fill, *self.lead, *self.clear]


class Frontends:
    """The entries of one kind of destination."""

    def __init__(self, maps: Maps, uses: Uses) -> None:
        """Begin with none; ``uses`` counts the entries in the kernel by chain, those of others too."""
        self.claims: Claims[Entry] = Claims()
        self._maps, self._uses = maps, uses
        self._kernel: dict[ElementKey, Entry] = {}

    def claim(self, owner: Owner, key: ElementKey, entry: Entry) -> None:
        """Want an entry."""
        self.claims.claim(owner, key, entry)

    def read_back(self, kernel: Nft) -> None:
        """Take over what the kernel has; everything is compared with it again. Raises KernelError."""
        found = [kernel.elements(each) or {} for each in self._maps]
        chains, own_chains = _chains(found[0]), _chains(found[2])
        slots, own_slots = _slots(found[1]), _slots(found[3])
        self._kernel = {
            key: Entry(chains.get(key, ""), slots.get(key, ()), own_chains.get(key, ""), own_slots.get(key, ()))
            for key in {**chains, **slots, **own_chains, **own_slots}
        }
        self._uses.add([*chains.values(), *own_chains.values()])
        self.claims.touch_all(self._kernel)

    def write(self, batch: Batch) -> None:
        """Add what brings the kernel to what is wanted."""
        maps = self._maps
        for key in self.claims.drain():
            wanted, old = self.claims.winner(key) or NOWHERE, self._kernel.get(key, NOWHERE)
            new = wanted
            if not wanted.numbered:
                new = wanted._replace(
                    slots=place(old.slots, wanted.slots), own_slots=place(old.own_slots, wanted.own_slots)
                )
            if new == old:
                continue
            if new.slots != old.slots:
                _write_slots(maps.endpoints, key, old.slots, new.slots, batch)
            if new.own_slots != old.own_slots:
                _write_slots(maps.own_endpoints, key, old.own_slots, new.own_slots, batch)
            if new.own_chain != old.own_chain:
                self._lead(maps.own_dispatch, key, old.own_chain, new.own_chain, batch)
            if new.chain != old.chain:
                self._lead(maps.dispatch, key, old.chain, new.chain, batch)
            if new == NOWHERE:
                del self._kernel[key]
            else:
                self._kernel[key] = new

    def _lead(self, container: str, key: ElementKey, old: str, new: str, batch: Batch) -> None:
        self._uses.change(old, new)
        if old:
            batch.lead.append(DeleteElement(container, key))
        if new:
            batch.lead.append(AddElement(container, key, f"goto {new}"))


def _write_slots(container: str, key: ElementKey, old: tuple[str, ...], new: tuple[str, ...], batch: Batch) -> None:
    common = min(len(old), len(new))
    fill, clear = batch.fill, batch.clear
    for number in range(common):
        if old[number] != new[number]:
            place_key = (*key, str(number))
            if old[number]:
                fill.append(DeleteElement(container, place_key))
            fill.append(AddElement(container, place_key, new[number]))
    for number in range(common, len(new)):
        fill.append(AddElement(container, (*key, str(number)), new[number]))
    for number in range(common, len(old)):
        if old[number]:
            clear.append(DeleteElement(container, (*key, str(number))))


def _chains(elements: Mapping[ElementKey, str]) -> dict[ElementKey, str]:
    return {key: verdict.removeprefix("goto ") for key, verdict in elements.items()}


def _slots(elements: Mapping[ElementKey, str]) -> dict[ElementKey, tuple[str, ...]]:
    """Return the endpoints of each destination by number, ``""`` where there is none."""
    found: dict[ElementKey, dict[int, str]] = {}
    for key, value in elements.items():
        found.setdefault(key[:-1], {})[int(key[-1])] = value
    return {key: tuple([by.get(number, "") for number in range(max(by) + 1)]) for key, by in found.items()}
