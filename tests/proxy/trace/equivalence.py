"""Two modes held against each other, packet by packet, over recorded scenarios.

``python -m tests.proxy.trace.equivalence ../shared/golden/proxy 2000`` sends so many packets through every state.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from proxy_core.trace import Fate, Outcome, Packet, Walk, walk_of
from proxy_core.trace.probes import probes
from tests.proxy.trace.differences import Services, difference
from tests.proxy.trace.scenarios import Situation, situations

MODES = ("iptables", "nftables")


def compare(situation: Situation, count: int) -> Counter[str]:
    """Send packets through both modes; return how often each difference came up, the empty name for none.

    Raises AssertionError at a packet that the modes treat differently for no reason.
    """
    walks = {mode: walk_of(mode, situation.state, situation.settings[mode]) for mode in MODES}
    services = Services(situation.state, situation.settings)
    found: Counter[str] = Counter()
    for packet in probes(situation.state, situation.settings["iptables"], 1, count):
        one, other = (walks[mode].trace(packet) for mode in MODES)
        name = _explained(situation, services, packet, one, other)
        found[name] += 1
        if not name and any(way.remembered for way in one.ways):
            found["remembered clients"] += 1
            _compare_again(situation, walks, packet, one, other)
    return found


def _explained(situation: Situation, services: Services, packet: Packet, one: Outcome, other: Outcome) -> str:
    for outcome in (one, other):
        assert sum(outcome.fates.values()) == 1, f"{situation.name}: {packet}: {outcome.fates}"
    if one.fates == other.fates:
        return ""
    name = difference(packet, services, one.fates, other.fates)
    assert name is not None, f"{situation.name}: {packet}: {_text(one)}, but {_text(other)}"
    return name


def _compare_again(situation: Situation, walks: dict[str, Walk], packet: Packet, one: Outcome, other: Outcome) -> None:
    """Trace a client again that both modes sent to the same endpoint before: it must go there for sure."""
    first = one.ways[0]
    same = next(way for way in other.ways if way.fate == first.fate)
    for mode, memory in zip(MODES, (first.remembered, same.remembered), strict=True):
        fates = walks[mode].trace(packet, memory).fates
        assert fates == {first.fate: 1}, f"{situation.name}: {packet}: {mode} forgets its client: {fates}"


def _text(outcome: Outcome) -> str:
    return ", ".join(f"{_words(fate)}: {chance}" for fate, chance in outcome.fates.items())


def _words(fate: Fate) -> str:
    return f"{fate.verdict} {fate.endpoint}{' masqueraded' if fate.masqueraded else ''}"


def main(arguments: Sequence[str]) -> None:
    """Compare over files or folders, with so many packets for each state."""
    *paths, count = arguments
    total: Counter[str] = Counter()
    for situation in situations([Path(each) for each in paths], MODES):
        total += compare(situation, int(count))
    for name, number in total.most_common():
        print(f"{number:10,}  {name or 'the same'}")


if __name__ == "__main__":
    main(sys.argv[1:])
