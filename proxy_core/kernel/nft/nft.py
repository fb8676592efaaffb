"""NetlinkNft: one table of one family in the kernel, by transactions and dumps over netlink.

Holds no rule and decides nothing; what it remembers are the types of sets and maps.
Upstream: kube-proxy starts ``nft`` for each of these (sigs.k8s.io/knftables).
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping

from proxy_core.errors import KernelError
from proxy_core.kernel import netlink
from proxy_core.kernel.netlink import Closing, Message, Netlink, NetlinkError, attrs, text
from proxy_core.kernel.netns import inside
from proxy_core.kernel.nft import containers, elements, statements
from proxy_core.kernel.nft.batch import SUBSYSTEM, Batch, header
from proxy_core.kernel.nft.containers import Shape, shape_from
from proxy_core.kernel.nft.names import checked
from proxy_core.nft.kernel import Names
from proxy_core.nft.statements import TableFamily
from proxy_core.nft.transaction import TABLE, AddElement, DeleteElement, ElementKey, Transaction

_GET_CHAIN, _GET_SET, _GET_ELEMENTS = 4, 10, 13
_CHAIN_TABLE, _CHAIN_NAME = 1, 3
_DUMPS = 20


class NetlinkNft(Closing):
    """A table of one family in a network namespace (None: the present one)."""

    def __init__(self, family: TableFamily, table: str = TABLE, *, netns: str | None = None) -> None:
        """Open a socket. Raises KernelError where the kernel has no netfilter or the namespace is not there."""
        self.family, self.table = family, checked("table", table)
        with inside(netns):
            self._netlink = Netlink(netlink.NETFILTER)
        self._head = header(statements.FAMILIES[family].number)
        self._shapes: dict[str, Shape] = {}

    def close(self) -> None:
        """Close the socket."""
        self._netlink.close()

    def run(self, transaction: Transaction) -> None:
        """Carry out a transaction, as a whole or not at all.

        Raises KernelError (with the command that the kernel refused), NotSupported.
        """
        if not len(transaction):
            return
        if (transaction.family, transaction.table) != (self.family, self.table):
            raise KernelError(f"nft: a transaction on table {transaction.family} {transaction.table} for another one")
        self._learn(transaction)
        batch = Batch(transaction, self._shapes, self._netlink.sequence(0))
        self._netlink.sequence(batch.messages)
        self._netlink.send(batch.data())
        self._check(batch)
        for name, shape in batch.shapes.items():
            if shape is None:
                self._shapes.pop(name, None)
            else:
                self._shapes[name] = shape

    def _check(self, batch: Batch) -> None:
        """Read the answers to a batch, all of which are there when it is sent. Raises KernelError."""
        answers, lost = self._netlink.drain()
        done = False
        for answer in answers:
            refusal = netlink.refusal_of(answer) if answer.type == netlink.ERROR else None
            if refusal is not None:
                command = batch.command_text(refusal.seq, refusal.offset)
                self._shapes.clear()  # perhaps somebody else has changed the table
                raise NetlinkError(f"nft: {command}", refusal)
            done = done or answer.seq == batch.last
        if not done or lost:
            raise KernelError("nft: an answer to a transaction is missing; raise the sysctl net.core.rmem_max")

    def _learn(self, transaction: Transaction) -> None:
        """Ask the kernel for the types of sets and maps that were not made here and get elements now."""
        names = {each.container for each in transaction.commands if isinstance(each, AddElement | DeleteElement)}
        for name in names.difference(self._shapes):
            shape = self._shape(name)
            if shape is not None:
                self._shapes[name] = shape

    def _shape(self, name: str) -> Shape | None:
        found = list(self._get(_GET_SET, text(containers.SET_TABLE, self.table) + text(containers.SET_NAME, name)))
        return shape_from(attrs(found[0].payload, 4)) if found else None

    def names(self) -> Names:
        """Return the names of chains, sets and maps; none if there is no table. Raises KernelError."""
        chains = set()
        for each in self._dump(_GET_CHAIN, b""):
            found = attrs(each.payload, 4)
            if _string(found[_CHAIN_TABLE]) == self.table:
                chains.add(_string(found[_CHAIN_NAME]))
        names = set()
        for each in self._dump(_GET_SET, text(containers.SET_TABLE, self.table)):
            found = attrs(each.payload, 4)
            if not int.from_bytes(found.get(containers.SET_FLAGS, b""), "big") & containers.ANONYMOUS:
                names.add(_string(found[containers.SET_NAME]))
        return Names(frozenset(chains), frozenset(names))

    def elements(self, container: str) -> Mapping[ElementKey, str] | None:
        """Return the elements of a set or map with their values (empty for a set); None if it is not there.

        Raises KernelError, NotSupported (types that are not known here).
        """
        shape = self._shape(checked("set or map", container))
        if shape is None:
            return None
        answers = self._dump(_GET_ELEMENTS, text(1, self.table) + text(2, container))
        return elements.read((attrs(each.payload, 4).get(3, b"") for each in answers), shape)

    def _get(self, kind: int, body: bytes) -> Iterator[Message]:
        """Ask for one thing; yield nothing if it (or its table) is not there."""
        seq = self._netlink.sequence()
        flags = netlink.REQUEST | netlink.ACK
        data = netlink.message(SUBSYSTEM << 8 | kind, flags, seq, self._head + body)
        try:
            yield from self._netlink.ask(f"nft: table {self.family} {self.table}", data, seq)
        except NetlinkError as refused:
            if refused.refusal.errno != errno.ENOENT:
                raise

    def _dump(self, kind: int, body: bytes) -> list[Message]:
        """Ask for all that there is of a kind, again where it changes meanwhile; empty if the table is not there."""
        for _ in range(_DUMPS):
            seq = self._netlink.sequence()
            flags = netlink.REQUEST | netlink.DUMP
            data = netlink.message(SUBSYSTEM << 8 | kind, flags, seq, self._head + body)
            try:
                answers = self._netlink.ask(f"nft: table {self.family} {self.table}", data, seq)
            except NetlinkError as refused:
                if refused.refusal.errno == errno.ENOENT:
                    return []
                if refused.refusal.errno in (errno.EINTR, errno.EAGAIN):
                    continue
                raise
            if not any(each.flags & netlink.INTERRUPTED for each in answers):
                return answers
        raise KernelError(f"nft: table {self.family} {self.table}: it changed in each of {_DUMPS} dumps")


def _string(data: bytes) -> str:
    return data.rstrip(b"\0").decode()
