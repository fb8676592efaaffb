"""What the ipvs backend asks of the machine: virtual servers, ipsets, and the addresses of kube-ipvs0.

Every object here serves one family. Changes come in batches: a sequence of commands, thousands of them in one call,
carried out in their order. A command that the kernel refuses does not stop those behind it; it comes back as a
`Refusal`. KernelError is for what makes a whole call fail: no ip_vs in the kernel, a socket that breaks. Addresses and
networks are canonical text both ways (`proxy_core.addresses.parse_ip`, `parse_cidr`), protocols are TCP, UDP, SCTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal, NamedTuple, Protocol

from proxy_core.iptables.kernel import Iptables

DEVICE = "kube-ipvs0"
"""The dummy interface whose addresses make the kernel take packets for virtual servers as its own."""
PERSISTENT, HASHED, SOURCE_HASH = 0x1, 0x2, 0x10
"""Flags of a virtual server. HASHED is the kernel's own: never asked for, left out of what is read.
SOURCE_HASH is that of the schedulers (IP_VS_SVC_F_SCHED2 - for mh: mh-port).
"""


class Refusal(NamedTuple):
    """A command of a batch that the kernel has refused."""

    number: int
    """Its place in the batch, from 0."""
    reason: str
    """What it concerns and why, in words: ``virtual server 172.30.0.1:80/TCP: No such file or directory``."""


class ServerKey(NamedTuple):
    """What identifies a virtual server."""

    address: str
    port: int
    protocol: str

    def __str__(self) -> str:
        return f"{RealKey(self.address, self.port)}/{self.protocol}"


class VirtualServer(NamedTuple):
    """An address and port whose connections are spread over real servers; netmask all ones."""

    key: ServerKey
    scheduler: str = "rr"
    flags: int = 0
    timeout: int = 0
    """Seconds that a client sticks to its real server; with PERSISTENT."""


class RealKey(NamedTuple):
    """What identifies a real server within a virtual one."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class RealServer(NamedTuple):
    """A real server as it is read; forwarding is always masquerade, thresholds are 0."""

    key: RealKey
    weight: int
    active: int = 0
    inactive: int = 0
    """Connections."""


class AddServer(NamedTuple):
    """Make a virtual server; refused if it is there."""

    server: VirtualServer


class EditServer(NamedTuple):
    """Change scheduler, flags and timeout of a virtual server; its real servers stay."""

    server: VirtualServer


class DeleteServer(NamedTuple):
    """Delete a virtual server with its real servers."""

    key: ServerKey


class AddReal(NamedTuple):
    """Add a real server; refused if it is there."""

    server: ServerKey
    real: RealKey
    weight: int = 1


class EditReal(NamedTuple):
    """Change the weight of a real server; with 0 it gets no new connections."""

    server: ServerKey
    real: RealKey
    weight: int


class DeleteReal(NamedTuple):
    """Delete a real server."""

    server: ServerKey
    real: RealKey


ServerCommand = AddServer | EditServer | DeleteServer | AddReal | EditReal | DeleteReal


class Servers(Protocol):
    """The virtual servers of one family."""

    def run(self, commands: Sequence[ServerCommand]) -> Sequence[Refusal]:
        """Carry out commands; real servers of one virtual server stand together as a rule."""

    def dump(self) -> Mapping[VirtualServer, Sequence[RealServer]]:
        """Return everything: in a full sync, thousands of servers at once, whichever way is cheapest."""

    def reals(self, keys: Sequence[ServerKey]) -> Mapping[ServerKey, Sequence[RealServer]]:
        """Return the real servers of some virtual servers, with their connections; none for one that is gone."""

    def set_timeouts(self, tcp: int, tcp_fin: int, udp: int) -> None:
        """Set the time in seconds after which idle connections end; 0 leaves one as it is."""

    def flush(self) -> None:
        """Delete all virtual servers of both families."""


SetKind = Literal["hash:ip", "hash:ip,port", "hash:ip,port,ip", "hash:ip,port,net", "bitmap:port"]
HASH_SIZE, MAX_ELEMENTS = 1024, 65536
"""hashsize and maxelem of every set of a hash kind; bitmap:port covers the range 0-65535."""


class IpSet(NamedTuple):
    """A set; name and kind cannot change while it is there."""

    name: str
    kind: SetKind
    family: Literal["inet", "inet6"]
    """Means nothing to bitmap:port."""
    comment: str = ""
    """What rules say of it; the kernel never sees it."""


class Entry(NamedTuple):
    """An entry of a set; which fields count is a matter of the set's kind."""

    address: str = ""
    protocol: str = ""
    """tcp, udp or sctp; empty for bitmap:port, which has none."""
    port: int = 0
    second: str = ""
    """hash:ip,port,ip: an address; hash:ip,port,net: a network, with its prefix length always."""

    def __str__(self) -> str:
        """Return the words of ipset(8)."""
        port = f"{self.protocol}:{self.port}" if self.protocol else str(self.port) if self.port else ""
        return ",".join(filter(None, (self.address, port, self.second)))


class CreateSet(NamedTuple):
    """Make a set; nothing happens if there is the same one, with another kind or family it is refused."""

    set: IpSet


class DestroySet(NamedTuple):
    """Delete a set with its entries; nothing happens if it is not there, and it is refused while a rule uses it."""

    name: str


class AddEntry(NamedTuple):
    """Add an entry; nothing happens if it is there."""

    set: IpSet
    entry: Entry


class DeleteEntry(NamedTuple):
    """Delete an entry; nothing happens if it is not there."""

    set: IpSet
    entry: Entry


SetCommand = CreateSet | DestroySet | AddEntry | DeleteEntry


class IpSets(Protocol):
    """The ipsets of this network namespace."""

    def run(self, commands: Sequence[SetCommand]) -> Sequence[Refusal]:
        """Carry out commands; the entries of one set stand together."""

    def entries(self, sets: Sequence[IpSet]) -> Mapping[str, AbstractSet[Entry]]:
        """Return the entries of some sets by name; a set that is not there is left out."""


class BoundAddresses(Protocol):
    """The addresses of one family on kube-ipvs0."""

    def ensure_device(self) -> None:
        """Make the interface unless it is there: dummy, transmit queue length 0, never set up."""

    def delete_device(self) -> None:
        """Delete the interface; nothing happens if it is not there."""

    def bound(self) -> AbstractSet[str]:
        """Return the addresses on it, without prefix; loopback and IPv6 link-local ones are left out."""

    def bind(self, addresses: Sequence[str]) -> Sequence[Refusal]:
        """Add addresses as /32 or /128; nothing happens where one is there."""

    def unbind(self, addresses: Sequence[str]) -> Sequence[Refusal]:
        """Remove addresses; nothing happens where one is not there."""


class IpvsKernel(NamedTuple):
    """All that one family's proxier writes to."""

    iptables: Iptables
    servers: Servers
    sets: IpSets
    addresses: BoundAddresses
