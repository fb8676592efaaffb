"""Mode flat against mode nftables: there is no kube-proxy to compare it with, so packets are.

Both modes write each step of a scenario into a kernel in memory; packets drawn by chance must fare alike in both: the
same verdict, the same endpoints with the same probabilities, the same masquerade, and the same again when session
affinity remembers the client.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bench.verify.compare import Difference
from bench.verify.proxy.read import Scenario
from bench.verify.proxy.world import World, deliveries
from proxy_core.addresses import Family
from proxy_core.trace import Fate, Packet, Walk, nft_walk, world_of
from proxy_core.trace.outcome import Outcome
from proxy_core.trace.probes import probes

PACKETS = 1000
"""Of one sync and family."""


def packet_differences(scenario: Scenario, family: Family) -> Iterator[Difference | None]:
    """Yield the first packet that fares differently after each sync, None where there is none. Raises ProxyError."""
    model, flat = World(scenario, "nftables", family), World(scenario, "flat", family)
    for index, delivery in enumerate(deliveries(scenario)):
        model.sync(delivery)
        flat.sync(delivery)
        walks = _walk(model), _walk(flat)
        packets = probes(model.state, model.settings, index, PACKETS)
        yield next((found for each in packets if (found := _difference(each, *walks)) is not None), None)


def _walk(world: World) -> Walk:
    assert world.nft is not None
    return nft_walk(world.nft.ruleset, world.nft.family, world_of(world.settings.interfaces()))


def _difference(packet: Packet, model: Walk, flat: Walk) -> Difference | None:
    expected = model.trace(packet)
    found = _compared(packet, expected, flat.trace(packet))
    for way in expected.ways if found is None else ():
        if way.remembered:
            again = model.trace(packet, way.remembered)
            return _compared(packet, again, flat.trace(packet, way.remembered))
    return found


def _compared(packet: Packet, expected: Outcome, got: Outcome) -> Difference | None:
    if expected.fates == got.fates:
        return None
    return Difference(f"packet {packet}", _shown(expected.fates), _shown(got.fates))


def _shown(fates: Mapping[Fate, object]) -> list[str]:
    return sorted(
        f"{fate.verdict} {fate.endpoint}{' masqueraded' if fate.masqueraded else ''}: {chance}"
        for fate, chance in fates.items()
    )
