"""Commotion: endpoints come and go while the proxy is disturbed in every way, under load.

A pod that goes is first taken out of the slices; when the rules are written it goes on for a grace time, then answers
no new connection. What it has accepted before, it serves until the end. So no client may ever notice anything.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from proxy_core import EndpointSlice
from tests.proxy.packets.agent import Agent
from tests.proxy.packets.bed import FAMILIES, REMOTE_PODS
from tests.proxy.packets.clients import Question
from tests.proxy.packets.cluster import TARGET, End, local, remote, service, slices
from tests.proxy.packets.driver import Record, remove_rules
from tests.proxy.packets.load import Load, Report
from tests.proxy.packets.servers import Protocol
from tests.proxy.packets.stage import Stage

PLAIN, STICKY, LOCAL = 1, 2, 3
GRACE_S = 0.5
LEAST = 4
"""So many endpoints there are at any time."""
CLIENTS = 20
PROTOCOLS: tuple[Protocol, ...] = ("TCP", "UDP")


class Result(NamedTuple):
    """What has happened, and what the clients have seen of it."""

    changes: int
    events: Mapping[str, int]
    seconds: float
    report: Report

    def __str__(self) -> str:
        events = ", ".join(f"{count} x {name}" for name, count in self.events.items())
        seen = self.report
        return (
            f"{self.changes} changes, {events} in {self.seconds:.1f} s: {seen.opened} connections opened, "
            f"{seen.exchanges} exchanges on {seen.kept} kept ones, {len(seen.failures)} failures"
        )


class Commotion:
    """A cluster whose pods come and go."""

    def __init__(self, stage: Stage, mode: str, others: tuple[str, ...], seed: int) -> None:
        """Serve; `others` are the modes to which the proxy is switched in turn, and back."""
        self._stage, self._mode, self._others = stage, mode, others
        self._chance = random.Random(seed)
        bed = stage.bed
        self._ends = [local(bed.pod_a), local(bed.pod_b), *(remote(bed, number) for number in range(REMOTE_PODS))]
        self._present = set(self._ends)
        self._going: dict[End, float] = {}
        self._silent: set[End] = set()
        self._agent = Agent(bed.node.netns, mode, self._objects())

    def run(self, changes: int, each_event: int) -> Result:
        """Change so many endpoints one by one under load, each kind of event so often among them."""
        kinds: dict[str, Callable[[], None]] = {
            "full sync": self._full,
            "failing transaction": self._fail,
            "kill -9 and restart": self._restart,
            "kill -9 during a sync": self._restart_during_sync,
            "switch of mode": self._switch,
        }
        events = [name for name in kinds for _ in range(each_event)]
        self._chance.shuffle(events)
        due = {(number + 1) * changes // (len(events) + 1): name for number, name in enumerate(events)}
        load = Load(self._questions(PROTOCOLS), self._questions(("TCP",)))
        try:
            begin = time.monotonic()
            for number in range(changes):
                self._change()
                if number in due:
                    kinds[due[number]]()
            seconds = time.monotonic() - begin
            report = load.stop()
        finally:
            load.kill()
            self._agent.kill()
        return Result(changes, dict.fromkeys(kinds, each_event), seconds, report)

    def _change(self) -> None:
        """Let a pod come or go, and sync."""
        self._settle()
        end = self._chance.choice([each for each in self._ends[1:] if each not in self._going])
        if end in self._present:
            if len(self._present) <= LEAST:
                return
            self._present.remove(end)
            self._sync()
            self._going[end] = time.monotonic() + GRACE_S
        else:
            self._serve(end)
            self._present.add(end)
            self._sync()

    def _settle(self) -> None:
        """Silence the pods whose grace time is over; wait for one where there is hardly anything else to change."""
        while True:
            now = time.monotonic()
            for end in [each for each, until in self._going.items() if until <= now]:
                del self._going[end]
                self._silent.add(end)
                for family in FAMILIES:
                    for protocol in PROTOCOLS:
                        self._stage.servers.stop(end.address(family), TARGET, protocol)
            if len(self._going) < len(self._ends) - LEAST - 2:
                return
            time.sleep(0.01)

    def _serve(self, end: End) -> None:
        if end in self._silent:
            self._silent.remove(end)
            hosts = {each.IPv4: each for each in (self._stage.bed.pod_a, self._stage.bed.pod_b)}
            netns = hosts.get(end.IPv4, self._stage.bed.other).netns
            for family in FAMILIES:
                self._stage.servers.serve(netns, end.address(family), TARGET, PROTOCOLS)

    def _sync(self) -> None:
        self._agent.take(self._slices())
        assert self._agent.sync() == ""

    def _full(self) -> None:
        assert self._agent.sync("full") == ""

    def _fail(self) -> None:
        """Let a change fail in the kernel; the next sync succeeds."""
        if len(self._present) == len(self._ends):
            self._change()
        self._settle()
        end = next((each for each in self._ends if each not in self._present and each not in self._going), None)
        if end is not None:
            self._serve(end)
            self._present.add(end)
        self._agent.take(self._slices())
        assert "no-such-chain" in self._agent.sync("fail").lower()
        assert self._agent.sync() == ""

    def _restart(self) -> None:
        self._agent.kill()
        self._agent = Agent(self._stage.bed.node.netns, self._agent.mode, self._objects())

    def _restart_during_sync(self) -> None:
        self._agent.take(self._slices())
        self._agent.order("full")
        time.sleep(self._chance.random() * 0.05)
        self._restart()

    def _switch(self) -> None:
        """Start a proxy of another mode, and then take away what the one before has left."""
        before = self._agent.mode
        self._agent.kill()
        modes = (self._mode, *self._others)
        after = modes[(modes.index(before) + 1) % len(modes)]
        netns = self._stage.bed.node.netns
        self._agent = Agent(netns, after, self._objects())
        remove_rules(netns, before)

    def _objects(self) -> list[Record]:
        sticky = {"sessionAffinity": "ClientIP"}
        local_only = {"externalTrafficPolicy": "Local"}
        return [
            service(PLAIN, "LoadBalancer", protocols=PROTOCOLS),
            service(STICKY, "LoadBalancer", protocols=PROTOCOLS, **sticky),
            service(LOCAL, "LoadBalancer", protocols=PROTOCOLS, **local_only),
            *self._slices(),
        ]

    def _slices(self) -> list[EndpointSlice]:
        ends = sorted(self._present)
        numbers = (PLAIN, STICKY, LOCAL)
        return [each for number in numbers for each in slices(number, ends, protocols=PROTOCOLS)]

    def _questions(self, protocols: Sequence[Protocol]) -> list[Question]:
        """Return the clients' questions: from everywhere, to every service, by every way and family."""
        bed, stage = self._stage.bed, self._stage
        found = [
            stage.question(host, way, protocol)
            for protocol in protocols
            for family in FAMILIES
            for number in (PLAIN, STICKY, LOCAL)
            for way in stage.ways(number, family).values()
            for host in (bed.client, bed.pod_a, bed.pod_b, bed.node)
            if way.name != "external IP"
        ]
        return self._chance.sample(found, CLIENTS)
