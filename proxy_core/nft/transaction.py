"""A transaction: commands on one table that the kernel takes over as a whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from proxy_core.nft.statements import Rule, TableFamily

TABLE = "kube-proxy"
INDEX = "index"
"""The type of a key's last part where it is a number that a rule makes (numgen, jhash)."""
ElementKey = tuple[str, ...]
"""The parts of a concatenated key as they are written: ``("10.0.0.1", "tcp", "80")``."""


class Hook(NamedTuple):
    """Where a base chain sits."""

    type: Literal["filter", "nat"]
    hook: Literal["prerouting", "input", "forward", "output", "postrouting"]
    priority: int

    @property
    def text(self) -> str:
        return f"type {self.type} hook {self.hook} priority {self.priority} ;"


class Container(NamedTuple):
    """A set (``value`` empty) or a map."""

    name: str
    key: tuple[str, ...]
    """nft's types of the parts of the key; the last one may be INDEX."""
    value: str = ""
    """nft's type of the values, as ``verdict`` or ``ipv4_addr . inet_service``."""
    comment: str = ""
    timeout_seconds: int = 0
    """Above 0: rules put elements in, which stay so long."""
    interval: bool = False
    """Whether parts of the key may be networks."""

    @property
    def kind(self) -> str:
        return "map" if self.value else "set"

    @property
    def text(self) -> str:
        words = [f"{self._types} ;"]
        if self.timeout_seconds:
            words.append(f"flags dynamic,timeout ; timeout {self.timeout_seconds}s ;")
        if self.interval:
            words.append("flags interval ;")
        if self.comment:
            words.append(f'comment "{self.comment}" ;')
        return " ".join(words)

    @property
    def _types(self) -> str:
        """The words for key and value: nft has no name for the type of an index, so it is told by example."""
        if self.key[-1] != INDEX:
            return f"type {' . '.join(self.key)}" + (f" : {self.value}" if self.value else "")
        parts = [*self.key, *self.value.split(" . ")]
        words = [EXAMPLES[each] for each in parts]
        size = len(self.key)
        return f"typeof {' . '.join(words[:size])} : {' . '.join(words[size:])}"


EXAMPLES = {
    "ipv4_addr": "ip daddr",
    "ipv6_addr": "ip6 daddr",
    "inet_proto": "meta l4proto",
    "inet_service": "th dport",
    INDEX: "numgen random mod 2",
}
"""nft's type -> an expression that is of it.

nft 1.0.6 takes ``th dport`` while the map is new (one ``nft -f`` of everything), and refuses later rules that look it
up; ``tcp dport`` it takes, and then adds a test for TCP to every such rule. Rules that go over netlink have neither.
"""


class AddTable(NamedTuple):
    """Make the table."""

    comment: str

    def text(self, table: str) -> str:
        return f'add table {table} {{ comment "{self.comment}" ; }}'


class AddChain(NamedTuple):
    """Make a chain unless it is there."""

    name: str
    hook: Hook | None = None
    comment: str = ""

    def text(self, table: str) -> str:
        words = [self.hook.text] if self.hook is not None else []
        words += [f'comment "{self.comment}" ;'] if self.comment else []
        return f"add chain {table} {self.name}" + (f" {{ {' '.join(words)} }}" if words else "")


class FlushChain(NamedTuple):
    """Take all rules out of a chain."""

    name: str

    def text(self, table: str) -> str:
        return f"flush chain {table} {self.name}"


class DeleteChain(NamedTuple):
    """Remove a chain, which must be there."""

    name: str

    def text(self, table: str) -> str:
        return f"delete chain {table} {self.name}"


class AddRule(NamedTuple):
    """Append a rule to a chain."""

    chain: str
    rule: Rule

    def text(self, table: str) -> str:
        family: TableFamily = "ip6" if table.startswith("ip6") else "ip"
        return f"add rule {table} {self.chain} {self.rule.text(family)}"


class AddContainer(NamedTuple):
    """Make a set or map unless it is there."""

    container: Container

    def text(self, table: str) -> str:
        return f"add {self.container.kind} {table} {self.container.name} {{ {self.container.text} }}"


class FlushContainer(NamedTuple):
    """Take all elements out of a set or map."""

    container: Container

    def text(self, table: str) -> str:
        return f"flush {self.container.kind} {table} {self.container.name}"


class DeleteContainer(NamedTuple):
    """Remove a set or map, which must be there."""

    container: Container

    def text(self, table: str) -> str:
        return f"delete {self.container.kind} {table} {self.container.name}"


class AddElement(NamedTuple):
    """Put an element into a set or map."""

    container: str
    key: ElementKey
    value: str = ""
    comment: str = ""

    def text(self, table: str) -> str:
        comment = f' comment "{self.comment}"' if self.comment else ""
        value = f" : {self.value}" if self.value else ""
        return f"add element {table} {self.container} {{ {' . '.join(self.key)}{comment}{value} }}"


class DeleteElement(NamedTuple):
    """Take an element, which must be there, out of a set or map."""

    container: str
    key: ElementKey

    def text(self, table: str) -> str:
        return f"delete element {table} {self.container} {{ {' . '.join(self.key)} }}"


Command = (
    AddTable
    | AddChain
    | FlushChain
    | DeleteChain
    | AddRule
    | AddContainer
    | FlushContainer
    | DeleteContainer
    | AddElement
    | DeleteElement
)


class Transaction:
    """The commands of one transaction, in order."""

    def __init__(self, family: TableFamily, table: str = TABLE) -> None:
        self.family, self.table = family, table
        self.commands: list[Command] = []
        self.ahead: list[tuple[int, int]] = []
        """Where groups of commands begin and end that may go ahead of the others (see `chunks`)."""

    def __len__(self) -> int:
        return len(self.commands)

    def add(self, command: Command) -> None:
        """Append a command."""
        self.commands.append(command)

    def add_ahead(self, commands: Iterable[Command]) -> None:
        """Append commands that may as well be carried out, all at once, before all others.

        That is so if no packet notices: nothing leads yet to what they make, or they replace like by like.
        """
        start = len(self.commands)
        self.commands += commands
        self.ahead.append((start, len(self.commands)))

    def lines(self) -> Iterator[str]:
        """Yield the commands in the words of ``nft -f -``."""
        table = f"{self.family} {self.table}"
        for command in self.commands:
            yield command.text(table)
