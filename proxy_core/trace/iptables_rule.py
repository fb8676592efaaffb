"""One rule of iptables, from its words to tests of a packet.

All matches and targets that kube-proxy uses; any other word is refused by name. A new match needs one line in
`_MATCHES`, a new target one in `_targets`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import NamedTuple, Protocol

from proxy_core.addresses import contains, parse_cidr, parse_ip
from proxy_core.errors import NotSupported
from proxy_core.trace.flow import (
    ACCEPT,
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
    Spread,
)
from proxy_core.trace.packet import World
from proxy_core.trace.walk import Test, TracedRule

_WORD = re.compile(r'"[^"]*"|\S+')
_IGNORED = ("-m", "--comment", "--nfacct-name", "--seconds", "--reap", "--mask", "--rsource")
"""Options that decide nothing here: what a list remembers is an argument, so its times do not matter."""

Condition = Callable[[Flow], bool]


class Surroundings(Protocol):
    """What a rule refers to beside the packet."""

    @property
    def world(self) -> World:
        """The node."""

    def in_set(self, name: str, directions: str, flow: Flow) -> bool:
        """Tell whether an ipset holds the fields of a packet."""


class Fixed(NamedTuple):
    """The fields that a packet must have whatever else is asked; empty: any."""

    destination: str = ""
    protocol: str = ""
    port: str = ""

    def fits(self, flow: Flow) -> bool:
        """Tell whether a packet has them."""
        return (
            (not self.destination or self.destination == flow.destination)
            and (not self.protocol or self.protocol == flow.protocol)
            and (not self.port or self.port == str(flow.destination_port))
        )


class ChainRule(NamedTuple):
    """A rule of a chain."""

    fixed: Fixed
    traced: TracedRule


class _Words(NamedTuple):
    """One option of a rule with its arguments."""

    option: str
    arguments: tuple[str, ...]
    negated: bool


def compile_rule(table: str, text: str, around: Surroundings) -> ChainRule:
    """Return a rule; ``text`` is without ``-A CHAIN``. Raises NotSupported for words that are not known."""
    header: list[Test] = []
    tests: list[Test] = []
    fixed: dict[str, str] = {}
    chance: list[tuple[int, Fraction]] = []
    lists = ""
    action: list[_Words] = []
    for words in _options(text):
        if action or words.option in ("-j", "-g"):
            action.append(words)
        elif words.option == "--name":
            lists = words.arguments[0]
        elif words.option == "--mode":
            _only(words, "random")
        elif words.option == "--probability":
            chance.append((len(tests), probability(words.arguments[0])))
        elif words.option in ("--rcheck", "--set"):
            tests.append(_recent(words, lists))
        elif words.option not in _IGNORED:
            make = _MATCHES.get(words.option)
            if make is None:
                raise NotSupported(f"iptables option {words.option} cannot be traced: {text}")
            test = _matching(make(words, around), words.negated)
            (header if words.option in _HEADER else tests).append(test)
            _note_fixed(words, fixed)
    parts = [*tests, *_target(table, action, text)]
    for place, part in reversed(chance):
        parts = [*parts[:place], _by_chance(part, parts[place:], text)]
    return ChainRule(Fixed(**fixed), TracedRule((*header, *parts), lambda: text))


def probability(text: str) -> Fraction:
    """Return a probability; one that is 1/n to all ten digits is taken for what was meant, and not for its text."""
    read = Fraction(text)
    count = round(1 / read) if read else 0
    return Fraction(1, count) if count and f"{1 / count:.10f}" == text else read


def _options(text: str) -> Iterator[_Words]:
    """Yield the options of a rule with their arguments."""
    negated, option = False, ""
    arguments: list[str] = []
    for word in _WORD.findall(text):
        if word == "!" or (word.startswith("-") and not word.startswith('"')):
            if option:
                yield _Words(option, tuple(arguments), negated)
                option, arguments, negated = "", [], False
            if word == "!":
                negated = True
            else:
                option = word
        else:
            arguments.append(word.strip('"'))
    if option:
        yield _Words(option, tuple(arguments), negated)


def _matching(condition: Condition, negated: bool) -> Test:
    return lambda flow: None if condition(flow) != negated else BREAK


def _by_chance(chance: Fraction, rest: list[Test], text: str) -> Test:
    """Return the test that lets the rest of a rule see a packet with some probability."""

    def test(flow: Flow) -> Decision:
        for each in rest:
            decision = each(flow)
            if decision is not None:
                return BREAK if decision is BREAK else Spread(((chance, decision), (1 - chance, BREAK)))
        raise NotSupported(f"a rule by chance without a target cannot be traced: {text}")

    return test


def _recent(words: _Words, name: str) -> Test:
    """Return the test of the match ``recent``: whether a list knows the source, or that it knows it from now on."""
    if words.option == "--rcheck":
        return _matching(lambda flow: flow.remembers(name, (flow.source,)), words.negated)
    return lambda flow: flow.remember(name, (flow.source,))


def _note_fixed(words: _Words, fixed: dict[str, str]) -> None:
    field = {"-d": "destination", "-p": "protocol", "--dport": "port"}.get(words.option)
    if field is not None and not words.negated and "/" not in words.arguments[0]:
        fixed[field] = words.arguments[0]


def _address(words: _Words) -> Callable[[str], bool]:
    text = words.arguments[0]
    if "/" in text:
        network = parse_cidr(text)
        assert network is not None, text
        return lambda address: contains(network, address)
    ip = parse_ip(text)
    return lambda address: address == ip


def _source(words: _Words, around: Surroundings) -> Condition:
    holds = _address(words)
    return lambda flow: holds(flow.source)


def _destination(words: _Words, around: Surroundings) -> Condition:
    holds = _address(words)
    return lambda flow: holds(flow.destination)


def _interface(words: _Words, around: Surroundings) -> Condition:
    name = words.arguments[0]
    if name.endswith("+"):
        return lambda flow: flow.interface.startswith(name[:-1])
    return lambda flow: flow.interface == name


def _protocol(words: _Words, around: Surroundings) -> Condition:
    return lambda flow: flow.protocol == words.arguments[0]


def _port(words: _Words, around: Surroundings) -> Condition:
    port = int(words.arguments[0])
    return lambda flow: flow.destination_port == port


def _source_type(words: _Words, around: Surroundings) -> Condition:
    _only(words, "LOCAL")
    return lambda flow: around.world.is_local(flow.source)


def _destination_type(words: _Words, around: Surroundings) -> Condition:
    _only(words, "LOCAL")
    return lambda flow: around.world.is_local(flow.destination)


def _connection(words: _Words, around: Surroundings) -> Condition:
    states = frozenset(words.arguments[0].split(","))
    return lambda flow: flow.state in states or ("DNAT" in states and bool(flow.endpoint))


def _mark(words: _Words, around: Surroundings) -> Condition:
    value, mask = _mark_of(words.arguments[0])
    return lambda flow: flow.mark & mask == value


def _bridged(words: _Words, around: Surroundings) -> Condition:
    """Frames that pass through a bridge of the node without being routed are not traced."""
    return lambda flow: False


def _ipset(words: _Words, around: Surroundings) -> Condition:
    name, directions = words.arguments
    return lambda flow: around.in_set(name, directions, flow)


def _virtual_address(words: _Words, around: Surroundings) -> Condition:
    holds = _address(words)
    return lambda flow: flow.virtual is not None and holds(flow.virtual[0])


def _virtual_port(words: _Words, around: Surroundings) -> Condition:
    port = int(words.arguments[0])
    return lambda flow: flow.virtual is not None and flow.virtual[1] == port


def _virtual_protocol(words: _Words, around: Surroundings) -> Condition:
    protocol = words.arguments[0].upper()
    return lambda flow: flow.virtual is not None and flow.virtual[2] == protocol


_HEADER = ("-s", "-d", "-i", "-p")
"""What iptables asks before all modules."""
_MATCHES: dict[str, Callable[[_Words, Surroundings], Condition]] = {
    "-s": _source,
    "-d": _destination,
    "-i": _interface,
    "-p": _protocol,
    "--dport": _port,
    "--src-type": _source_type,
    "--dst-type": _destination_type,
    "--ctstate": _connection,
    "--mark": _mark,
    "--physdev-is-in": _bridged,
    "--match-set": _ipset,
    "--vaddr": _virtual_address,
    "--vport": _virtual_port,
    "--vproto": _virtual_protocol,
}


def _target(table: str, action: list[_Words], text: str) -> list[Test]:
    """Return what is left of a rule: its target."""
    if not action:
        return []
    name, options = action[0].arguments[0], {each.option: each.arguments for each in action[1:]}
    if name == "MARK":
        return [_set_mark(options, text)]
    decision = _decision(table, name, options, returns=action[0].option == "-j")
    return [lambda flow: decision]


def _decision(table: str, name: str, options: dict[str, tuple[str, ...]], *, returns: bool) -> Decision:
    if name == "DNAT":
        ip, _, port = options["--to-destination"][0].rpartition(":")
        return Dnat(ip.strip("[]"), int(port))
    if name == "ACCEPT":
        return LET_IN if table == "filter" else ACCEPT
    return _VERDICTS.get(name) or Go(f"{table} {name}", returns)


_VERDICTS: dict[str, Decision] = {"DROP": DROP, "REJECT": REJECT, "RETURN": RETURN, "MASQUERADE": MASQUERADE}


def _set_mark(options: dict[str, tuple[str, ...]], text: str) -> Test:
    """Return the target MARK: bits are cleared, then others turned over."""
    ((option, (argument, *_)),) = options.items()
    value, mask = _mark_of(argument)
    if option == "--or-mark":
        mask = value
    elif option == "--xor-mark":
        mask = 0
    elif option != "--set-xmark":
        raise NotSupported(f"iptables option {option} cannot be traced: {text}")

    def action(flow: Flow) -> None:
        flow.mark = (flow.mark & ~mask) ^ value

    return action


def _mark_of(text: str) -> tuple[int, int]:
    value, _, mask = text.partition("/")
    return int(value, 0), int(mask, 0) if mask else 0xFFFFFFFF


def _only(words: _Words, value: str) -> None:
    if words.arguments != (value,):
        raise NotSupported(f"iptables option {words.option} {' '.join(words.arguments)} cannot be traced")
