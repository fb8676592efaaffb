"""Paper: kernels in memory that write every change down, as the command that a person would give."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from proxy_core import FakeIptables, FakeNft, Iptables, IpvsKernel, Nft, table_family
from proxy_core.addresses import Family
from proxy_core.ipvs import kernel as ipvs
from proxy_core.ipvs.fake import FakeAddresses, FakeIpSets, FakeServers
from proxy_core.nft.transaction import Transaction

PROGRAMS: dict[Family, str] = {"IPv4": "iptables", "IPv6": "ip6tables"}
_PROTOCOLS = {"TCP": "-t", "UDP": "-u", "SCTP": "--sctp-service"}


class Paper:
    """The kernels of both families; `lines` is what they were told."""

    def __init__(self) -> None:
        self.lines: dict[Family, list[str]] = {}
        self._tables: dict[Family, _Iptables] = {}

    def iptables(self, family: Family) -> Iptables:
        self._tables[family] = _Iptables(family, self.lines.setdefault(family, []))
        return self._tables[family]

    def saved(self, family: Family, table: str) -> str:
        return self._tables[family].save(table)

    def nft(self, family: Family, table: str) -> Nft:
        return _Nft(family, table, self.lines.setdefault(family, []))

    def ipvs(self, family: Family) -> IpvsKernel:
        lines = self.lines.setdefault(family, [])
        return IpvsKernel(self.iptables(family), _Servers(lines), _IpSets(lines), _Addresses(lines))


class _Iptables(FakeIptables):
    def __init__(self, family: Family, lines: list[str]) -> None:
        super().__init__()
        self._program, self._lines = PROGRAMS[family], lines

    def ensure_chain(self, table: str, chain: str) -> None:
        if chain not in self.tables[table]:
            self._lines.append(f"{self._program} -t {table} -N {chain}")
        super().ensure_chain(table, chain)

    def ensure_rule(self, table: str, chain: str, rule: Sequence[str]) -> None:
        self._lines.append(f"{self._program} -t {table} -I {chain} {shlex.join(rule)}")
        super().ensure_rule(table, chain, rule)

    def restore(self, text: Iterable[str]) -> None:
        super().restore(text)
        self._lines.append(f"{self._program}-restore --noflush --counters <<'EOF'")
        self._lines += [*self.restored[-1].splitlines(), "EOF"]


class _Nft(FakeNft):
    def __init__(self, family: Family, table: str, lines: list[str]) -> None:
        super().__init__(table_family(family), table)
        self._lines = lines

    def run(self, transaction: Transaction) -> None:
        super().run(transaction)
        self._lines += transaction.lines()


class _Servers(FakeServers):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def run(self, commands: Sequence[ipvs.ServerCommand]) -> Sequence[ipvs.Refusal]:
        self._lines += [_of_server(each) for each in commands]
        return super().run(commands)


class _IpSets(FakeIpSets):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def run(self, commands: Sequence[ipvs.SetCommand]) -> Sequence[ipvs.Refusal]:
        self._lines += [_of_set(each) for each in commands]
        return super().run(commands)


class _Addresses(FakeAddresses):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def ensure_device(self) -> None:
        if self.addresses is None:
            self._lines.append(f"ip link add {ipvs.DEVICE} type dummy")
        super().ensure_device()

    def bind(self, addresses: Sequence[str]) -> Sequence[ipvs.Refusal]:
        self._lines += [f"ip address add {each} dev {ipvs.DEVICE}" for each in addresses]
        return super().bind(addresses)

    def unbind(self, addresses: Sequence[str]) -> Sequence[ipvs.Refusal]:
        self._lines += [f"ip address delete {each} dev {ipvs.DEVICE}" for each in addresses]
        return super().unbind(addresses)


def _of_server(command: ipvs.ServerCommand) -> str:
    """Return the words of ipvsadm."""
    if isinstance(command, ipvs.AddServer | ipvs.EditServer):
        server = command.server
        words = ["-A" if isinstance(command, ipvs.AddServer) else "-E", _key(server.key), "-s", server.scheduler]
        words += ["-p", str(server.timeout)] if server.flags & ipvs.PERSISTENT else []
        words += ["-b", "flag-1"] if server.flags & ipvs.SOURCE_HASH else []
    elif isinstance(command, ipvs.DeleteServer):
        words = ["-D", _key(command.key)]
    elif isinstance(command, ipvs.AddReal | ipvs.EditReal):
        verb = "-a" if isinstance(command, ipvs.AddReal) else "-e"
        words = [verb, _key(command.server), "-r", str(command.real), "-m", "-w", str(command.weight)]
    else:
        words = ["-d", _key(command.server), "-r", str(command.real)]
    return " ".join(["ipvsadm", *words])


def _key(key: ipvs.ServerKey) -> str:
    return f"{_PROTOCOLS[key.protocol]} {ipvs.RealKey(key.address, key.port)}"


def _of_set(command: ipvs.SetCommand) -> str:
    """Return the words of ipset."""
    if isinstance(command, ipvs.CreateSet):
        made = command.set
        if made.kind == "bitmap:port":
            return f"ipset create {made.name} {made.kind} range 0-65535"
        sizes = f"hashsize {ipvs.HASH_SIZE} maxelem {ipvs.MAX_ELEMENTS}"
        return f"ipset create {made.name} {made.kind} family {made.family} {sizes}"
    if isinstance(command, ipvs.DestroySet):
        return f"ipset destroy {command.name}"
    verb = "add" if isinstance(command, ipvs.AddEntry) else "del"
    return f"ipset {verb} {command.set.name} {command.entry}"
