"""Tables of nftables as the tracer sees them: each statement of `proxy_core.nft.statements` as a test of a packet.

A new statement needs one function here, under ``@compiles``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from proxy_core.addresses import contains, endpoint_text
from proxy_core.nft import statements as st
from proxy_core.nft.fake import Ruleset
from proxy_core.nft.statements import SERVICE_KEY, Key, TableFamily
from proxy_core.nft.transaction import ElementKey
from proxy_core.trace.flow import (
    BREAK,
    DROP,
    LET_IN,
    MASQUERADE,
    REJECT,
    RETURN,
    Decision,
    Dnat,
    Flow,
    Go,
    Said,
    Spread,
)
from proxy_core.trace.networks import Index
from proxy_core.trace.packet import World
from proxy_core.trace.walk import Base, HookName, Test, TracedRule, Walk

Compiler = Callable[[Any, "NftTables"], Test]
_COMPILERS: dict[type, Compiler] = {}


class NftTables:
    """A ruleset, as it is when it is first asked for a chain."""

    def __init__(self, ruleset: Ruleset, family: TableFamily, world: World) -> None:
        self.ruleset, self.family, self.world = ruleset, family, world
        based = [(chain.hook, name) for name, chain in ruleset.chains.items() if chain.hook is not None]
        hooks: dict[HookName, list[Base]] = {}
        for hook, name in sorted(based, key=lambda each: each[0].priority):
            hooks.setdefault(hook.hook, []).append(Base(name, hook.type == "nat"))
        self.hooks: Mapping[HookName, Sequence[Base]] = hooks
        self._rules: dict[str, tuple[TracedRule, ...]] = {}
        self._elements: dict[str, Index[str]] = {}

    def rules(self, chain: str, flow: Flow) -> Sequence[TracedRule]:
        """Return the rules of a chain."""
        found = self._rules.get(chain)
        if found is None:
            found = self._rules[chain] = tuple(self._compile(rule) for rule in self.ruleset.chains[chain].rules)
        return found

    def find(self, container: str, key: ElementKey) -> tuple[ElementKey, str] | None:
        """Return the element of a set or map that holds a key: its own key, and its value."""
        index = self._elements.get(container)
        if index is None:
            elements = self.ruleset.elements[container].values()
            index = self._elements[container] = Index((each.key, each.value) for each in elements)
        return index.find(key)

    def _compile(self, rule: st.Rule) -> TracedRule:
        tests = tuple(_COMPILERS[type(each)](each, self) for each in rule.statements)
        return TracedRule(tests, lambda: rule.text(self.family))


def nft_walk(ruleset: Ruleset, family: TableFamily, world: World) -> Walk:
    """Return the tracer of an nftables ruleset in memory; it does not see later changes."""
    return Walk(NftTables(ruleset, family, world), world)


def compiles(kind: type) -> Callable[[Compiler], Compiler]:
    """Mark the function that makes a test of a statement."""

    def keep(function: Compiler) -> Compiler:
        _COMPILERS[kind] = function
        return function

    return keep


def matching(condition: Callable[[Flow], bool]) -> Test:
    """Return the test of a condition."""
    return lambda flow: None if condition(flow) else BREAK


def doing(action: Callable[[Flow], None]) -> Test:
    """Return the test of something that is done to the packet."""
    return action


def key_of(key: Key) -> Callable[[Flow], ElementKey]:
    """Return what reads the fields of a key from a packet."""
    getters = tuple(_FIELDS[field] for field in key)
    if len(getters) == 1:
        (one,) = getters
        return lambda flow: (one(flow),)
    if key == SERVICE_KEY:
        return lambda flow: (flow.destination, flow.protocol, str(flow.destination_port))
    return lambda flow: tuple([get(flow) for get in getters])


_FIELDS: dict[str, Callable[[Flow], str]] = {
    "saddr": lambda flow: flow.source,
    "daddr": lambda flow: flow.destination,
    "l4proto": lambda flow: flow.protocol,
    "dport": lambda flow: str(flow.destination_port),
}


def verdict(text: str) -> Decision:
    """Return the decision that an element of a verdict map stands for."""
    word, _, chain = text.partition(" ")
    if chain:
        return Go(chain, returns=word == "jump")
    return _VERDICTS[word]


_VERDICTS: dict[str, Decision] = {"accept": LET_IN, "drop": DROP, "return": RETURN}


def evenly(choices: Sequence[Decision]) -> Spread:
    """Return a choice of some decisions, each as likely as the others."""
    return Spread(tuple((Fraction(1, len(choices)), each) for each in choices))


@compiles(st.InSet)
def _in_set(statement: st.InSet, tables: NftTables) -> Test:
    read, name, negated = key_of(statement.key), statement.set, statement.negated

    def test(flow: Flow) -> Decision | None:
        key = read(flow)
        found = tables.find(name, key) is not None or flow.remembers(name, key)
        return BREAK if found == negated else None

    return test


@compiles(st.VerdictMap)
def _verdict_map(statement: st.VerdictMap, tables: NftTables) -> Test:
    read, name = key_of(statement.key), statement.map

    def test(flow: Flow) -> Decision | None:
        found = tables.find(name, read(flow))
        if found is None:
            return BREAK
        key, value = found
        return Said(verdict(value), f"{' . '.join(key)} : {value}")

    return test


@compiles(st.Address)
def _address(statement: st.Address, tables: NftTables) -> Test:
    read, network, negated = _FIELDS[statement.field], statement.network, statement.negated
    if "/" not in network:
        return matching(lambda flow: (read(flow) == network) != negated)
    return matching(lambda flow: contains(network, read(flow)) != negated)


@compiles(st.AddressIn)
def _address_in(statement: st.AddressIn, tables: NftTables) -> Test:
    read, negated = _FIELDS[statement.field], statement.negated
    index = Index(((each,), None) for each in statement.networks)
    return matching(lambda flow: (index.find((read(flow),)) is not None) != negated)


@compiles(st.InputInterface)
def _input_interface(statement: st.InputInterface, tables: NftTables) -> Test:
    name, negated = statement.name, statement.negated
    if name.endswith("*"):
        return matching(lambda flow: flow.interface.startswith(name[:-1]) != negated)
    return matching(lambda flow: (flow.interface == name) != negated)


@compiles(st.IsLocal)
def _is_local(statement: st.IsLocal, tables: NftTables) -> Test:
    read = _FIELDS[statement.field]
    return matching(lambda flow: tables.world.is_local(read(flow)))


@compiles(st.Protocol4)
def _protocol(statement: st.Protocol4, tables: NftTables) -> Test:
    return matching(lambda flow: flow.protocol == statement.protocol)


@compiles(st.IsNew)
def _is_new(statement: st.IsNew, tables: NftTables) -> Test:
    return matching(lambda flow: flow.state == "NEW")


@compiles(st.IsDnat)
def _is_dnat(statement: st.IsDnat, tables: NftTables) -> Test:
    return matching(lambda flow: bool(flow.endpoint))


@compiles(st.SetMark)
def _set_mark(statement: st.SetMark, tables: NftTables) -> Test:
    mark = int(statement.mark, 16)

    def action(flow: Flow) -> None:
        flow.mark |= mark

    return doing(action)


@compiles(st.TakeMark)
def _take_mark(statement: st.TakeMark, tables: NftTables) -> Test:
    mark = int(statement.mark, 16)

    def test(flow: Flow) -> Decision | None:
        if not flow.mark & mark:
            return BREAK
        flow.mark ^= mark
        return None

    return test


@compiles(st.Masquerade)
def _masquerade(statement: st.Masquerade, tables: NftTables) -> Test:
    return lambda flow: MASQUERADE


@compiles(st.Jump)
def _jump(statement: st.Jump, tables: NftTables) -> Test:
    decision = Go(statement.chain, returns=True)
    return lambda flow: decision


@compiles(st.Goto)
def _goto(statement: st.Goto, tables: NftTables) -> Test:
    decision = Go(statement.chain, returns=False)
    return lambda flow: decision


@compiles(st.Drop)
def _drop(statement: st.Drop, tables: NftTables) -> Test:
    return lambda flow: DROP


@compiles(st.Reject)
def _reject(statement: st.Reject, tables: NftTables) -> Test:
    return lambda flow: REJECT


@compiles(st.Dnat)
def _dnat(statement: st.Dnat, tables: NftTables) -> Test:
    ip, _, port = statement.endpoint.rpartition(":")
    decision = Dnat(ip.strip("[]"), int(port))
    return lambda flow: decision


@compiles(st.SpreadDnat)
def _spread_dnat(statement: st.SpreadDnat, tables: NftTables) -> Test:
    decision = evenly([Said(Dnat(ip, port), endpoint_text(ip, port)) for ip, port in statement.endpoints])
    return lambda flow: decision


@compiles(st.SpreadGoto)
def _spread_goto(statement: st.SpreadGoto, tables: NftTables) -> Test:
    decision = evenly([Said(Go(chain, returns=False), chain) for chain in statement.chains])
    return lambda flow: decision


@compiles(st.SpreadDnatMap)
def _spread_dnat_map(statement: st.SpreadDnatMap, tables: NftTables) -> Test:
    return _numbered(statement.key, statement.modulus, statement.map, tables)


@compiles(st.HashDnatMap)
def _hash_dnat_map(statement: st.HashDnatMap, tables: NftTables) -> Test:
    """A client always hashes to the same number: the probabilities are those over all clients."""
    return _numbered(statement.key, statement.modulus, statement.map, tables)


def _numbered(key: Key, modulus: int, name: str, tables: NftTables) -> Test:
    """Return the test of a map that is asked for the fields and a number; a number that it lacks does not match."""
    read = key_of(key)
    known: dict[ElementKey, Spread] = {}

    def test(flow: Flow) -> Decision | None:
        fields = read(flow)
        spread = known.get(fields)
        if spread is None:
            found = [tables.find(name, (*fields, str(number))) for number in range(modulus)]
            spread = known[fields] = evenly([BREAK if each is None else _translated(*each) for each in found])
        return spread

    return test


def _translated(key: ElementKey, value: str) -> Decision:
    ip, _, port = value.partition(" . ")
    return Said(Dnat(ip, int(port)), f"{' . '.join(key)} : {value}")


@compiles(st.Remember)
def _remember(statement: st.Remember, tables: NftTables) -> Test:
    return doing(lambda flow: flow.remember(statement.set, (flow.source,)))
