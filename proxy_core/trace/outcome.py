"""What becomes of a packet: the ways that it may take, each with its probability."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from proxy_core.trace.packet import Memory, Packet


class Verdict(StrEnum):
    """How a way ends."""

    ACCEPTED = "accepted"
    """It goes on, and a rule had a say: its destination or source is another, or it was let in by name."""
    DROPPED = "dropped"
    REJECTED = "rejected"
    """The sender is told that nobody listens there."""
    UNTOUCHED = "left alone"
    """It goes on as if there were no proxy."""


class Step(NamedTuple):
    """A rule that matched."""

    hook: str
    chain: str
    describe: Callable[[], str]
    """Returns the rule in the words of its tool."""
    note: str = ""
    """What the rule's words leave open: the element that was found, the choice that was made."""

    @property
    def text(self) -> str:
        return self.describe()


class Fate(NamedTuple):
    """A way as clients see it."""

    verdict: Verdict
    endpoint: str = ""
    """``ip:port`` to which the destination was changed; empty: it was not, or the packet does not arrive."""
    masqueraded: bool = False
    """Whether the endpoint sees an address of the node in place of the source."""


class Way(NamedTuple):
    """One way of a packet."""

    probability: Fraction
    fate: Fate
    steps: tuple[Step, ...]
    remembered: Memory
    """What session affinity remembers from now on, beside what it did before."""


class Outcome(NamedTuple):
    """All ways of a packet; their probabilities make 1."""

    packet: Packet
    ways: tuple[Way, ...]

    @property
    def fates(self) -> Mapping[Fate, Fraction]:
        """What may happen, with the probability of each; this is what two backends must agree on."""
        found: dict[Fate, Fraction] = {}
        for way in self.ways:
            known = found.get(way.fate)
            found[way.fate] = way.probability if known is None else known + way.probability
        return found

    @property
    def endpoints(self) -> Mapping[str, Fraction]:
        """The endpoints that are reached, with the probability of each."""
        found: dict[str, Fraction] = {}
        for fate, probability in self.fates.items():
            if fate.endpoint:
                found[fate.endpoint] = found.get(fate.endpoint, Fraction(0)) + probability
        return found

    @property
    def verdicts(self) -> frozenset[Verdict]:
        return frozenset(way.fate.verdict for way in self.ways)

    @property
    def masqueraded(self) -> bool | None:
        """Whether the packet is masqueraded on all ways (True), on none (False), or on some (None)."""
        found = {way.fate.masqueraded for way in self.ways}
        return found.pop() if len(found) == 1 else None
