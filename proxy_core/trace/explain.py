"""A trace for people: which Service a packet is for, and each of its ways rule by rule in the words of the tool.

Returns lines and plain data; printing, colours and options are the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from proxy_core.addresses import contains, family_of, parse_cidr, parse_ip
from proxy_core.errors import Problem
from proxy_core.model.service_port import ServicePort, ServicePortName
from proxy_core.model.state import ProxyState
from proxy_core.settings import Settings
from proxy_core.trace.build import walk_of
from proxy_core.trace.outcome import Outcome, Way
from proxy_core.trace.packet import UPLINK, Memory, Packet, Protocol, World, pod_interface, world_of

PROTOCOLS: tuple[Protocol, ...] = ("tcp", "udp", "sctp")
SOURCE_PORT = 40000


class Addressed(NamedTuple):
    """A service port that a packet is for."""

    name: ServicePortName
    by: str
    """What of it the packet goes to: cluster IP, external IP, load balancer IP or node port."""
    endpoints: int
    local: int
    """How many of the endpoints are on this node."""


class Explanation(NamedTuple):
    """What a mode does with a packet."""

    mode: str
    services: tuple[Addressed, ...]
    """Mostly one; none: the packet is for no Service."""
    outcome: Outcome

    def lines(self, limit: int = 10) -> Iterator[str]:
        """Yield the explanation; ways beyond ``limit`` are only counted."""
        yield f"{self.outcome.packet} (mode {self.mode})"
        for each in self.services:
            ends = f"{each.endpoints} endpoint{'' if each.endpoints == 1 else 's'}, {each.local} on this node"
            yield f"for Service {each.name}, by its {each.by} ({ends})"
        if not self.services:
            yield "for no Service that this node knows"
        ways = _alike(self.outcome.ways)
        for way, more in ways[:limit]:
            yield ""
            yield f"{'always' if way.probability == 1 else way.probability}  {_fate(way)}"
            yield from _steps(way)
            if more:
                ends = "differs" if more == 1 else "differ"
                yield f"  (and {more:,} more way{'' if more == 1 else 's'} that {ends} in the element alone)"
        if len(ways) > limit:
            yield ""
            yield f"and {len(ways) - limit} more way{'' if len(ways) == limit + 1 else 's'}"

    def json(self) -> dict[str, Any]:
        """Return the explanation as plain data; probabilities are texts, as 1/3."""
        packet = self.outcome.packet
        return {
            "mode": self.mode,
            "packet": packet._asdict(),
            "services": [{**each._asdict(), "name": str(each.name)} for each in self.services],
            "ways": [_way(each) for each in self.outcome.ways],
        }


def explain(
    mode: str, state: ProxyState, settings: Settings, packet: Packet, remembered: Memory = frozenset()
) -> Explanation:
    """Return what a mode does with a packet. Raises NotSupported for a mode that cannot be traced.

    ``settings`` are those of the mode; changes that wait in the state are taken over.
    """
    outcome = walk_of(mode, state, settings).trace(packet, remembered)
    return Explanation(mode, tuple(addressed(state, settings, packet)), outcome)


def addressed(state: ProxyState, settings: Settings, packet: Packet) -> Iterator[Addressed]:
    """Yield the service ports that a packet is for; a node port counts at every address of the node."""
    node = world_of(settings.interfaces())
    for name, each in sorted(state.wanted.items()):
        by = _part(each.port, packet, node)
        if by:
            yield Addressed(name, by, len(each.endpoints), sum(end.is_local for end in each.endpoints))


def packet_between(
    state: ProxyState, settings: Settings, source: str, target: str, interface: str | None = None
) -> Packet | Problem:
    """Return the packet from ``IP`` or ``IP:PORT`` to ``IP:PORT`` or ``IP:PORT/udp``, or what is wrong with the texts.

    Without an interface it is made by the node if the source is the node's own, comes from a pod of this node if that
    is known (an endpoint here, or of the node's podCIDRs), and else from outside.
    """
    place, _, word = target.partition("/")
    protocol = next((each for each in PROTOCOLS if each == (word or "tcp")), None)
    to, from_ = _read(place), _read(source)
    if protocol is None or to is None or to[1] is None:
        return Problem("", "", target, "is not IP:PORT or IP:PORT/PROTOCOL with tcp, udp or sctp (IPv6: [IP]:PORT)")
    if from_ is None:
        return Problem("", "", source, "is not IP or IP:PORT")
    if {family_of(from_[0]), family_of(to[0])} != {settings.family}:
        return Problem("", "", f"{source} and {target}", f"are not both of {settings.family}")
    if interface is None:
        interface = _interface(state, settings, from_[0])
    return Packet(protocol, from_[0], from_[1] or SOURCE_PORT, to[0], to[1], interface)


def _part(port: ServicePort, packet: Packet, node: World) -> str:
    """Return what of a service port a packet goes to; empty: nothing."""
    if port.protocol.lower() != packet.protocol:
        return ""
    if port.port == packet.destination_port:
        if packet.destination == port.cluster_ip:
            return "cluster IP"
        if packet.destination in port.external_ips:
            return "external IP"
        if packet.destination in port.load_balancer_vips:
            return "load balancer IP"
    at_node = port.node_port == packet.destination_port and node.is_local(packet.destination)
    return "node port" if at_node else ""


def _fate(way: Way) -> str:
    fate = way.fate
    words = [str(fate.verdict)]
    if fate.endpoint:
        words.append(f"to {fate.endpoint}")
    if fate.masqueraded:
        words.append("with the node's address as its source")
    return ", ".join(words)


def _alike(ways: Sequence[Way]) -> list[tuple[Way, int]]:
    """Return ways by the same rules to the same end as one, with their probability, and how many it was beside.

    Modes with a table of slots, as Maglev's, have several elements for an endpoint.
    """
    found: dict[tuple[object, ...], tuple[Way, int]] = {}
    for way in ways:
        key = (way.fate, *((step.hook, step.chain, step.text) for step in way.steps))
        known = found.get(key)
        if known is None:
            found[key] = way, 0
        else:
            first, more = known
            found[key] = first._replace(probability=first.probability + way.probability), more + 1
    return list(found.values())


def _steps(way: Way) -> Iterator[str]:
    hook = max((len(step.hook) for step in way.steps), default=0)
    chain = max((len(step.chain) for step in way.steps), default=0)
    for step in way.steps:
        yield f"  {step.hook:{hook}}  {step.chain:{chain}}  {_shortened(step.text)}"
        if step.note:
            yield f"  {'':{hook}}  {'':{chain}}  = {step.note}"


def _shortened(text: str, longest: int = 240) -> str:
    """Return a rule's text without its middle where it is very long: a list of endpoints."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]} ... {text[-half:]}"


def _way(way: Way) -> dict[str, Any]:
    rules = [{"hook": each.hook, "chain": each.chain, "rule": each.text, "note": each.note} for each in way.steps]
    fate = way.fate
    return {
        "probability": str(way.probability),
        "verdict": str(fate.verdict),
        "endpoint": fate.endpoint,
        "masqueraded": fate.masqueraded,
        "rules": rules,
    }


def _read(text: str) -> tuple[str, int | None] | None:
    """Return the address and the port of ``IP``, ``IP:PORT``, ``[IPv6]:PORT``; None if it is none of them."""
    ip = parse_ip(text)
    if ip is not None:
        return ip, None
    address, _, digits = text.rpartition(":")
    ip = parse_ip(address.removeprefix("[").removesuffix("]"))
    if ip is None or not digits.isascii() or not digits.isdigit() or not 0 < int(digits) < 65536:
        return None
    return ip, int(digits)


def _interface(state: ProxyState, settings: Settings, source: str) -> str:
    """Return where packets of a source come in."""
    if world_of(settings.interfaces()).is_local(source):
        return ""
    cidrs = (parse_cidr(each) for each in state.node.pod_cidrs)
    here = any(each is not None and contains(each, source) for each in cidrs)
    here = here or any(end.ip == source and end.is_local for each in state.wanted.values() for end in each.endpoints)
    return pod_interface(settings) if here else UPLINK
