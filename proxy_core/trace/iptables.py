"""Tables of iptables as the tracer sees them: filter and nat with their built-in chains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from proxy_core.errors import NotSupported
from proxy_core.trace.flow import Flow
from proxy_core.trace.iptables_rule import ChainRule, Fixed, compile_rule
from proxy_core.trace.packet import World
from proxy_core.trace.walk import Base, HookName, TracedRule, Walk

TableTexts = Mapping[str, Mapping[str, Sequence[str]]]
"""Table -> chain -> rules without ``-A CHAIN``."""
HOOKS: Mapping[HookName, Sequence[Base]] = {
    "prerouting": (Base("nat PREROUTING", is_nat=True),),
    "input": (Base("filter INPUT"), Base("nat INPUT", is_nat=True)),
    "forward": (Base("filter FORWARD"),),
    "output": (Base("nat OUTPUT", is_nat=True), Base("filter OUTPUT")),
    "postrouting": (Base("nat POSTROUTING", is_nat=True),),
}
_LONG = 4
"""Chains with more rules than this are searched by destination."""
InSet = Callable[[str, str, Flow], bool]


class IptablesTables:
    """The tables of one family, as they are when a chain is first asked for; chains are called ``table CHAIN``."""

    hooks = HOOKS

    def __init__(self, tables: TableTexts, world: World, in_set: InSet | None = None) -> None:
        self._tables, self.world, self._in_set = tables, world, in_set
        self._short: dict[str, tuple[TracedRule, ...]] = {}
        self._long: dict[str, tuple[ChainRule, ...]] = {}
        self._fitting: dict[tuple[str, str, str, int], tuple[TracedRule, ...]] = {}

    def rules(self, chain: str, flow: Flow) -> Sequence[TracedRule]:
        """Return the rules of a chain; of a long one without those that are for other destinations."""
        short = self._short.get(chain)
        if short is not None:
            return short
        rules = self._long.get(chain)
        if rules is None:
            return self._compile(chain, flow)
        key = (chain, flow.destination, flow.protocol, flow.destination_port)
        found = self._fitting.get(key)
        if found is None:
            found = self._fitting[key] = tuple(each.traced for each in rules if each.fixed.fits(flow))
        return found

    def in_set(self, name: str, directions: str, flow: Flow) -> bool:
        """Tell whether an ipset holds the fields of a packet."""
        if self._in_set is None:
            raise NotSupported(f"ipset {name}: there are no ipsets")
        return self._in_set(name, directions, flow)

    def _compile(self, name: str, flow: Flow) -> Sequence[TracedRule]:
        table, _, chain = name.partition(" ")
        rules = tuple(compile_rule(table, text, self) for text in self._tables[table][chain])
        if len(rules) <= _LONG or all(each.fixed == Fixed() for each in rules):
            self._short[name] = tuple(each.traced for each in rules)
        else:
            self._long[name] = rules
        return self.rules(name, flow)


def iptables_walk(tables: TableTexts, world: World) -> Walk:
    """Return the tracer of tables of iptables in memory; it does not see later changes."""
    return Walk(IptablesTables(tables, world), world)
