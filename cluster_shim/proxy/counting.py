"""CountingIptables: the tables of a family, with how many rules the proxy has there and how many it wrote last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from proxy_core import Iptables


class CountingIptables:
    """Passes everything on, and counts rules in what is restored; the counts may be read from any thread."""

    def __init__(self, tables: Iptables) -> None:
        self._tables = tables
        self._rules: dict[tuple[str, str], int] = {}
        """Table and chain -> rules."""
        self.last: Mapping[str, int] = {}
        """Table -> rules in the last input."""
        self.total: Mapping[str, int] = {}
        """Table -> rules of all chains that were ever restored and not deleted since."""

    def ensure_chain(self, table: str, chain: str) -> None:
        self._tables.ensure_chain(table, chain)

    def ensure_rule(self, table: str, chain: str, rule: Sequence[str]) -> None:
        self._tables.ensure_rule(table, chain, rule)

    def chains(self, table: str) -> Iterable[str]:
        return self._tables.chains(table)

    def restore(self, text: Iterable[str]) -> None:
        rules, last = dict(self._rules), dict[str, int]()
        self._tables.restore(_counted(text, rules, last))
        self._rules, self.last = rules, last
        total: dict[str, int] = {}
        for (table, _), count in rules.items():
            total[table] = total.get(table, 0) + count
        self.total = total


def _counted(text: Iterable[str], rules: dict[tuple[str, str], int], last: dict[str, int]) -> Iterator[str]:
    """Pass pieces of whole lines on, and count their rules by chain and by table."""
    table = ""
    for piece in text:
        yield piece
        for line in piece.splitlines():
            if line.startswith("-A "):
                chain = line.split(" ", 2)[1]
                rules[table, chain] = rules.get((table, chain), 0) + 1
                last[table] += 1
            elif line.startswith(":"):
                rules[table, line[1:].split(" ", 1)[0]] = 0
            elif line.startswith("*"):
                table = line[1:]
                last[table] = 0
            elif line.startswith("-X "):
                rules.pop((table, line[3:]), None)
