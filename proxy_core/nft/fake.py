"""FakeNft: a table of one family in memory; for tests and comparisons.

It refuses what the kernel refuses: rules and elements that refer to what is not there, a chain that is deleted while
something leads to it, an element that is there already with another value.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy_core.errors import KernelError
from proxy_core.nft import statements as st
from proxy_core.nft.kernel import Names
from proxy_core.nft.statements import Rule, TableFamily
from proxy_core.nft.transaction import (
    TABLE,
    AddChain,
    AddContainer,
    AddElement,
    AddRule,
    AddTable,
    Command,
    Container,
    DeleteChain,
    DeleteContainer,
    DeleteElement,
    ElementKey,
    FlushChain,
    FlushContainer,
    Hook,
    Transaction,
)


class Chain:
    """A chain of the table."""

    def __init__(self, hook: Hook | None, comment: str) -> None:
        self.hook, self.comment = hook, comment
        self.rules: list[Rule] = []


class Ruleset:
    """All that a table holds."""

    def __init__(self) -> None:
        self.comment: str | None = None
        """None: there is no table."""
        self.chains: dict[str, Chain] = {}
        self.containers: dict[str, Container] = {}
        self.elements: dict[str, dict[ElementKey, AddElement]] = {}

    def copy(self) -> Ruleset:
        """Return one that can be changed without this one; rules and elements themselves never change."""
        found = Ruleset()
        found.comment, found.containers = self.comment, dict(self.containers)
        for name, chain in self.chains.items():
            found.chains[name] = Chain(chain.hook, chain.comment)
            found.chains[name].rules = list(chain.rules)
        found.elements = {name: dict(elements) for name, elements in self.elements.items()}
        return found


class FakeNft:
    """A table of one family; `ruleset` is what it holds, `ran` are the transactions so far."""

    def __init__(self, family: TableFamily, table: str = TABLE) -> None:
        self.family, self.table = family, table
        self.ruleset = Ruleset()
        self.ran: list[Transaction] = []

    def run(self, transaction: Transaction) -> None:
        """Carry out a transaction, as a whole or not at all. Raises KernelError."""
        self.ran.append(transaction)
        ruleset = self.ruleset.copy()
        for command in transaction.commands:
            try:
                _run(ruleset, command)
            except KeyError as missing:
                text = command.text(f"{self.family} {self.table}")
                raise KernelError(f"nft: no such file or directory: {missing}: {text}") from None
        _check(ruleset)
        self.ruleset = ruleset

    def names(self) -> Names:
        return Names(frozenset(self.ruleset.chains), frozenset(self.ruleset.containers))

    def elements(self, container: str) -> Mapping[ElementKey, str] | None:
        found = self.ruleset.elements.get(container)
        return None if found is None else {key: each.value for key, each in found.items()}

    def listing(self) -> str:
        """Return the table as ``add ...`` commands: table, chains, sets, maps, rules chain by chain, elements."""
        whole, table = self.ruleset, f"{self.family} {self.table}"
        commands: list[Command] = [AddTable(whole.comment)] if whole.comment is not None else []
        commands += [AddChain(name, each.hook, each.comment) for name, each in sorted(whole.chains.items())]
        containers = sorted(whole.containers.values(), key=lambda each: (each.kind != "set", each.name))
        commands += [AddContainer(each) for each in containers]
        commands += [AddRule(name, rule) for name, each in sorted(whole.chains.items()) for rule in each.rules]
        lines = [command.text(table) for command in commands]
        for each in containers:
            lines += sorted(element.text(table) for element in whole.elements[each.name].values())
        return "\n".join([*lines, ""])


def _run(ruleset: Ruleset, command: Command) -> None:
    """Carry out a command; raises KeyError where something is not there."""
    if isinstance(command, AddTable):
        ruleset.comment = command.comment
    elif isinstance(command, AddChain):
        known = ruleset.chains.setdefault(command.name, Chain(command.hook, command.comment))
        if command.hook is not None and known.hook is not None and known.hook != command.hook:
            raise KernelError(f"nft: chain {command.name}: another hook or priority than it has")
    elif isinstance(command, FlushChain):
        ruleset.chains[command.name].rules.clear()
    elif isinstance(command, DeleteChain):
        del ruleset.chains[command.name]
    elif isinstance(command, AddRule):
        ruleset.chains[command.chain].rules.append(command.rule)
    elif isinstance(command, AddContainer):
        # What is there stays as it was made; a kernel may take over another timeout (6.18 does).
        ruleset.containers.setdefault(command.container.name, command.container)
        ruleset.elements.setdefault(command.container.name, {})
    elif isinstance(command, FlushContainer):
        ruleset.elements[command.container.name].clear()
    elif isinstance(command, DeleteContainer):
        del ruleset.containers[command.container.name], ruleset.elements[command.container.name]
    elif isinstance(command, AddElement):
        known_element = ruleset.elements[command.container].setdefault(command.key, command)
        if known_element.value != command.value:
            raise KernelError(f"nft: {command.container}: {' . '.join(command.key)} is there with another value")
    else:
        assert isinstance(command, DeleteElement)
        del ruleset.elements[command.container][command.key]


def _check(ruleset: Ruleset) -> None:
    """Refuse what leads to a chain, set or map that is not there."""
    for name, chain in ruleset.chains.items():
        for rule in chain.rules:
            for statement in rule.statements:
                chains, containers = references(statement)
                missing = [each for each in chains if each not in ruleset.chains]
                missing += [f"@{each}" for each in containers if each not in ruleset.containers]
                if missing:
                    raise KernelError(f"nft: chain {name}: a rule leads to {missing[0]}, which is not there")
    for container, elements in ruleset.elements.items():
        for element in elements.values():
            verb, _, target = element.value.partition(" ")
            if verb in ("goto", "jump") and target not in ruleset.chains:
                raise KernelError(f"nft: {container}: an element leads to {target}, which is not there")


def references(statement: st.Statement) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the chains and the sets or maps to which a statement refers."""
    if isinstance(statement, st.Jump | st.Goto):
        return (statement.chain,), ()
    if isinstance(statement, st.SpreadGoto):
        return statement.chains, ()
    if isinstance(statement, st.InSet | st.Remember):
        return (), (statement.set,)
    if isinstance(statement, st.VerdictMap | st.SpreadDnatMap | st.HashDnatMap):
        return (), (statement.map,)
    return (), ()
