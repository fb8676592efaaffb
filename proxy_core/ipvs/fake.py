"""FakeIpvs: the kernel of ipvs mode in memory, refusing what the kernel refuses.

For tests, comparisons and dry runs; `FakeIpvs` puts them together. Connections are set by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from proxy_core.errors import KernelError
from proxy_core.iptables.fake import FakeIptables
from proxy_core.ipvs.kernel import (
    MAX_ELEMENTS,
    AddEntry,
    AddReal,
    AddServer,
    CreateSet,
    DeleteEntry,
    DeleteReal,
    DeleteServer,
    EditReal,
    EditServer,
    Entry,
    IpSet,
    IpvsKernel,
    RealKey,
    RealServer,
    Refusal,
    ServerCommand,
    ServerKey,
    SetCommand,
    VirtualServer,
)

SCHEDULERS = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "sed", "nq", "fo", "ovf", "mh", "twos")


class FakeServers:
    """Virtual servers; `ran` holds the batches."""

    def __init__(self) -> None:
        self.servers: dict[ServerKey, VirtualServer] = {}
        self.real_servers: dict[ServerKey, dict[RealKey, RealServer]] = {}
        self.ran: list[Sequence[ServerCommand]] = []
        self.asked: list[Sequence[ServerKey]] = []
        """What `reals` was asked for."""
        self.timeouts = (0, 0, 0)

    def run(self, commands: Sequence[ServerCommand]) -> Sequence[Refusal]:
        self.ran.append(commands)
        reasons = ((number, self._run(command)) for number, command in enumerate(commands))
        return [Refusal(number, reason) for number, reason in reasons if reason]

    def dump(self) -> Mapping[VirtualServer, Sequence[RealServer]]:
        return {server: list(self.real_servers[key].values()) for key, server in self.servers.items()}

    def reals(self, keys: Sequence[ServerKey]) -> Mapping[ServerKey, Sequence[RealServer]]:
        self.asked.append(keys)
        return {key: list(self.real_servers[key].values()) for key in keys if key in self.servers}

    def set_timeouts(self, tcp: int, tcp_fin: int, udp: int) -> None:
        new = zip((tcp, tcp_fin, udp), self.timeouts, strict=True)
        self.timeouts = tuple(seconds or old for seconds, old in new)  # type: ignore[assignment]

    def flush(self) -> None:
        self.servers.clear()
        self.real_servers.clear()

    def connect(self, server: ServerKey, real: RealKey, active: int = 0, inactive: int = 0) -> None:
        """Set the connections of a real server."""
        reals = self.real_servers[server]
        reals[real] = reals[real]._replace(active=active, inactive=inactive)

    def _run(self, command: ServerCommand) -> str:
        """Carry out a command; return why not, or nothing."""
        if isinstance(command, AddServer | EditServer):
            key, there = command.server.key, command.server.key in self.servers
            if there == isinstance(command, AddServer):
                return f"virtual server {key}: {'exists' if there else 'is not there'}"
            if command.server.scheduler not in SCHEDULERS:
                return f"virtual server {key}: no scheduler {command.server.scheduler}"
            self.servers[key] = command.server
            self.real_servers.setdefault(key, {})
            return ""
        key = command.key if isinstance(command, DeleteServer) else command.server
        if key not in self.servers:
            return f"virtual server {key}: is not there"
        if isinstance(command, DeleteServer):
            del self.servers[key], self.real_servers[key]
            return ""
        return self._run_real(command, self.real_servers[key])

    def _run_real(self, command: AddReal | EditReal | DeleteReal, reals: dict[RealKey, RealServer]) -> str:
        there = command.real in reals
        if there == isinstance(command, AddReal):
            return f"real server {command.real} of {command.server}: {'exists' if there else 'is not there'}"
        if isinstance(command, AddReal):
            reals[command.real] = RealServer(command.real, command.weight)
        elif isinstance(command, EditReal):
            reals[command.real] = reals[command.real]._replace(weight=command.weight)
        else:
            del reals[command.real]
        return ""


class FakeIpSets:
    """The ipsets of a network namespace: `sets` by name, and their `members`."""

    def __init__(self) -> None:
        self.sets: dict[str, IpSet] = {}
        self.members: dict[str, set[Entry]] = {}
        self.ran: list[Sequence[SetCommand]] = []

    def run(self, commands: Sequence[SetCommand]) -> Sequence[Refusal]:
        self.ran.append(commands)
        reasons = ((number, self._run(command)) for number, command in enumerate(commands))
        return [Refusal(number, reason) for number, reason in reasons if reason]

    def entries(self, sets: Sequence[IpSet]) -> Mapping[str, AbstractSet[Entry]]:
        return {each.name: frozenset(self.members[each.name]) for each in sets if each.name in self.sets}

    def _run(self, command: SetCommand) -> str:
        if isinstance(command, CreateSet):
            name, old = command.set.name, self.sets.get(command.set.name)
            if old is not None and (old.kind, old.family) != (command.set.kind, command.set.family):
                return f"ipset {name}: exists with type {old.kind} and family {old.family}"
            self.sets[name] = command.set
            self.members.setdefault(name, set())
        elif isinstance(command, AddEntry | DeleteEntry):
            members = self.members.get(command.set.name)
            if members is None:
                return f"ipset {command.set.name}: is not there"
            if isinstance(command, DeleteEntry):
                members.discard(command.entry)
            elif len(members) >= MAX_ELEMENTS and command.entry not in members:
                return f"ipset {command.set.name}: {command.entry}: the set is full"
            else:
                members.add(command.entry)
        else:
            self.sets.pop(command.name, None)
            self.members.pop(command.name, None)
        return ""


class FakeAddresses:
    """The addresses on kube-ipvs0; None while there is no such interface."""

    def __init__(self) -> None:
        self.addresses: set[str] | None = None

    def ensure_device(self) -> None:
        self.addresses = set() if self.addresses is None else self.addresses

    def delete_device(self) -> None:
        self.addresses = None

    def bound(self) -> AbstractSet[str]:
        return frozenset(self._there())

    def bind(self, addresses: Sequence[str]) -> Sequence[Refusal]:
        self._there().update(addresses)
        return ()

    def unbind(self, addresses: Sequence[str]) -> Sequence[Refusal]:
        self._there().difference_update(addresses)
        return ()

    def _there(self) -> set[str]:
        if self.addresses is None:
            raise KernelError("kube-ipvs0: no such interface")
        return self.addresses


class FakeIpvs:
    """All four in one: `kernel` is what a proxier gets."""

    def __init__(self) -> None:
        self.iptables, self.servers = FakeIptables(), FakeServers()
        self.sets, self.addresses = FakeIpSets(), FakeAddresses()
        self.kernel = IpvsKernel(self.iptables, self.servers, self.sets, self.addresses)
