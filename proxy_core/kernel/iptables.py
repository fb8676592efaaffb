"""IptablesPrograms: the tables of one family by way of iptables, iptables-save and iptables-restore, as upstream.

It knows no rule of a proxy. An input is taken over table by table, each as a whole or not at all; so where the second
table of an input fails, the first one has been written already (upstream: pkg/util/iptables).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

from proxy_core.addresses import Family
from proxy_core.errors import KernelError, NotSupported
from proxy_core.kernel import program
from proxy_core.kernel.program import Done

Variant = Literal["legacy", "nft"]
OLDEST = (1, 6, 2)
"""The first version whose iptables-restore waits for the lock; MASQUERADE knows --random-fully since then, too."""
_WAIT = ("-w", "5")
_MISSING = 1
"""Exit status: a chain or rule is not there (or there already, or wrong)."""
_VERSION = re.compile(r"v([0-9]+)\.([0-9]+)(?:\.([0-9]+))?(?: \((legacy|nf_tables)\))?", re.ASCII)
_LINE = re.compile(r"\bline:? ([0-9]+)\b(?: failed)?", re.ASCII)
_USAGE = re.compile(r"^Try `.*\n?", re.MULTILINE)
_EMPTY = re.compile(r"\n\s*\n")
_CONTEXT_LINES = 1
_LONGEST = 400
"""Characters of a line that are shown."""


_LEGACY_TABLES = ("ip_tables_names", "ip6_tables_names")
"""Of /proc/thread-self/net: which tables the legacy programs have made in this network namespace."""


class _Remedy(NamedTuple):
    pattern: re.Pattern[str]
    words: str
    """May name a group of the pattern."""
    error: type[KernelError] | type[NotSupported] = KernelError


_REMEDIES = (
    _Remedy(
        re.compile(r"can't initialize ip6?tables table `(\w+)': Table does not exist|table '(\w+)' does not exist"),
        "the kernel lacks this table: modprobe iptable_{0} (ip6table_{0} for IPv6), or use the programs of nf_tables",
        NotSupported,
    ),
    _Remedy(
        re.compile(r"Failed to initialize nft: (?:Protocol|Operation) not supported"),
        "the kernel lacks nf_tables: modprobe nf_tables, or use the legacy programs",
        NotSupported,
    ),
    _Remedy(re.compile(r"Permission denied \(you must be root\)"), "it takes the capabilities NET_ADMIN and NET_RAW"),
    _Remedy(re.compile(r"can't open lock file (\S+?):"), "the file {0} must be writable: mount it into the container"),
    _Remedy(re.compile(r"Another app is currently holding the xtables lock"), "another program works on the tables"),
    _Remedy(re.compile(r"Couldn't load (?:match|target) `([\w-]+)'"), "neither a chain nor an extension of iptables"),
)


class Version(NamedTuple):
    """What a program says of itself."""

    number: tuple[int, int, int]
    variant: Variant

    @property
    def random_fully(self) -> bool:
        """Whether MASQUERADE knows --random-fully."""
        return self.number >= OLDEST

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.number))} ({self.variant})"


def variants_with_rules() -> Sequence[Variant | None]:
    """Return the variants that may have rules in this namespace; None stands for what the machine calls iptables.

    The legacy programs count only where there are tables of theirs, for they make those that they look at.
    """
    try:
        default = IptablesPrograms("IPv4").version.variant
    except (KernelError, NotSupported):
        return (None,)
    if default == "legacy":
        return None, "nft"
    return (None, "legacy") if any(map(_has_lines, _LEGACY_TABLES)) else (None,)


def _has_lines(name: str) -> bool:
    try:
        return bool(Path("/proc/thread-self/net", name).read_bytes())
    except FileNotFoundError:
        return False
    except OSError:  # who may not look has to ask
        return True


class IptablesPrograms:
    """The tables of one family in a network namespace; threads take turns."""

    def __init__(
        self,
        family: Family,
        variant: Variant | None = None,
        *,
        netns: str | None = None,
        timeout_s: float = program.TIMEOUT_S,
    ) -> None:
        """Start nothing yet; without a variant it is the one that the machine calls iptables.

        `netns` None means the namespace of the thread that calls. A program that has not ended after `timeout_s` is
        ended.
        """
        self.family = family
        name = "ip6tables" if family == "IPv6" else "iptables"
        self._name = f"{name}-{variant}" if variant else name
        self._netns, self._timeout_s = netns, timeout_s
        self._turn = threading.Lock()

    @cached_property
    def version(self) -> Version:
        """The version of the programs. Raises NotSupported where they are missing or too old."""
        said = self._run(self._name, "--version").output
        found = _VERSION.search(said)
        if found is None:
            raise NotSupported(f"{self._name} --version: no version in {said.strip()!r}")
        number = (int(found[1]), int(found[2]), int(found[3] or 0))
        if number < OLDEST:
            raise NotSupported(
                f"{self._name} is {'.'.join(map(str, number))}: it takes {'.'.join(map(str, OLDEST))} or newer"
            )
        return Version(number, "nft" if found[4] == "nf_tables" else "legacy")

    def check(self) -> None:
        """Make sure that the programs and the kernel work together here. Raises NotSupported, KernelError."""
        _ = self.version
        self._do("-S", "POSTROUTING", "-t", "nat")

    def ensure_chain(self, table: str, chain: str) -> None:
        """Make a chain unless it is there. Raises KernelError."""
        done = self._run(self._name, *_WAIT, "-N", chain, "-t", table)
        if done.status == _MISSING and self.has_chain(table, chain):
            return
        self._expect(done, "-N", chain, "-t", table)

    def has_chain(self, table: str, chain: str) -> bool:
        """Tell whether a chain is there. Raises KernelError, also where that cannot be found out."""
        done = self._run(self._name, *_WAIT, "-S", chain, "1", "-t", table)
        if done.status == _MISSING:
            return False
        self._expect(done, "-S", chain, "-t", table)
        return True

    def ensure_rule(self, table: str, chain: str, rule: Sequence[str]) -> None:
        """Put a rule before all others of a chain unless the chain has it. Raises KernelError."""
        if not self._has_rule(table, chain, rule):
            self._do("-I", chain, "-t", table, *rule)

    def delete_rule(self, table: str, chain: str, rule: Sequence[str]) -> None:
        """Delete a rule; nothing happens if it, or its target, is not there. Raises KernelError."""
        target = rule[-1]
        if self.has_chain(table, target) and self._has_rule(table, chain, rule):
            self._do("-D", chain, "-t", table, *rule)

    def chains(self, table: str) -> list[str]:
        """Return the names of the chains of a table. Raises KernelError."""
        return [line[1:].partition(" ")[0] for line in self.save(table).splitlines() if line.startswith(":")]

    def save(self, table: str) -> str:
        """Return a table in the layout of iptables-save. Raises KernelError."""
        done = self._run(f"{self._name}-save", "-t", table)
        if done.status != 0:
            raise _error(f"{self._name}-save -t {table}", done)
        return done.output

    def restore(self, text: Iterable[str]) -> None:
        """Feed iptables-restore, chains that are not named left alone (--noflush); the text comes in pieces.

        Raises KernelError with the line that was refused and those around it.
        """
        _ = self.version
        pieces: list[str] = []
        name = f"{self._name}-restore"
        done = self._run(name, *_WAIT, "--noflush", "--counters", text=_kept(text, pieces))
        if done.status == 0:
            return
        line = _LINE.search(done.errors)
        context = f"\n{_around(pieces, int(line[1]))}" if line else ""
        raise _error(name, done, context)

    def _has_rule(self, table: str, chain: str, rule: Sequence[str]) -> bool:
        done = self._run(self._name, *_WAIT, "-C", chain, "-t", table, *rule)
        if done.status == _MISSING:
            return False
        self._expect(done, "-C", chain, "-t", table, *rule)
        return True

    def _do(self, *words: str) -> None:
        self._expect(self._run(self._name, *_WAIT, *words), *words)

    def _run(self, name: str, *words: str, text: Iterable[str] = ()) -> Done:
        with self._turn:
            return program.run(
                (name, *words), text=text, netns=self._netns, timeout_s=self._timeout_s, package="iptables"
            )

    def _expect(self, done: Done, *words: str) -> None:
        """Raise NotSupported or KernelError unless a program has done its work."""
        if done.status != 0:
            raise _error(f"{self._name} {' '.join(words)}", done)


def _error(what: str, done: Done, context: str = "") -> KernelError | NotSupported:
    said = _EMPTY.sub("\n", _USAGE.sub("", done.errors)).strip() or f"exit status {done.status}"
    for pattern, words, error in _REMEDIES:
        found = pattern.search(said)
        if found is not None:
            names = [group for group in found.groups() if group]
            return error(f"{what}: {said} ({words.format(*names)}){context}")
    return KernelError(f"{what}: {said}{context}")


def _kept(text: Iterable[str], pieces: list[str]) -> Iterator[str]:
    """Pass a text on and keep its pieces, to show the line that is refused."""
    for piece in text:
        pieces.append(piece)
        yield piece


def _around(pieces: Sequence[str], number: int) -> str:
    """Return a line (the first has number 1) with the ones around it."""
    lines = "".join(pieces).splitlines()
    shown = []
    for each in range(max(1, number - _CONTEXT_LINES), min(len(lines), number + _CONTEXT_LINES) + 1):
        line = lines[each - 1]
        cut = f"{line[:_LONGEST]}..." if len(line) > _LONGEST else line
        shown.append(f"{'>' if each == number else ' '} {each}: {cut}")
    if 0 < number <= len(lines) and lines[number - 1] == "COMMIT":
        shown.append("  (the kernel refused the table as a whole, when all its lines had been read)")
    return "\n".join(shown)
