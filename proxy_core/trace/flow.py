"""Flow: a packet on one of its ways, and what rules may do with it."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from proxy_core.addresses import endpoint_text
from proxy_core.trace.outcome import Fate, Step, Verdict, Way
from proxy_core.trace.packet import LOOPBACK, Memory, Packet


class Break:
    """The rule does not match: on with the next one."""


class Return:
    """Back to the chain from which this one was jumped to."""


class Accept:
    """The end of this hook's chain: on with the next one."""


class LetIn(Accept):
    """As Accept, by a rule that lets in what might have been refused."""


class Drop:
    """The end."""


class Reject:
    """The end, and the sender is told."""


class Masquerade:
    """Give the packet an address of the node, and accept it."""


class Go(NamedTuple):
    """On with another chain."""

    chain: str
    returns: bool
    """Whether the walk comes back to the next rule here (jump), or to whoever jumped here (goto)."""


class Dnat(NamedTuple):
    """Change the destination, and accept the packet."""

    ip: str
    port: int


class Serve(NamedTuple):
    """Change the destination to a real server of IPVS, and accept the packet."""

    ip: str
    port: int
    server: tuple[str, int, str]
    """The virtual server: address, port, and protocol in capitals."""
    memory: str
    """Where its clients are remembered; empty: they are not."""

    def knows(self, flow: Flow) -> bool:
        """Tell whether the real server has had the packet's client before."""
        return flow.remembers(self.memory, (flow.source,))


class Said(NamedTuple):
    """Another decision, with a word on where it comes from."""

    decision: Decision
    note: str


class Spread(NamedTuple):
    """One of some decisions by chance."""

    choices: tuple[tuple[Fraction, Decision], ...]
    """Probability and decision."""


Decision = Break | Return | Accept | Drop | Reject | Masquerade | Go | Dnat | Serve | Said | Spread
"""What a rule does with a packet in the end; None in its place: nothing, on with the next rule."""

BREAK, RETURN, ACCEPT, LET_IN, DROP, REJECT, MASQUERADE = (
    Break(), Return(), Accept(), LetIn(), Drop(), Reject(), Masquerade(),
)  # fmt: skip

_Steps = tuple["_Steps", Step] | None


class Flow:
    """A packet on one of its ways; rules read and change it."""

    __slots__ = (
        "accepted",
        "before",
        "destination",
        "destination_port",
        "endpoint",
        "hook",
        "interface",
        "mark",
        "masqueraded",
        "probability",
        "protocol",
        "remembered",
        "source",
        "source_port",
        "state",
        "steps",
        "virtual",
    )

    def __init__(self, packet: Packet, before: Memory) -> None:
        """Begin at the first hook; ``before`` is what affinity remembers already."""
        self.protocol, self.state, self.interface = packet.protocol, packet.state, packet.interface
        self.source, self.source_port = packet.source, packet.source_port
        self.destination, self.destination_port = packet.destination, packet.destination_port
        self.before = before
        self.remembered: Memory = frozenset()
        self.hook = ""
        self.mark = 0
        self.endpoint = ""
        """Set when the destination was changed."""
        self.virtual: tuple[str, int, str] | None = None
        """The virtual server of IPVS that has changed it: address, port, and protocol in capitals."""
        self.masqueraded = self.accepted = False
        self.probability = Fraction(1)
        self.steps: _Steps = None

    def fork(self, chance: Fraction) -> Flow:
        """Return a copy for a branch of some probability."""
        copy = Flow.__new__(Flow)
        copy.protocol, copy.state, copy.interface, copy.hook = self.protocol, self.state, self.interface, self.hook
        copy.source, copy.source_port = self.source, self.source_port
        copy.destination, copy.destination_port = self.destination, self.destination_port
        copy.before, copy.remembered, copy.mark, copy.endpoint = self.before, self.remembered, self.mark, self.endpoint
        copy.masqueraded, copy.accepted, copy.steps = self.masqueraded, self.accepted, self.steps
        copy.virtual = self.virtual
        copy.probability = chance if self.probability == 1 else self.probability * chance
        return copy

    def note(self, step: Step) -> None:
        """Add a rule that matched."""
        self.steps = (self.steps, step)

    def remember(self, name: str, key: tuple[str, ...]) -> None:
        """Put the client into a set of session affinity."""
        self.remembered |= {(name, key)}

    def remembers(self, name: str, key: tuple[str, ...]) -> bool:
        """Tell whether a set of session affinity holds the client."""
        return (name, key) in self.before or (name, key) in self.remembered

    def change_destination(self, ip: str, port: int) -> None:
        """Translate the destination."""
        self.destination, self.destination_port = ip, port
        self.endpoint = endpoint_text(ip, port)

    def loop_back(self) -> None:
        """Come in again, after the node has sent the packet to itself."""
        self.interface = LOOPBACK

    def end(self, verdict: Verdict | None) -> Way:
        """Return the finished way; no verdict: nothing stopped it."""
        steps, last = [], self.steps
        while last is not None:
            last, step = last
            steps.append(step)
        fate = Fate(verdict) if verdict is not None else self._arrival()
        return Way(self.probability, fate, tuple(reversed(steps)), self.remembered)

    def _arrival(self) -> Fate:
        if self.endpoint or self.masqueraded or self.accepted:
            return Fate(Verdict.ACCEPTED, self.endpoint, self.masqueraded)
        return Fate(Verdict.UNTOUCHED)
