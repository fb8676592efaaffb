"""The scheduling queue in the slowest way: one list of pods, each with the name of the place where it is.

Written from the rules, not from the queue: nothing is sorted before it is asked for, nothing is indexed, the events
since a pod was popped are kept with that pod, and times are floats of seconds that whole numbers of milliseconds make.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

ACTIVE, BACKOFF, ERROR_BACKOFF, WAITING, IN_FLIGHT = "active", "backoff", "errorBackoff", "unschedulable", "inFlight"

Hint = Callable[[Any, Any, Any], bool]
Registration = tuple[str, frozenset[str], Hint | None]
"""Resource, kinds of change, hint."""


@dataclass
class NaivePod:
    """A pod somewhere in the queue."""

    pod: Any
    uid: str
    order: int
    priority: int
    since: int
    """Milliseconds: when it was added or failed last."""
    place: str = ""
    attempts: int = 0
    rejections: int = 0
    errors: int = 0
    rejected: set[str] = field(default_factory=set)
    pending: set[str] = field(default_factory=set)
    gated: bool = False
    missed: list[tuple[str, str, Any, Any]] = field(default_factory=list)
    """Events since it was popped."""


class NaiveQueue:
    """``plugins`` is what each plugin registers; ``gate`` says whether the plugin named ``gate_plugin`` holds a pod."""

    def __init__(self, plugins: dict[str, list[Registration]], gate_plugin: str, gate: Callable[[Any], bool]) -> None:
        self.plugins, self.gate_plugin, self.gate = plugins, gate_plugin, gate
        self.pods: list[NaivePod] = []
        self.count = 0

    def state(self) -> dict[str, list[str]]:
        """Return the uids in each place, in the order of the pops where there is one."""
        found = {place: [pod.uid for pod in self._in(place)] for place in (ACTIVE, BACKOFF, ERROR_BACKOFF)}
        waiting = [pod for pod in self.pods if pod.place == WAITING]
        found[WAITING] = sorted(pod.uid for pod in waiting if not pod.gated)
        found["gated"] = sorted(pod.uid for pod in waiting if pod.gated)
        found[IN_FLIGHT] = sorted(pod.uid for pod in self.pods if pod.place == IN_FLIGHT)
        return found

    def add(self, pod: Any, uid: str, priority: int, now: int) -> None:
        self.count += 1
        new = NaivePod(pod, uid, self.count, priority, now)
        self.pods.append(new)
        self._enter(new, ACTIVE)

    def pop(self) -> NaivePod | None:
        first = next(iter(self._in(ACTIVE) or self._in(BACKOFF)), None)
        if first is not None:
            first.place, first.missed = IN_FLIGHT, []
            first.attempts += 1
        return first

    def fail(self, pod: NaivePod, newest: Any, rejected: set[str], pending: set[str], now: int) -> None:
        pod.pod, pod.since = newest, now
        pod.rejected, pod.pending = set(rejected), set(pending)
        if rejected or pending:
            pod.rejections, pod.errors = pod.rejections + 1, 0
            answers = {self._worth(pod, *event) for event in pod.missed}
        else:
            pod.errors += 1
            answers = {"backoff"}
        self._requeue(pod, "now" if "now" in answers else "backoff" if "backoff" in answers else "", now)

    def remove(self, pod: NaivePod) -> None:
        self.pods.remove(pod)

    def update(self, pod: NaivePod, new: Any, kinds: list[str], now: int) -> None:
        old = pod.pod
        if pod.place == IN_FLIGHT:
            for each in self.pods:
                if each.place == IN_FLIGHT:
                    each.missed += [("UnschedulablePod", kind, old, new) for kind in kinds]
            return
        pod.pod = new
        for kind in kinds:
            if pod.place == WAITING:
                self._requeue(pod, self._worth(pod, "UnschedulablePod", kind, old, new), now)

    def happen(self, resource: str, kind: str, old: Any, new: Any, now: int) -> None:
        """Let something happen in the cluster; only what some plugin wants to know of counts."""
        if not any(self._covers(each, resource, kind) for registered in self.plugins.values() for each in registered):
            return
        for pod in [pod for pod in self.pods if pod.place == WAITING]:
            gate_hears = any(self._covers(each, resource, kind) for each in self.plugins[self.gate_plugin])
            if not pod.gated or gate_hears:
                self._requeue(pod, self._worth(pod, resource, kind, old, new), now)
        for pod in self.pods:
            if pod.place == IN_FLIGHT:
                pod.missed.append((resource, kind, old, new))

    def activate(self, pod: NaivePod) -> None:
        if pod.place == WAITING:
            self._enter(pod, ACTIVE)
        elif pod.place in (BACKOFF, ERROR_BACKOFF):
            pod.place = ACTIVE
        elif pod.place == IN_FLIGHT:
            for each in self.pods:
                if each.place == IN_FLIGHT:
                    each.missed.append(("*", "All", None, pod.uid))

    def pass_time(self, begin: int, end: int) -> None:
        """Look at every millisecond that matters: whole seconds, and every 30 s from 0 on."""
        for now in range(math.ceil((begin + 1) / 1000) * 1000, end + 1, 1000):
            for pod in self.pods:
                if pod.place in (BACKOFF, ERROR_BACKOFF) and now / 1000 > self._backoff_second(pod):
                    pod.place = ACTIVE
            if now % 30_000 == 0:
                old = [pod for pod in self.pods if pod.place == WAITING and now - pod.since > 300_000]
                for pod in old:
                    if not pod.gated:
                        self._requeue(pod, "backoff", now)
                for pod in self.pods:
                    if old and pod.place == IN_FLIGHT:
                        pod.missed.append(("*", "All", None, None))

    def _in(self, place: str) -> list[NaivePod]:
        def key(pod: NaivePod) -> tuple[Any, ...]:
            rest = (-pod.priority, pod.since, pod.order)
            if place == ACTIVE:
                return rest
            second = self._backoff_second(pod)
            return (second, *rest) if place == BACKOFF else (second, pod.order)

        return sorted((pod for pod in self.pods if pod.place == place), key=key)

    def _backoff_second(self, pod: NaivePod) -> int:
        """Return the whole second in which a back-off ends; a pod that has not failed yet has none."""
        failures = pod.errors or pod.rejections
        if not failures:
            return -1
        return math.floor(pod.since / 1000 + min(10, 1 << (failures - 1)))

    def _requeue(self, pod: NaivePod, answer: str, now: int) -> None:
        if not answer:
            pod.place = WAITING
        elif answer == "backoff" and math.floor(now / 1000) <= self._backoff_second(pod):
            self._enter(pod, BACKOFF if pod.rejected or pod.pending else ERROR_BACKOFF)
        else:
            self._enter(pod, ACTIVE)

    def _enter(self, pod: NaivePod, place: str) -> None:
        pod.gated = self.gate(pod.pod)
        if pod.gated:
            pod.rejected.add(self.gate_plugin)
        pod.place = WAITING if pod.gated else place

    def _worth(self, pod: NaivePod, resource: str, kind: str, old: Any, new: Any) -> str:
        if resource == "*":
            return "backoff" if new in (None, pod.uid) else ""
        helped = set()
        for plugin in pod.rejected | pod.pending:
            for each in self.plugins[plugin]:
                if self._covers(each, resource, kind) and (each[2] is None or each[2](pod.pod, old, new)):
                    helped.add(plugin)
        if helped & pod.pending:
            return "now"
        return "backoff" if helped else ""

    @staticmethod
    def _covers(registration: Registration, resource: str, kind: str) -> bool:
        mine, kinds, _ = registration
        return (mine == resource or (mine == "Pod" and resource.endswith("Pod"))) and kind in kinds
