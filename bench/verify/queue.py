"""A script for the scheduling queue replayed: where the pods are is compared after each step.

Nothing is scheduled: the script says how attempts end. The rules of the golden data about time are kept here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from bench.verify.compare import first_difference
from bench.verify.outcome import Outcome
from bench.verify.read import Json, Queue, QueueStep
from sched_core import Cluster, Engine, InvalidObjects, load_documents
from sched_core.objects.records import AnyObject
from sched_core.queue import (
    EventHandlers,
    PeriodicFlushes,
    PriorityQueue,
    QueuedPodInfo,
)
from sched_core.queue.event_handlers import with_node

MILLISECOND = 10**6


class Script:
    """A queue, empty at first, and what a script does to it."""

    def __init__(self, scenario: Queue) -> None:
        self.name = scenario.name
        self.start = nanoseconds(scenario.start)
        cluster = Cluster()
        self.profiles = Engine(cluster, speed="cycle").profiles
        self.queue = PriorityQueue(self.profiles, cluster.classes.info)
        self.handlers = EventHandlers(self.queue, cluster, frozenset(self.profiles))
        self.flushes = PeriodicFlushes(self.queue, self.start)
        self.attempts: list[QueuedPodInfo] = []
        """Attempts that are going on, the oldest first."""

    def take(self, step: QueueStep) -> Json:
        """Let time pass, do what a step says, and return the state after it."""
        now = self.start + step.at * MILLISECOND
        self.flushes.advance_to(now)
        entry: Json = {}
        match step.op:
            case "add" | "update":
                self.handlers.apply(self._record(step), now)
            case "delete":
                kind = "Pod" if step.pod else "Node"
                self.handlers.delete(kind, step.pod or step.node, now)
            case "pop":
                info = self.queue.pop()
                entry["popped"] = info.key if info is not None else ""
                if info is not None:
                    entry["attempts"] = info.attempts
                    self.attempts.append(info)
            case "fail" | "error":
                plugins, pending = frozenset(step.plugins), frozenset(step.pending_plugins)
                self.handlers.handle_scheduling_failure(self._attempt(step.pod), now, plugins, pending)
            case "bind":
                self._bind(self._attempt(step.pod), step.node, now)
        return entry | self._state()

    def _bind(self, info: QueuedPodInfo, node_name: str, now: int) -> None:
        self.handlers.assume(info.pod, node_name)
        self.handlers.cluster.add_pod(with_node(info.pod, node_name))
        self.queue.done(info.uid)
        known = self.handlers.pod(info.key)
        if known is not None and known.metadata.uid == info.pod.metadata.uid:
            self.handlers.apply(with_node(known, node_name), now)

    def _attempt(self, key: str) -> QueuedPodInfo:
        """Return an attempt that ends; raises LookupError if there is none for this pod."""
        for info in self.attempts:
            if info.key == key:
                self.attempts.remove(info)
                return info
        raise LookupError(f"{key} is not in flight")

    def _record(self, step: QueueStep) -> AnyObject:
        assert step.object is not None
        objects = load_documents([step.object], source=self.name)
        others = (record for records in objects.others.values() for record in records)
        records: list[AnyObject] = [*objects.nodes, *objects.pods, *objects.namespaces, *others]
        return records[0]

    def _state(self) -> Json:
        queue = self.queue
        waiting = list(queue.unschedulable_pods)
        state = {
            "active": _keys(queue.active_q.list()),
            "backoff": _keys(queue.backoff_q.pod_backoff_q.list()),
            "errorBackoff": sorted(_keys(queue.backoff_q.pod_error_backoff_q.list())),
            "unschedulable": sorted(_keys(info for info in waiting if not info.gated)),
            "gated": sorted(_keys(info for info in waiting if info.gated)),
            "inFlight": sorted(_keys(self.attempts)),
        }
        return {name: pods for name, pods in state.items() if pods}


def replay_queue(scenario: Queue) -> Outcome:
    """Take the steps of a script until the queue is in another state than expected."""
    count = len(scenario.steps)
    script = Script(scenario)
    for index, (step, expected) in enumerate(zip(scenario.steps, scenario.expect, strict=True)):
        where = " ".join(part for part in (f"step {index}:", step.op, step.pod, step.node) if part)
        try:
            got = script.take(step)
        except (InvalidObjects, LookupError) as refusal:
            got = {"error": str(refusal)}
        if difference := first_difference(expected, got):
            return Outcome(count, index, where, difference, unit="steps")
    return Outcome(count, count, unit="steps")


def nanoseconds(time: str) -> int:
    """Return an RFC 3339 time as nanoseconds since the Unix epoch; raises ValueError."""
    moment = datetime.fromisoformat(time)
    passed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (passed.days * 86400 + passed.seconds) * 10**9 + passed.microseconds * 1000


def _keys(infos: Iterable[QueuedPodInfo]) -> list[str]:
    return [info.key for info in infos]
