"""Batch: a transaction as one netlink message after the other, and which command each message is of.

Elements that follow each other go together in one message. Pure: sends nothing.
Source: linux/netfilter/nfnetlink.h (a batch begins and ends with a message); linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import itertools
import secrets
import sys
from collections.abc import Iterator, Mapping

from proxy_core.errors import KernelError
from proxy_core.kernel import netlink
from proxy_core.kernel.netlink import attr, be32, each_attr, nest, text
from proxy_core.kernel.nft import containers, elements, statements, userdata
from proxy_core.kernel.nft.containers import Shape, shape_of
from proxy_core.kernel.nft.names import checked
from proxy_core.kernel.nft.types import layout
from proxy_core.nft import transaction as tr

SUBSYSTEM = 10
NEW_TABLE, NEW_CHAIN, DEL_CHAIN, NEW_RULE, DEL_RULE, NEW_SET, DEL_SET = 0, 3, 5, 6, 8, 9, 11
NEW_ELEMENTS, DEL_ELEMENTS = 12, 14
_BEGIN, _END = 0x10, 0x11
_HOOKS = {"prerouting": 0, "input": 1, "forward": 2, "output": 3, "postrouting": 4}
_CREATE = netlink.CREATE
_ELEMENTS = 3
_anonymous = itertools.count(secrets.randbits(40))
"""Numbers for names of anonymous sets. For a name with ``%d`` the kernel would read the numbers in the names of all
sets of the table: 2.3 s more for 10,000 services."""


def header(family: int, resource: int = 0) -> bytes:
    """Return what stands before the attributes of a message of nfnetlink."""
    return bytes((family, 0)) + resource.to_bytes(2, "big")


class Batch:
    """The messages of a transaction; `known` has the shapes of sets and maps that are there already."""

    def __init__(self, transaction: tr.Transaction, known: Mapping[str, Shape], first: int) -> None:
        """Encode. Raises NotSupported, KernelError; messages are numbered from `first`."""
        self.family, self.table = transaction.family, transaction.table
        self.first = first
        self.shapes: dict[str, Shape | None] = {}
        """Shapes of the sets and maps that the transaction makes; None: that it deletes."""
        self._known = known
        self._head = header(statements.FAMILIES[self.family].number) + text(1, checked("table", self.table))
        self._table_text = f"{self.family} {self.table}"
        self._messages: list[bytes] = [netlink.message(_BEGIN, netlink.REQUEST, first, header(0, SUBSYSTEM))]
        self._commands: list[tr.Command] = transaction.commands
        self._sources: list[int] = [0]
        """For each message the place of its (first) command."""
        self._ids: dict[str, int] = {}
        self._at = self._last_id = 0
        self._encode()
        self.last = self.first + len(self._messages) - 1
        """The message that asks for an acknowledgement: all before it have been looked at by then."""
        self._messages[-1] = _acknowledged(self._messages[-1])
        self._messages.append(netlink.message(_END, netlink.REQUEST, self._next(), header(0, SUBSYSTEM)))

    @property
    def messages(self) -> int:
        """How many sequence numbers it takes."""
        return len(self._messages)

    def data(self) -> bytes:
        """Return all messages."""
        return b"".join(self._messages)

    def command_text(self, seq: int, offset: int) -> str:
        """Return the command, in nft's words, of a message that was refused; `offset` is where the kernel points to."""
        place = seq - self.first
        if not 0 < place < len(self._messages) - 1:
            return "the transaction"
        index = self._sources[place]
        command = self._commands[index]
        if isinstance(command, tr.AddElement | tr.DeleteElement):
            index = self._element_at(self._messages[place], index, offset)
            command = self._commands[index]
        return command.text(self._table_text)

    def _element_at(self, message: bytes, index: int, offset: int) -> int:
        """Return the place of the command whose element is at an offset of a message that begins with `index`."""
        head = self._commands[index]
        assert isinstance(head, tr.AddElement | tr.DeleteElement)
        name, shape = head.container, self._shape(head.container)
        at = 16 + 4  # behind the headers of netlink and nfnetlink
        for kind, value in each_attr(message, at):
            if kind == _ELEMENTS:
                break
            at += 4 + (len(value) + 3 & ~3)
        end = at + 4
        if offset < end or shape is None:
            return index
        for data in self._run_of(index, type(head), name, shape):
            end += len(data)
            if offset < end:
                break
            index += 1
        return index

    # The scope of statements

    def set_id(self, name: str) -> int:
        """Return the number of a set or map that this transaction makes; 0 if it does not."""
        checked("set or map", name)
        return self._ids.get(name, 0)

    def anonymous(self, wanted: statements.Anonymous) -> tuple[str, int]:
        """Make an anonymous set or map; return its name and number."""
        number = self._new_id()
        verdicts = wanted.value == ("verdict",)
        value = layout(wanted.value) if wanted.value and not verdicts else None
        shape = Shape(layout(wanted.key), value, verdicts, wanted.interval)
        name = f"__{'map' if wanted.value else 'set'}{next(_anonymous):x}"
        self._add(NEW_SET, containers.anonymous(name, number, shape, wanted.size, wanted.user_data), _CREATE)
        for _, data in elements.lists(wanted.elements):
            # Without the name the kernel finds it by its number, which is the last one: it need not look at all sets.
            self._add(NEW_ELEMENTS, be32(4, number) + nest(_ELEMENTS, data), _CREATE)
        return name, number

    # Commands

    def _encode(self) -> None:
        at, commands = 0, self._commands
        while at < len(commands):
            self._at = at
            command = commands[at]
            if isinstance(command, tr.AddElement | tr.DeleteElement):
                at = self._elements(at)
            else:
                self._one(command)
                at += 1

    def _one(self, command: tr.Command) -> None:
        try:
            self._dispatch(command)
        except KernelError as refused:
            raise KernelError(f"{refused}: {command.text(self._table_text)}") from None

    def _dispatch(self, command: tr.Command) -> None:
        if isinstance(command, tr.AddRule):
            self._add_rule(command)
        elif isinstance(command, tr.AddChain):
            self._add_chain(command)
        elif isinstance(command, tr.FlushChain):
            self._add(DEL_RULE, text(2, checked("chain", command.name)))
        elif isinstance(command, tr.DeleteChain):
            self._add(DEL_CHAIN, text(3, checked("chain", command.name)))
        elif isinstance(command, tr.AddContainer):
            self._add_container(command.container)
        elif isinstance(command, tr.FlushContainer):
            self._add(DEL_ELEMENTS, text(2, checked("set or map", command.container.name)))
        elif isinstance(command, tr.DeleteContainer):
            name = checked("set or map", command.container.name)
            self.shapes[name] = None
            self._ids.pop(name, None)
            self._add(DEL_SET, text(2, name))
        else:
            assert isinstance(command, tr.AddTable)
            comment = attr(6, userdata.comment(command.comment)) if command.comment else b""
            self._add(NEW_TABLE, be32(2, 0) + comment, _CREATE)

    def _add_rule(self, command: tr.AddRule) -> None:
        rule = command.rule
        found = b"".join([statements.encode(each, self) for each in rule.statements])
        comment = attr(7, userdata.comment(rule.comment)) if rule.comment else b""
        body = text(2, checked("chain", command.chain)) + nest(4, found) + comment
        self._add(NEW_RULE, body, _CREATE | netlink.APPEND)

    def _add_chain(self, command: tr.AddChain) -> None:
        body = text(3, checked("chain", command.name))
        if command.hook is not None:
            hook = command.hook
            priority = be32(2, hook.priority & 0xFFFFFFFF)
            body += text(7, hook.type) + nest(4, be32(1, _HOOKS[hook.hook]), priority)
        if command.comment:
            body += attr(12, userdata.comment(command.comment))
        self._add(NEW_CHAIN, body, _CREATE)

    def _add_container(self, container: tr.Container) -> None:
        name = checked(container.kind, container.name)
        number = self._new_id()
        self._add(NEW_SET, containers.named(container, number), _CREATE)
        self.shapes[name] = shape_of(container)
        self._ids[name] = number

    def _elements(self, at: int) -> int:
        """Encode the elements from a place on that go into (or out of) one set; return the place behind them."""
        head = self._commands[at]
        assert isinstance(head, tr.AddElement | tr.DeleteElement)
        kind, name = type(head), checked("set or map", head.container)
        shape = self._shape(name)
        if shape is None:
            raise KernelError(f"nft: {name}: no such set or map: {head.text(self._table_text)}")
        identity = text(2, name) + (be32(4, self._ids[name]) if name in self._ids else b"")
        adds = isinstance(head, tr.AddElement)
        message, flags = (NEW_ELEMENTS, _CREATE) if adds else (DEL_ELEMENTS, 0)
        for count, data in elements.lists(self._run_of(at, kind, name, shape)):
            self._at = at
            self._add(message, identity + nest(_ELEMENTS, data), flags)
            at += count
        return at

    def _shape(self, name: str) -> Shape | None:
        return self.shapes[name] if name in self.shapes else self._known.get(name)

    def _run_of(self, at: int, kind: type, name: str, shape: Shape) -> Iterator[bytes]:
        encode = elements.encoder(shape).encode
        for command in itertools.islice(self._commands, at, None):
            if type(command) is not kind or command.container != name:  # type: ignore[union-attr]
                return
            try:
                yield encode(command)  # type: ignore[arg-type]
            except KernelError as refused:
                raise KernelError(f"{refused}: {command.text(self._table_text)}") from None

    # Messages

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _next(self) -> int:
        return self.first + len(self._messages)

    def _add(self, kind: int, body: bytes, flags: int = 0) -> None:
        data = netlink.message(SUBSYSTEM << 8 | kind, netlink.REQUEST | flags, self._next(), self._head + body)
        self._messages.append(data)
        self._sources.append(self._at)


def _acknowledged(message: bytes) -> bytes:
    """Return a message that asks for an acknowledgement."""
    flags = int.from_bytes(message[6:8], sys.byteorder) | netlink.ACK
    return message[:6] + flags.to_bytes(2, sys.byteorder) + message[8:]
