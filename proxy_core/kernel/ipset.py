"""ipset over netlink: sets and their entries, hundreds in one message.

A message stops at its first entry that is refused; the kernel says which one, and those behind it are sent again.
Source: linux/netfilter/ipset/ip_set.h; what the numbers above 4096 mean stands there too.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from proxy_core.errors import KernelError
from proxy_core.ipvs.kernel import (
    HASH_SIZE,
    MAX_ELEMENTS,
    AddEntry,
    CreateSet,
    DeleteEntry,
    DestroySet,
    Entry,
    IpSet,
    Refusal,
    SetCommand,
    SetKind,
)
from proxy_core.kernel.netlink import (
    ACK,
    CREATE,
    DUMP,
    NESTED,
    NETFILTER,
    REQUEST,
    Message,
    Netlink,
    NetlinkError,
    attr,
    attrs,
    be32,
    each_attr,
    message,
    nest,
    text,
)
from proxy_core.kernel.netlink import Refusal as NetlinkRefusal

_SUBSYSTEM = 6
_PROTOCOL_VERSION = 6
_PROTOCOL_CMD, _CREATE, _DESTROY, _LIST, _ADD, _DELETE, _TYPE = 1, 2, 3, 7, 9, 10, 13
_PROTOCOL, _SET_NAME, _TYPE_NAME, _REVISION, _FAMILY, _DATA, _ENTRIES, _LINE = 1, 2, 3, 4, 5, 7, 8, 9
_IP, _PORT, _PORT_TO, _PROTO, _HASH_SIZE, _MAX_ELEMENTS, _IP2, _CIDR2 = 1, 4, 5, 7, 18, 19, 20, 21
_NETWORK_ORDER = 0x4000
_AT_ONCE = 500
_LINE_BYTES, _NEST_BYTES = struct.Struct("=HHI"), struct.Struct("=HH")
_PORT_BYTES = struct.Struct("=HHHxxHHBxxx")
"""Port and protocol."""
_IPV4_BYTES, _IPV6_BYTES = struct.Struct("=HHHH4s"), struct.Struct("=HHHH16s")
_HEAD = 4
"""Bytes of a netfilter message before its attributes."""
_FAMILIES = {"inet": 2, "inet6": 10}
_PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP, "sctp": socket.IPPROTO_SCTP}
_PROTOCOL_NAMES = {number: name for name, number in _PROTOCOLS.items()}
_REVISIONS: Mapping[SetKind, int] = {
    "hash:ip": 5,
    "hash:ip,port": 6,
    "hash:ip,port,ip": 6,
    "hash:ip,port,net": 8,
    "bitmap:port": 3,
}
"""The newest that ipset 7.11 to 7.17 can show: a newer kernel would offer more."""
_ERRORS = {
    4097: "the kernel cannot read it: an address of the other family, or another version of ipset",
    4098: "the kernel does not have this kind of set",
    4099: "there are too many sets",
    4100: "a rule or another set uses it",
    4103: "it is there already, or it is not there",
    4104: "no prefix length of this kind of set",
    4106: "no address of the set's family",
    4109: "an IPv4 address is needed",
    4110: "an IPv6 address is needed",
}
_HASH_ERRORS = {4352: "the set is full", 4354: "the kind of set does not know the protocol", 4355: "it has no protocol"}
_BITMAP_ERRORS = {4352: "out of the set's range", 4353: "the range is too large"}


class NetlinkIpSets:
    """The ipsets of the network namespace where this is made. Implements `proxy_core.ipvs.kernel.IpSets`."""

    def __init__(self) -> None:
        """Open it. Raises KernelError where the kernel has no ipset."""
        self._link = Netlink(NETFILTER)
        self._revisions: dict[SetKind, int] = {}
        refusal = self._do(_PROTOCOL_CMD, b"")
        if refusal is not None:
            self._link.close()
            raise KernelError(f"the kernel has no ipset: load the module ip_set (modprobe ip_set) ({refusal})")

    def close(self) -> None:
        """Close the socket; the sets stay."""
        self._link.close()

    def run(self, commands: Sequence[SetCommand]) -> Sequence[Refusal]:
        """Carry out commands in their order; return those that the kernel has refused. Raises KernelError."""
        refusals: list[Refusal] = []
        at = 0
        while at < len(commands):
            command = commands[at]
            match command:
                case CreateSet(ipset):
                    self._create(at, ipset, refusals)
                    at += 1
                case DestroySet(name):
                    refusal = self._do(_DESTROY, text(_SET_NAME, name))
                    if refusal is not None and refusal.errno != errno.ENOENT:
                        refusals.append(Refusal(at, f"ipset {name}: {_words('', refusal)}"))
                    at += 1
                case AddEntry(ipset) | DeleteEntry(ipset):
                    end = at + 1
                    while end < len(commands) and _goes_with(commands[end], command, ipset):
                        end += 1
                    entries = [(number, commands[number].entry) for number in range(at, end)]  # type: ignore[union-attr]
                    self._change(_ADD if isinstance(command, AddEntry) else _DELETE, ipset, entries, refusals)
                    at = end
        return refusals

    def entries(self, sets: Sequence[IpSet]) -> Mapping[str, AbstractSet[Entry]]:
        """Return the entries of some sets by name; one that is not there is left out. Raises KernelError."""
        found = {}
        for each in sets:
            number = self._link.sequence()
            asked = self._message(_LIST, DUMP, number, text(_SET_NAME, each.name))
            try:
                found[each.name] = _entries(self._link.ask(f"ipset {each.name}", asked, number))
            except NetlinkError as refused:
                if refused.refusal.errno != errno.ENOENT:
                    raise
        return found

    def _create(self, number: int, ipset: IpSet, refusals: list[Refusal]) -> None:
        bitmap = ipset.kind == "bitmap:port"
        if bitmap:
            options = _be16(_PORT, 0) + _be16(_PORT_TO, 65535)
        else:
            options = be32(_HASH_SIZE | _NETWORK_ORDER, HASH_SIZE) + be32(_MAX_ELEMENTS | _NETWORK_ORDER, MAX_ELEMENTS)
        refusal = self._do(
            _CREATE,
            text(_SET_NAME, ipset.name)
            + text(_TYPE_NAME, ipset.kind)
            + attr(_REVISION, bytes([self._revision(ipset.kind)]))
            + attr(_FAMILY, bytes([0 if bitmap else _FAMILIES[ipset.family]]))
            + nest(_DATA, options),
            CREATE,
        )
        if refusal is not None:
            reason = _words(ipset.kind, refusal)
            if refusal.errno == errno.EEXIST:
                reason = "there is a set of this name, of another kind or family"
            refusals.append(Refusal(number, f"ipset {ipset.name} ({ipset.kind}): {reason}"))

    def _revision(self, kind: SetKind) -> int:
        """Return the revision of a kind of set to make: the kernel's newest, or the newest that ipset(8) can show."""
        if kind not in self._revisions:
            number = self._link.sequence()
            asked = self._message(_TYPE, ACK, number, text(_TYPE_NAME, kind) + attr(_FAMILY, b"\2"))
            answers = self._link.ask(f"ipsets of kind {kind}", asked, number)
            newest = attrs(answers[0].payload, _HEAD)[_REVISION][0]
            self._revisions[kind] = min(newest, _REVISIONS[kind])
        return self._revisions[kind]

    def _change(
        self, command: int, ipset: IpSet, entries: Sequence[tuple[int, Entry]], refusals: list[Refusal]
    ) -> None:
        """Add or delete entries of a set, given with their numbers."""
        at, step = 0, _AT_ONCE
        while at < len(entries):
            some = entries[at : at + step]
            packed = b"".join(_packed_entry(entry, line) for line, (_, entry) in enumerate(some, 1))
            refusal = self._do(command, text(_SET_NAME, ipset.name) + attr(_LINE, b"\0\0\0\0") + nest(_ENTRIES, packed))
            if refusal is None:
                at, step = at + len(some), _AT_ONCE
                continue
            line = _line_of(refusal)
            # Without a line it is the set itself that is wrong, for each of them.
            refused = some[line - 1 : line] if line else entries[at:]
            for number, entry in refused:
                refusals.append(Refusal(number, f"ipset {ipset.name}, entry {entry}: {_words(ipset.kind, refusal)}"))
            at += line or len(entries)
            step = max(1, min(step, 2 * line))  # refusals come in crowds: a set that is full refuses all that follow

    def _do(self, command: int, payload: bytes, flags: int = 0) -> NetlinkRefusal | None:
        """Send one message; return what the kernel has against it."""
        number = self._link.sequence()
        _, refusals = self._link.exchange(self._message(command, ACK | flags, number, payload), number)
        return refusals[0] if refusals else None

    def _message(self, command: int, flags: int, number: int, payload: bytes) -> bytes:
        head = b"\2\0\0\0" + attr(_PROTOCOL, bytes([_PROTOCOL_VERSION]))
        return message(_SUBSYSTEM << 8 | command, REQUEST | flags, number, head + payload)


def _goes_with(command: SetCommand, first: SetCommand, ipset: IpSet) -> bool:
    """Tell whether a command can be sent with the first of a message: the same doing on the same set."""
    if isinstance(first, AddEntry):
        return isinstance(command, AddEntry) and command.set == ipset
    return isinstance(command, DeleteEntry) and command.set == ipset


def _packed_entry(entry: Entry, line: int) -> bytes:
    """Return an entry as an attribute, with the number by which the kernel calls it when it refuses it."""
    address, protocol, port, second = entry
    value = _LINE_BYTES.pack(8, _LINE, line)
    if address:
        value += _address(_IP, address)
    if protocol:
        number = _PROTOCOLS.get(protocol) or int(protocol)
        value += _PORT_BYTES.pack(6, _PORT | _NETWORK_ORDER, socket.htons(port), 5, _PROTO, number)
    elif port:
        value += _be16(_PORT, port)
    if second:
        value += _second(second)
    return _NEST_BYTES.pack(4 + len(value), _DATA | NESTED) + value


def _second(text: str) -> bytes:
    """Return an address, or a network with its prefix length."""
    address, slash, prefix = text.partition("/")
    packed = _address(_IP2, address)
    return packed + attr(_CIDR2, bytes([int(prefix)])) if slash else packed


def _address(kind: int, address: str) -> bytes:
    if ":" in address:
        return _IPV6_BYTES.pack(24, kind | NESTED, 20, 2 | _NETWORK_ORDER, socket.inet_pton(socket.AF_INET6, address))
    return _IPV4_BYTES.pack(12, kind | NESTED, 8, 1 | _NETWORK_ORDER, socket.inet_pton(socket.AF_INET, address))


def _be16(kind: int, value: int) -> bytes:
    return attr(kind | _NETWORK_ORDER, value.to_bytes(2, "big"))


def _entries(answers: Iterable[Message]) -> AbstractSet[Entry]:
    """Return the entries in the answers to a listing of one set."""
    return {
        _entry(attrs(each))
        for answer in answers
        for _, each in each_attr(attrs(answer.payload, _HEAD).get(_ENTRIES, b""))
    }


def _entry(found: Mapping[int, bytes]) -> Entry:
    protocol = found.get(_PROTO)
    second = _address_text(found.get(_IP2, b""))
    if _CIDR2 in found:
        second += f"/{found[_CIDR2][0]}"
    return Entry(
        _address_text(found.get(_IP, b"")),
        _PROTOCOL_NAMES.get(protocol[0], str(protocol[0])) if protocol else "",
        int.from_bytes(found.get(_PORT, b""), "big"),
        second,
    )


def _address_text(data: bytes) -> str:
    """Return the address in an attribute that holds one attribute of either family."""
    if not data:
        return ""
    return socket.inet_ntop(socket.AF_INET if len(data) == 8 else socket.AF_INET6, data[4:])


def _line_of(refusal: NetlinkRefusal) -> int:
    """Return the number of the entry that was refused, from the message that the kernel sends back; 0 if none was."""
    sent = refusal.payload[20:]  # behind the error and the header of the message
    return int.from_bytes(attrs(sent, _HEAD).get(_LINE, b""), "little") if len(sent) > _HEAD else 0


def _words(kind: str, refusal: NetlinkRefusal) -> str:
    own = _BITMAP_ERRORS if kind == "bitmap:port" else _HASH_ERRORS
    if refusal.errno == errno.ENOENT:
        return "there is no such set"
    return _ERRORS.get(refusal.errno) or own.get(refusal.errno) or str(refusal)
