"""Walk: a packet through the hooks of the kernel, chain by chain and rule by rule, on all ways that it may take.

What a rule matches and does is the backend's to say; here is what holds for all of them: the order of hooks, the
routing decision after the destination was changed, jumps and returns, branches. Addresses are not rewritten when a
packet is masqueraded (it is noted), and replies are not followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Literal, NamedTuple, Protocol

from proxy_core.trace.flow import (
    ACCEPT,
    BREAK,
    Accept,
    Decision,
    Dnat,
    Drop,
    Flow,
    Go,
    LetIn,
    Masquerade,
    Reject,
    Return,
    Said,
    Serve,
    Spread,
)
from proxy_core.trace.outcome import Outcome, Step, Verdict, Way
from proxy_core.trace.packet import Memory, Packet, World

HookName = Literal["prerouting", "input", "forward", "output", "postrouting"]
Test = Callable[[Flow], Decision | None]
"""Part of a rule: None lets the next part see the packet, anything else is the rule's decision."""
End = Accept | Drop | Reject | None
"""How a chain ends for a packet; None: it ran to its end."""
Ends = list[tuple[Flow, End]]


class TracedRule(NamedTuple):
    """A rule that can be asked what it does with a packet."""

    tests: tuple[Test, ...]
    """Asked in order until one decides; if none does, the rule matches and the next one is to be asked too."""
    describe: Callable[[], str]


class Base(NamedTuple):
    """A chain that a hook leads into."""

    chain: str
    is_nat: bool = False
    """Whether it is asked once for a connection only."""


class Tables(Protocol):
    """The rules of a backend."""

    @property
    def hooks(self) -> Mapping[HookName, Sequence[Base]]:
        """The chains of each hook in the order of their priorities."""

    def rules(self, chain: str, flow: Flow) -> Sequence[TracedRule]:
        """Return the rules of a chain in order; those may be left out that cannot match."""


class Walk:
    """Traces packets through the tables of a backend."""

    def __init__(self, tables: Tables, world: World) -> None:
        self.tables, self.world = tables, world

    def trace(self, packet: Packet, remembered: Memory = frozenset()) -> Outcome:
        """Return all ways of a packet; ``remembered`` is what session affinity knows of clients."""
        ways: list[Way] = []
        flow = Flow(packet, remembered)
        if packet.interface:
            flows = self._hook("prerouting", [flow], ways)
            arrived, passing = self._route(flows)
            arrived, served = self._route(self._hook("input", arrived, ways))
            served = self._hook("output", served, ways, again=True)  # IPVS sends them on
            passing = self._hook("forward", passing, ways)
            passing = self._hook("postrouting", [*passing, *served], ways)
        else:
            flows = self._hook("output", [flow], ways)
            flows = self._hook("postrouting", flows, ways)
            arrived, passing = self._route(flows)
            for each in arrived:
                each.loop_back()
            arrived = self._hook("prerouting", arrived, ways, again=True)
            arrived = self._hook("input", arrived, ways, again=True)
        ways += [each.end(None) for each in (*arrived, *passing)]
        return Outcome(packet, tuple(ways))

    def _route(self, flows: Iterable[Flow]) -> tuple[list[Flow], list[Flow]]:
        """Tell what the node takes for its own from what it passes on."""
        arrived: list[Flow] = []
        passing: list[Flow] = []
        for flow in flows:
            (arrived if self.world.is_local(flow.destination) else passing).append(flow)
        return arrived, passing

    def _hook(self, hook: HookName, flows: list[Flow], ways: list[Way], *, again: bool = False) -> list[Flow]:
        """Lead flows through a hook; return those that live on, and add the others to ``ways``.

        ``again``: it is a connection's second time at hooks that translate, so translation is not asked again.
        """
        for flow in flows:
            flow.hook = hook
        for base in self.tables.hooks.get(hook, ()):
            alive: list[Flow] = []
            for flow in flows:
                if base.is_nat and (again or flow.state != "NEW"):
                    alive.append(flow)
                    continue
                for found, end in self._chain(base.chain, flow):
                    if end is None or isinstance(end, Accept):
                        alive.append(found)
                    else:
                        ways.append(found.end(Verdict.DROPPED if isinstance(end, Drop) else Verdict.REJECTED))
            flows = alive
        return flows

    def _chain(self, chain: str, flow: Flow) -> Ends:
        return self._from(0, chain, self.tables.rules(chain, flow), flow)

    def _from(self, first: int, chain: str, rules: Sequence[TracedRule], flow: Flow) -> Ends:
        """Go through a chain from one of its rules on."""
        ends: Ends = []
        for place in range(first, len(rules)):
            rule = rules[place]
            for test in rule.tests:
                decision = test(flow)
                if decision is not None:
                    break
            else:
                flow.note(Step(flow.hook, chain, rule.describe))
                continue
            if decision is BREAK:
                continue
            if not isinstance(decision, Spread):
                return ends + self._take(decision, place, chain, rules, flow)
            left = Fraction(0)
            for chance, choice in decision.choices:
                if choice is BREAK:
                    left += chance
                else:
                    ends += self._take(choice, place, chain, rules, flow.fork(chance))
            if not left:
                return ends
            flow.probability *= left
        ends.append((flow, None))
        return ends

    def _take(self, decision: Decision, place: int, chain: str, rules: Sequence[TracedRule], flow: Flow) -> Ends:
        """Carry out a decision of a rule."""
        note = ""
        if isinstance(decision, Said):
            decision, note = decision
        flow.note(Step(flow.hook, chain, rules[place].describe, note))
        if isinstance(decision, Go):
            ends = self._chain(decision.chain, flow)
            if not decision.returns:
                return ends
            if len(ends) == 1 and ends[0][1] is not None:
                return ends
            gone: Ends = []
            for each, end in ends:
                gone += self._from(place + 1, chain, rules, each) if end is None else ((each, end),)
            return gone
        if isinstance(decision, Dnat):
            flow.change_destination(decision.ip, decision.port)
            return [(flow, ACCEPT)]
        if isinstance(decision, Serve):
            flow.change_destination(decision.ip, decision.port)
            flow.virtual = decision.server
            if decision.memory:
                flow.remember(decision.memory, (flow.source,))
            return [(flow, ACCEPT)]
        if isinstance(decision, Masquerade):
            flow.masqueraded = True
            return [(flow, ACCEPT)]
        if isinstance(decision, Return):
            return [(flow, None)]
        assert isinstance(decision, Accept | Drop | Reject)
        if isinstance(decision, LetIn):
            flow.accepted = True
        return [(flow, decision)]
