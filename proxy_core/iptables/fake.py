"""FakeIptables: the tables of one family in memory, with the effects of iptables and iptables-restore.

For tests and comparisons. Rules are kept in the words in which they came.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from proxy_core.errors import KernelError

BUILT_IN: Mapping[str, tuple[str, ...]] = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
}
_WORD = re.compile(r'"[^"]*"|\S+')
_JUMPS = ("-j", "-g")


class FakeIptables:
    """The tables filter, nat and mangle; `tables` holds table -> chain -> rules without ``-A CHAIN``."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, list[str]]] = {
            table: {chain: [] for chain in chains} for table, chains in BUILT_IN.items()
        }
        self.restored: list[str] = []
        """The inputs of iptables-restore, the last one last."""

    def ensure_chain(self, table: str, chain: str) -> None:
        self.tables[table].setdefault(chain, [])

    def ensure_rule(self, table: str, chain: str, rule: Sequence[str]) -> None:
        text, rules = _text(rule), self.tables[table][chain]
        if text not in rules:
            rules.insert(0, text)

    def has_chain(self, table: str, chain: str) -> bool:
        return chain in self.tables[table]

    def delete_rule(self, table: str, chain: str, rule: Sequence[str]) -> None:
        text, rules = _text(rule), self.tables[table][chain]
        if text in rules:
            rules.remove(text)

    def chains(self, table: str) -> Iterable[str]:
        return list(self.tables[table])

    def restore(self, text: Iterable[str]) -> None:
        """Take over an input as a whole or, where a line of it is wrong, nothing of it. Raises KernelError."""
        whole = "".join(text)
        self.restored.append(whole)
        tables = {name: {chain: list(rules) for chain, rules in table.items()} for name, table in self.tables.items()}
        table: dict[str, list[str]] = {}
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                if line.startswith("*"):
                    table = tables[line[1:]]
                elif line.startswith(":"):
                    table[line[1:].partition(" ")[0]] = []
                elif line.startswith("-A "):
                    _, chain, rule = line.split(" ", 2)
                    table[chain].append(rule)
                elif line.startswith("-I "):
                    _, chain, rule = line.split(" ", 2)
                    table[chain].insert(0, rule)
                elif line.startswith("-X "):
                    _delete(table, line[3:])
                elif line != "COMMIT":
                    raise KeyError(line)
            except KeyError as missing:
                raise KernelError(f"iptables-restore: line {number} failed: {line} ({missing} is not there)") from None
        _check_targets(tables)
        self.tables = tables

    def save(self, table: str) -> str:
        """Return a table in the layout of iptables-save."""
        built_in = BUILT_IN[table]
        chains = [*built_in, *sorted(self.tables[table].keys() - set(built_in))]
        heads = [f":{chain} {'ACCEPT' if chain in built_in else '-'} [0:0]" for chain in chains]
        rules = [f"-A {chain} {rule}" for chain in chains for rule in self.tables[table][chain]]
        return "\n".join([f"*{table}", *heads, *rules, "COMMIT", ""])


def _text(rule: Sequence[str]) -> str:
    return " ".join(f'"{word}"' if " " in word else word for word in rule)


def _delete(table: dict[str, list[str]], chain: str) -> None:
    if table[chain]:
        raise KeyError(f"{chain}, empty,")
    del table[chain]


def _check_targets(tables: Mapping[str, Mapping[str, list[str]]]) -> None:
    """Refuse a jump into a chain that is not there, as the kernel does at COMMIT."""
    for name, table in tables.items():
        for chain, rules in table.items():
            for rule in rules:
                words = _WORD.findall(rule)
                for word, target in pairwise(words):
                    if word in _JUMPS and target.startswith("KUBE-") and target not in table:
                        raise KernelError(f"iptables-restore: {name} {chain}: no chain {target}")
