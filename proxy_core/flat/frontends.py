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
from proxy_core.nftables.claims import Claims
from proxy_core.nftables.stale import STALE_AFTER


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
    """Commands in order: each may be the last one of a first load, and no packet meets half a service."""

    def __init__(self) -> None:
        self.fill: list[Command] = []
        """Endpoints that are new, or in another's place."""
        self.lead: list[Command] = []
        """Chains of destinations."""
        self.trim: list[Command] = []
        """Endpoints that nothing has led to for a while."""


class Frontends:
    """The entries of one kind of destination.

    Slots behind the last one that is used stay in the kernel for a while. A packet that has been sent to a chain by the
    old dispatch map may look its endpoint up in the new map: the kernel asks for the generation at each lookup.
    """

    def __init__(self, maps: Maps, uses: Uses) -> None:
        """Begin with none; ``uses`` counts the entries in the kernel by chain, those of others too."""
        self.claims: Claims[Entry] = Claims()
        self._maps, self._uses = maps, uses
        self._kernel: dict[ElementKey, Entry] = {}
        """With the slots that are not used any more."""
        self._tails: dict[ElementKey, int] = {}
        """Destinations that have some -> since when, in nanoseconds since 1970."""

    def read_back(self, kernel: Nft) -> None:
        """Take over what the kernel has; everything is compared with it again. Raises KernelError."""
        found = [kernel.elements(each) or {} for each in self._maps]
        chains, own_chains = _chains(found[0]), _chains(found[2])
        slots, own_slots = _slots(found[1]), _slots(found[3])
        self._kernel = {
            key: Entry(chains.get(key, ""), slots.get(key, ()), own_chains.get(key, ""), own_slots.get(key, ()))
            for key in {**chains, **slots, **own_chains, **own_slots}
        }
        self._tails.clear()
        self._uses.add([*chains.values(), *own_chains.values()])
        self.claims.touch_all(self._kernel)

    def write(self, batch: Batch, now: int) -> None:
        """Add what brings the kernel to what is wanted."""
        maps = self._maps
        for key in self.claims.drain():
            wanted, old = self.claims.winner(key) or NOWHERE, self._kernel.get(key, NOWHERE)
            new = _placed(old, wanted)
            if new.slots != old.slots:
                _fill(maps.endpoints, key, old.slots, new.slots, batch.fill)
            if new.own_slots != old.own_slots:
                _fill(maps.own_endpoints, key, old.own_slots, new.own_slots, batch.fill)
            if new.own_chain != old.own_chain:
                self._lead(maps.own_dispatch, key, old.own_chain, new.own_chain, batch.lead)
            if new.chain != old.chain:
                self._lead(maps.dispatch, key, old.chain, new.chain, batch.lead)
            if new == NOWHERE:
                self._kernel.pop(key, None)
            else:
                self._kernel[key] = new
            if len(new.slots) > len(wanted.slots) or len(new.own_slots) > len(wanted.own_slots):
                self._tails[key] = now
        self._trim(batch.trim, now)

    def _trim(self, commands: list[Command], now: int) -> None:
        """Delete the slots that have been out of use for a while."""
        due = sorted(key for key, since in self._tails.items() if now - since > STALE_AFTER)
        for key in due:
            del self._tails[key]
            wanted, old = self.claims.winner(key) or NOWHERE, self._kernel[key]
            used, own_used = len(wanted.slots), len(wanted.own_slots)
            for container, slots, first in (
                (self._maps.endpoints, old.slots, used),
                (self._maps.own_endpoints, old.own_slots, own_used),
            ):
                for number in range(first, len(slots)):
                    if slots[number]:
                        commands.append(DeleteElement(container, (*key, str(number))))
            new = old._replace(slots=old.slots[:used], own_slots=old.own_slots[:own_used])
            if new == NOWHERE:
                del self._kernel[key]
            else:
                self._kernel[key] = new

    def _lead(self, container: str, key: ElementKey, old: str, new: str, commands: list[Command]) -> None:
        self._uses.change(old, new)
        if old:
            commands.append(DeleteElement(container, key))
        if new:
            commands.append(AddElement(container, key, f"goto {new}"))


def _placed(old: Entry, wanted: Entry) -> Entry:
    """Return the entry as it will be in the kernel: endpoints that stay keep their slots, and so do unused ones."""
    if not old.slots and not old.own_slots:
        return wanted
    slots, own_slots = wanted.slots, wanted.own_slots
    if not wanted.numbered:
        slots, own_slots = place(old.slots, slots), place(old.own_slots, own_slots)
    slots += old.slots[len(slots) :]
    own_slots += old.own_slots[len(own_slots) :]
    return Entry(wanted.chain, slots, wanted.own_chain, own_slots)


def _fill(container: str, key: ElementKey, old: tuple[str, ...], new: tuple[str, ...], commands: list[Command]) -> None:
    """Bring slots to other endpoints; there are never less of them."""
    for number in range(len(old)):
        if old[number] != new[number]:
            place_key = (*key, str(number))
            if old[number]:
                commands.append(DeleteElement(container, place_key))
            commands.append(AddElement(container, place_key, new[number]))
    for number in range(len(old), len(new)):
        commands.append(AddElement(container, (*key, str(number)), new[number]))


def _chains(elements: Mapping[ElementKey, str]) -> dict[ElementKey, str]:
    return {key: verdict.removeprefix("goto ") for key, verdict in elements.items()}


def _slots(elements: Mapping[ElementKey, str]) -> dict[ElementKey, tuple[str, ...]]:
    """Return the endpoints of each destination by number, ``""`` where there is none."""
    found: dict[ElementKey, dict[int, str]] = {}
    for key, value in elements.items():
        found.setdefault(key[:-1], {})[int(key[-1])] = value
    return {key: tuple([by.get(number, "") for number in range(max(by) + 1)]) for key, by in found.items()}
