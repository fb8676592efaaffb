"""The queue held against its naive twin in random stories: pods come, change, go, fail; nodes come; time passes."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from sched_core import Pod
from sched_core.framework.events import ActionType, ClusterEvent, EventResource, pod_scheduling_properties_change
from sched_core.queue import PeriodicFlushes, QueuedPodInfo
from tests.naive.queue import IN_FLIGHT, NaivePod, NaiveQueue, Registration
from tests.queue.toys import PLUGINS, handlers, node, pod

MILLISECOND = 10**6
ZONES = ("x", "y")
REJECTORS = ("Zones", "Crowded", "Eager")

EVERYTHING = frozenset(
    {"Add", "Delete", *(action.name or "" for action in ActionType if "Update" in (action.name or ""))}
)


def own(waiting: Pod, old: Any, new: Any) -> bool:
    return bool(waiting.metadata.uid == new.metadata.uid)


def zone(waiting: Pod, old: Any, new: Any) -> bool:
    return bool(waiting.metadata.labels.get("zone") == new.metadata.labels.get("zone"))


REGISTERED: dict[str, list[Registration]] = {
    "Gate": [("Pod", frozenset({"UpdatePodSchedulingGatesEliminated"}), own)],
    "Zones": [("Node", frozenset({"Add", "UpdateNodeLabel", "UpdateNodeTaint"}), zone)],
    "Crowded": [("Pod", frozenset({"Delete", "UpdatePodLabel"}), None)],
    "Eager": [("Node", frozenset({"Add", "Delete", "UpdateNodeTaint"}), None)],
    "PrioritySort": [(resource, EVERYTHING, None) for resource in ("Pod", "Node", "PersistentVolume")],
}
"""What the plugins of toys.py register, in the words of the twin; PrioritySort registers nothing: everything."""


class QueueMachine(RuleBasedStateMachine):
    """One pod in the queue is one pod in the twin, by uid."""

    def __init__(self) -> None:
        super().__init__()
        self.told = handlers(*PLUGINS)
        self.twin = NaiveQueue(REGISTERED, "Gate", lambda pod: bool(pod.spec.scheduling_gates))
        self.now = 0
        self.flushes = PeriodicFlushes(self.told.queue, 0)
        self.attempts: dict[str, tuple[QueuedPodInfo, NaivePod]] = {}
        self.number = 0
        self.version = 0

    names = Bundle("names")

    @property
    def nanoseconds(self) -> int:
        return self.now * MILLISECOND

    def twin_of(self, uid: str) -> NaivePod | None:
        return next((each for each in self.twin.pods if each.uid == uid), None)

    @rule(target=names, priority=st.integers(0, 2), zone=st.sampled_from(ZONES), gated=st.booleans())
    def add(self, priority: int, zone: str, gated: bool) -> str:
        self.number += 1
        name = f"p{self.number}"
        self.create(name, f"uid-{self.number}", priority, zone, gated)
        return name

    def create(self, name: str, uid: str, priority: int, zone: str, gated: bool) -> None:
        gates = [{"name": "g"}] if gated else []
        new = pod(name, uid=uid, labels={"zone": zone}, priority=priority, schedulingGates=gates)
        self.told.apply(new, self.nanoseconds)
        self.twin.add(new, uid, priority, self.now)

    @rule(name=names, zone=st.sampled_from(ZONES), gates=st.sampled_from([None, [], ["g"]]), tolerant=st.booleans())
    def update(self, name: str, zone: str, gates: list[str] | None, tolerant: bool) -> None:
        old = self.told.pod(f"default/{name}")
        if old is None:
            return
        self.version += 1
        names = [gate.name for gate in old.spec.scheduling_gates] if gates is None else gates
        new = pod(
            name, uid=old.metadata.uid, labels={"zone": zone}, version=f"v{self.version}",
            priority=old.spec.priority, schedulingGates=[{"name": each} for each in names],
            tolerations=[{"operator": "Exists"}] if tolerant else [],
        )  # fmt: skip
        kinds = [event.action_type.name or "" for event in pod_scheduling_properties_change(new, old)]
        self.told.apply(new, self.nanoseconds)
        twin = self.twin_of(new.metadata.uid)
        assert twin is not None
        self.twin.update(twin, new, kinds, self.now)

    @rule(name=names)
    def report_again(self, name: str) -> None:
        known = self.told.pod(f"default/{name}")
        if known is not None:
            self.told.apply(known, self.nanoseconds)

    @rule(name=names)
    def delete(self, name: str) -> None:
        known = self.told.pod(f"default/{name}")
        if known is None:
            return
        self.told.delete("Pod", f"default/{name}", self.nanoseconds)
        twin = self.twin_of(known.metadata.uid)
        if twin is not None and twin.place != IN_FLIGHT:
            self.twin.remove(twin)

    @rule(name=names, zone=st.sampled_from(ZONES))
    def recreate(self, name: str, zone: str) -> None:
        self.delete(name)
        self.number += 1
        self.create(name, f"uid-{self.number}", 1, zone, False)

    @rule()
    def pop(self) -> None:
        info, twin = self.told.queue.pop(), self.twin.pop()
        assert (info.uid if info else None) == (twin.uid if twin else None)
        if info is not None and twin is not None:
            assert info.attempts == twin.attempts
            self.attempts[info.uid] = (info, twin)

    @rule(
        data=st.data(),
        rejected=st.sets(st.sampled_from(REJECTORS)),
        pending=st.sets(st.sampled_from(REJECTORS)),
    )
    def end_attempt(self, data: Any, rejected: set[str], pending: set[str]) -> None:
        if not self.attempts:
            return
        info, twin = self.attempts.pop(data.draw(st.sampled_from(sorted(self.attempts))))
        back = self.told.handle_scheduling_failure(info, self.nanoseconds, frozenset(rejected), frozenset(pending))
        known = self.told.pod(info.key)
        assert back == (known is not None and known.metadata.uid == info.uid)
        if back:
            self.twin.fail(twin, known, rejected, pending, self.now)
        else:
            self.twin.remove(twin)

    @rule(data=st.data(), plugin=st.sampled_from(REJECTORS))
    def pop_and_reject(self, data: Any, plugin: str) -> None:
        self.pop()
        self.end_attempt(data, {plugin}, set())

    @rule(zone=st.sampled_from(ZONES), action=st.sampled_from(["Add", "UpdateNodeLabel", "UpdateNodeTaint", "Delete"]))
    def node_event(self, zone: str, action: str) -> None:
        changed = node("n", labels={"zone": zone})
        event = ClusterEvent(EventResource.Node, ActionType[action])
        self.told.queue.move_all_to_active_or_backoff_queue(event, None, changed, self.nanoseconds)
        self.twin.happen("Node", action, None, changed, self.now)

    @rule()
    def pod_leaves_a_node(self) -> None:
        gone = pod("running", nodeName="n")
        event = ClusterEvent(EventResource.AssignedPod, ActionType.Delete)
        self.told.queue.move_all_to_active_or_backoff_queue(event, gone, None, self.nanoseconds)
        self.twin.happen("AssignedPod", "Delete", gone, None, self.now)

    @rule(name=names)
    def activate(self, name: str) -> None:
        known = self.told.pod(f"default/{name}")
        if known is not None:
            self.told.queue.activate([known], self.nanoseconds)
            twin = self.twin_of(known.metadata.uid)
            assert twin is not None
            self.twin.activate(twin)

    @rule(step=st.one_of(st.integers(1, 1500), st.sampled_from([500, 1000, 2000, 4000, 30_000, 310_000])))
    def wait(self, step: int) -> None:
        before, self.now = self.now, self.now + step
        self.flushes.advance_to(self.nanoseconds)
        self.twin.pass_time(before, self.now)

    @invariant()
    def everybody_is_at_the_same_place(self) -> None:
        queue = self.told.queue
        waiting = list(queue.unschedulable_pods)
        ours = {
            "active": [info.uid for info in queue.active_q.list()],
            "backoff": [info.uid for info in queue.backoff_q.pod_backoff_q.list()],
            "errorBackoff": [info.uid for info in queue.backoff_q.pod_error_backoff_q.list()],
            "unschedulable": sorted(info.uid for info in waiting if not info.gated),
            "gated": sorted(info.uid for info in waiting if info.gated),
            "inFlight": sorted(each.metadata.uid for each in queue.in_flight.pods()),
        }
        assert ours == self.twin.state()

    @invariant()
    def no_events_are_kept_for_nobody(self) -> None:
        if not self.told.queue.in_flight:
            assert self.told.queue.in_flight.event_count == 0


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
