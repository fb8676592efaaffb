"""A scenario rendered step by step in each mode, and compared with what kube-proxy wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bench.verify.compare import Difference
from bench.verify.outcome import Outcome
from bench.verify.proxy.ipvs import expected_parts, present_parts
from bench.verify.proxy.normal import Normal, iptables, ipvs_rules, nftables
from bench.verify.proxy.packets import packet_differences
from bench.verify.proxy.read import Expected, Family, Scenario
from bench.verify.proxy.world import FAMILIES, World, deliveries
from proxy_core import ProxyError

MODES = ("iptables", "nftables", "ipvs")
"""The modes of kube-proxy."""
FLAT = "flat"


class Part(NamedTuple):
    """Something to compare."""

    name: str
    expected: Normal
    got: Normal


def replay(scenario: Scenario, modes: Sequence[str]) -> Outcome:
    """Render a scenario in some modes until something differs."""
    count = 1 + len(scenario.steps)
    for mode in modes:
        for family in FAMILIES:
            for index, where, difference in _differences(scenario, mode, family):
                if difference is not None:
                    return Outcome(count, index, f"{mode} {family} {where}", difference, unit="syncs")
    return Outcome(count, count, unit="syncs")


def _differences(scenario: Scenario, mode: str, family: Family) -> Iterator[tuple[int, str, Difference | None]]:
    """Yield what differs after each sync, None where nothing does."""
    index = 0
    try:
        if mode == FLAT:
            for index, difference in enumerate(packet_differences(scenario, FAMILIES[family])):
                yield index, f"sync {index}", difference
            return
        world = World(scenario, mode, FAMILIES[family])
        for index, delivery in enumerate(deliveries(scenario)):
            ran = len(world.nft.ran) if world.nft is not None else 0
            world.sync(delivery)
            parts = _parts(world, delivery.expected, family, ran, first=not index)
            yield index, f"sync {index}", next(_compared(parts), None)
    except ProxyError as refusal:
        yield index, f"sync {index}", Difference("error", "no error", str(refusal))


def _compared(parts: Sequence[Part]) -> Iterator[Difference]:
    for part in parts:
        for name in sorted({*part.expected, *part.got}):
            expected, got = part.expected.get(name), part.got.get(name)
            if expected != got:
                missing = [line for line in expected or () if line not in (got or ())]
                yield Difference(f"{part.name}: {name}", missing or expected, [
                    line for line in got or () if line not in (expected or ())
                ] or got)  # fmt: skip


def _parts(world: World, expected: Expected, family: Family, ran: int, *, first: bool) -> list[Part]:
    """Return what is to be compared after a sync; ``ran`` transactions had been run before it."""
    checks = world.state.health_checks()
    parts = [
        Part(
            "health checks",
            {key: [str((each.port, each.local_endpoints))] for key, each in expected.health_checks[family].items()},
            {"/".join(key): [str((each.node_port, each.local_endpoints))] for key, each in checks.items()},
        )
    ]
    if world.tables is not None:
        tables = expected.iptables[family]
        for name, text in (("nat", tables.nat), ("filter", tables.filter)):
            parts.append(Part("table", iptables(text), iptables(world.tables.save(name))))
        if not first:
            parts.append(Part("restore input", iptables(tables.restore_input), iptables(world.tables.restored[-1])))
    if world.ipvs is not None:
        wanted = expected.ipvs[family]
        parts.append(Part("ipvs", expected_parts(wanted), present_parts(world.ipvs)))
        for name, text in (("nat", wanted.nat), ("filter", wanted.filter)):
            parts.append(Part("table", ipvs_rules(text), ipvs_rules(world.ipvs.iptables.save(name))))
    if world.nft is not None:
        rules = expected.nftables[family]
        parts.append(Part("ruleset", nftables(rules.ruleset.splitlines()), nftables(world.nft.listing().splitlines())))
        if not first:
            want = [text.splitlines() for text in rules.transactions or () if text]
            got = [list(each.lines()) for each in world.nft.ran[ran:]]
            number = {"number": [str(len(want))]}
            parts.append(Part("transactions", number, {"number": [str(len(got))]}))
            parts += [Part("transaction", nftables(a), nftables(b)) for a, b in zip(want, got, strict=False)]
    return parts
