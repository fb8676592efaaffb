"""The tracer says what the kernel does: every source asks every place, and what comes of it is what was traced."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from proxy_core import Machine, ProxyState, Settings, node_info, settings_of
from proxy_core.addresses import Family
from proxy_core.kernel.netns import inside
from proxy_core.trace import Fate, Packet, Verdict, walk_of
from tests.proxy.packets.bed import FAMILIES, Bed, Host
from tests.proxy.packets.clients import PATIENCE, SHORT, Outcome, Question, ask_each
from tests.proxy.packets.cluster import (
    NODE,
    PORT,
    TARGET,
    End,
    cluster_ip,
    external_ip,
    local,
    node_port,
    remote,
    service,
    service_cidrs,
    slices,
    vip,
)
from tests.proxy.packets.driver import Record, configuration
from tests.proxy.packets.servers import Answer, Servers
from tests.proxy.packets.stage import Stage

UDP = ("UDP",)
"""A refusal is told at once; TCP asks again first."""


class Case(NamedTuple):
    """Somebody who asks something, and what the tracer says."""

    packet: Packet
    question: Question
    fates: frozenset[Fate]

    def is_explained(self, outcome: Outcome, bed: Bed) -> bool:
        """Tell whether what happened is one of the things that may."""
        if isinstance(outcome, Answer):
            return any(outcome.server in fate.endpoint and self._sees(outcome, fate, bed) for fate in self.fates)
        verdicts = {fate.verdict for fate in self.fates}
        if Verdict.UNTOUCHED in verdicts or (outcome == "silence" and self._passes_by(bed)):
            return True
        return bool(verdicts & ({Verdict.REJECTED} if outcome == "refused" else {Verdict.DROPPED}))

    def is_answered(self, bed: Bed) -> bool:
        """Tell whether there will be an answer or a refusal for sure."""
        verdicts = {fate.verdict for fate in self.fates}
        return verdicts <= {Verdict.ACCEPTED, Verdict.REJECTED} and not self._passes_by(bed)

    def _passes_by(self, bed: Bed) -> bool:
        """Tell whether an answer may go from one pod of the other node to another, where nobody translates it back."""
        family = self.packet.family
        return self.packet.source == bed.remote_pod(1, family) and any(
            bed.remote_pod(0, family) in fate.endpoint and not fate.masqueraded for fate in self.fates
        )

    def _sees(self, answer: Answer, fate: Fate, bed: Bed) -> bool:
        """Tell whether the endpoint sees the source that it should."""
        family = self.packet.family
        if not fate.masqueraded:
            return answer.source == self.packet.source
        if answer.server == bed.node.address(family):
            return True  # the node has several addresses to choose from for itself
        hosts = {bed.pod_a.address(family): bed.pod_a, bed.pod_b.address(family): bed.pod_b}
        return answer.source == bed.node_address_towards(hosts.get(answer.server, bed.other), family)


def kinds(bed: Bed) -> list[tuple[dict[str, object], list[End]]]:
    """Return Services of every kind, with their endpoints: policies, ranges, none, one that is the node itself."""
    here, away = local(bed.pod_a), remote(bed, 0)
    node = End(bed.node.IPv4, bed.node.IPv6, NODE)
    client = [f"{bed.client.IPv4}/32", f"{bed.client.IPv6}/128"]
    return [
        ({}, [here, away]),
        ({"externalTrafficPolicy": "Local"}, [here, away]),
        ({"internalTrafficPolicy": "Local"}, [here, away]),
        ({"externalTrafficPolicy": "Local", "internalTrafficPolicy": "Local"}, [away]),
        ({"loadBalancerSourceRanges": client}, [here, away]),
        ({"loadBalancerSourceRanges": client}, []),
        ({"externalTrafficPolicy": "Local"}, []),
        ({}, [node]),
        ({"sessionAffinity": "ClientIP"}, [here]),
    ]


def objects(bed: Bed) -> list[Record]:
    """Return the objects that are served."""
    found: list[Record] = [service_cidrs()]
    for number, (spec, ends) in enumerate(kinds(bed), 1):
        found += [service(number, "LoadBalancer", external=True, protocols=UDP, **spec)]
        found += slices(number, ends, protocols=UDP)
    return found


class Ground(NamedTuple):
    """What the tracer is held against: a node where a mode serves the objects already."""

    bed: Bed
    servers: Servers
    state: ProxyState
    settings: Settings
    mode: str


def node_ips(bed: Bed) -> dict[Family, str]:
    return {family: bed.node.address(family) for family in FAMILIES}


def interfaces(bed: Bed) -> dict[str, list[str]]:
    """Return the addresses of the node as they are."""
    found = json.loads(bed.run(bed.node, "ip", "-j", "addr"))
    return {each["ifname"]: [f"{ip['local']}/{ip['prefixlen']}" for ip in each["addr_info"]] for each in found}


def places(bed: Bed, family: Family) -> Iterator[tuple[str, int]]:
    """Yield where services are, and where none is."""
    for number in range(1, len(kinds(bed)) + 1):
        for address in (cluster_ip, external_ip, vip):
            yield address(number, family), PORT
        yield bed.node.address(family), node_port(number)
        for host in (bed.client, bed.pod_a):
            yield bed.node_address_towards(host, family), node_port(number)
        yield cluster_ip(number, family), PORT + 1
    yield ("fd00:172:30::9999" if family == "IPv6" else "172.30.99.99"), PORT


def cases(ground: Ground) -> Iterator[Case]:
    """Yield every source at every place."""
    bed, family = ground.bed, ground.settings.family
    walk = walk_of(ground.mode, ground.state, ground.settings)
    sources: Mapping[str, tuple[Host, str]] = {
        bed.client.address(family): (bed.client, "ext0"),
        bed.pod_a.address(family): (bed.pod_a, "cni0"),
        bed.pod_b.address(family): (bed.pod_b, "cni0"),
        bed.remote_pod(1, family): (bed.other, "eth0"),
        bed.node.address(family): (bed.node, ""),
    }
    asked = [(source, *end, *place) for source, end in sources.items() for place in places(bed, family)]
    loopback = "::1" if family == "IPv6" else "127.0.0.1"
    asked += [(loopback, bed.node, "", loopback, node_port(number)) for number in range(1, len(kinds(bed)) + 1)]
    for source, host, interface, address, port in asked:
        sent = Packet("udp", source, 40000, address, port, interface)
        question = Question(host.netns, address, port, "UDP", source)
        yield Case(sent, question, frozenset(walk.trace(sent).fates))


def lift_limits(bed: Bed) -> None:
    """Let the node tell of as many refusals as it likes: of the kinds of ICMP messages none is limited."""
    with inside(bed.node.netns):
        for path, mask in (("ipv4/icmp_ratemask", "0"), ("ipv6/icmp/ratemask", "255")):
            Path("/proc/sys/net", path).write_text(mask, encoding="ascii")


def check(ground: Ground, times: int) -> None:
    """Ask everything so many times, and fail where something happens that was not traced."""
    bed, family = ground.bed, ground.settings.family
    lift_limits(bed)
    ground.servers.serve(bed.node.netns, bed.node.address(family), TARGET, ("UDP",))
    found, seen = list(cases(ground)), set()
    for patience, is_answered in ((PATIENCE, True), (SHORT, False)):
        asked = [each for each in found if each.is_answered(bed) == is_answered for _ in range(times)]
        for start in range(0, len(asked), 200):
            part = asked[start : start + 200]
            outcomes = ask_each([each.question for each in part], seconds=patience)
            for case, outcome in zip(part, outcomes, strict=True):
                assert case.is_explained(outcome, bed), (str(case.packet), case.fates, outcome)
            seen |= {fate.verdict for case in part for fate in case.fates}
    ground.servers.stop(bed.node.address(family), TARGET, "UDP")
    assert seen >= {Verdict.ACCEPTED, Verdict.REJECTED, Verdict.DROPPED}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_traced_is_what_the_kernel_does(stage: Stage, family: Family) -> None:
    bed, records = stage.bed, objects(stage.bed)
    stage.proxy.apply(records)
    state, found = ProxyState(family, node_info(NODE, None)._replace(ips=node_ips(bed))), interfaces(bed)
    for record in records:
        state.update(record)
    settings = settings_of(configuration(), stage.mode, family, state.node, Machine(interfaces=lambda: found))
    check(Ground(bed, stage.servers, state, settings, stage.mode), times=2)
