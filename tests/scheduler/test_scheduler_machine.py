"""The scheduler in random stories, held against what must be true of it at any time.

The API server of this story answers when it likes: bindings and deletions come to something at once, later or never,
informers lag behind, pods wait at Permit and take their time in PreBind.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sched_core import (
    SKIP,
    SUCCESS,
    Code,
    CycleState,
    Plugin,
    Pod,
    PodInfo,
    Status,
    error,
    pod_key,
    pod_uid,
    replaced,
    unschedulable,
)
from tests.scheduler.api import SECOND, node, pod, world

OUTCOMES = {"now": SUCCESS, "later": None, "error": error("conflict"), "refused": unschedulable("no")}
KINDS = ("plain", "plain", "big", "wait", "refuse", "slow")


class Toy(Plugin):
    """Has pods wait at Permit, refuses them, or takes its time in PreBind, as their labels say."""

    done: bool = False

    def permit(self, state: CycleState, pod: PodInfo, node_name: str) -> tuple[Status, float]:
        kind = pod.pod.metadata.labels["kind"]
        if kind == "refuse":
            return unschedulable("refused"), 0
        return (Status(Code.Wait), 3) if kind == "wait" else (SUCCESS, 0)

    def pre_bind_pre_flight(self, state: CycleState, pod: PodInfo, node_name: str) -> Status:
        return SUCCESS if pod.pod.metadata.labels["kind"] == "slow" else SKIP

    def pre_bind(self, state: CycleState, pod: PodInfo, node_name: str) -> Status:
        return SUCCESS if Toy.done else Status(Code.Wait)

    def concerns(self, pod: PodInfo) -> bool:
        return bool(pod.pod.metadata.labels["kind"] != "plain")


class SchedulerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        Toy.done = False
        self.scheduler, self.api = world(toy=Toy, at=("permit", "preBind"))
        self.now, self.number = 0, 0
        self.open: list[tuple[str, str]] = []

    @initialize(nodes=st.integers(1, 4))
    def begin(self, nodes: int) -> None:
        for number in range(nodes):
            self.scheduler.apply(node(f"n{number}", cpu="2"), 0)

    @rule(kind=st.sampled_from(KINDS), priority=st.integers(0, 2), outcome=st.sampled_from(sorted(OUTCOMES)))
    def create(self, kind: str, priority: int, outcome: str) -> None:
        self.number += 1
        name = f"p{self.number}"
        self.api.outcomes[name] = OUTCOMES[outcome]
        self.api.change(pod(name, "2" if kind == "big" else "1", labels={"kind": kind}, priority=priority))

    @rule(data=st.data(), again=st.booleans())
    def remove(self, data: Any, again: bool) -> None:
        gone = self.some_pod(data)
        if gone is not None:
            self.api.remove(gone)
            if again:  # by the same name
                spec = replaced(gone.spec, node_name="")
                self.number += 1
                meta = replaced(gone.metadata, uid=f"uid-again-{self.number}", deletion_timestamp=None)
                self.api.change(Pod(metadata=meta, spec=spec))

    @rule(data=st.data())
    def terminate(self, data: Any) -> None:
        known = self.some_pod(data)
        if known is not None:
            meta = replaced(known.metadata, deletion_timestamp="2026-01-01T00:00:00Z")
            self.api.change(replaced(known, metadata=meta))

    def some_pod(self, data: Any) -> Pod | None:
        keys = sorted(self.api.pods)
        return self.api.pods[data.draw(st.sampled_from(keys))] if keys else None

    @rule(data=st.data())
    def inform(self, data: Any) -> None:
        some = data.draw(st.integers(0, len(self.api.told)))
        rest = self.api.told[some:]
        self.api.told = self.api.told[:some]
        self.api.echo(self.scheduler, self.now)
        self.api.told += rest

    @rule(limit=st.sampled_from([None, None, 1, 3]))
    def run(self, limit: int | None) -> None:
        before = len(self.api.calls)
        self.scheduler.run(self.now, limit if limit is not None else 200)
        for call in self.api.calls[before:]:
            if call[0] in ("bind", "delete") and self.api.outcomes.get(call[1], SUCCESS) is None:
                self.open.append((call[0], call[1]))

    @rule(data=st.data(), good=st.booleans())
    def answer(self, data: Any, good: bool) -> None:
        if not self.open:
            return
        verb, name = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        status = SUCCESS if good else error("too bad")
        known = self.api.pods.get(f"default/{name}")
        if verb == "delete":
            if good and known is not None:
                self.api.remove(known)
            self.scheduler.deletion_finished(f"uid-{name}", status, self.now)
            return
        binding = next((uid for uid in self.scheduler._cycles._binding if uid == f"uid-{name}"), None)
        if binding is None:
            return
        if good and known is not None and pod_uid(known) == binding:
            where = self.scheduler._cycles._binding[binding].node_name
            self.api.bound(known, where)
        self.scheduler.binding_finished(binding, status, self.now)

    @rule(data=st.data(), allow=st.booleans())
    def decide(self, data: Any, allow: bool) -> None:
        waiting = self.scheduler.engine.profiles["default-scheduler"].handle.waiting_pods()
        if waiting:
            chosen = data.draw(st.sampled_from(waiting))
            chosen.allow("Toy") if allow else chosen.reject("Toy", "rejected")

    @rule(done=st.booleans())
    def let_pre_bind_end(self, done: bool) -> None:
        Toy.done = done

    @rule(name=st.sampled_from(["n0", "late"]), there=st.booleans())
    def change_nodes(self, name: str, there: bool) -> None:
        if there:
            self.scheduler.apply(node(name, cpu="2"), self.now)
        elif name in self.scheduler.cluster.nodes.row_of:
            self.scheduler.delete("Node", name, self.now)

    @rule(step=st.sampled_from([1, SECOND // 3, SECOND, 4 * SECOND, 40 * SECOND]))
    def wait(self, step: int) -> None:
        self.now += step

    @invariant()
    def everybody_is_somewhere_and_nobody_twice(self) -> None:
        handlers, queue = self.scheduler.handlers, self.scheduler.queue
        for key, known in handlers.pods.items():
            waits, uid = queue.get(key), pod_uid(known)
            if known.spec.node_name:
                assert waits is None and uid not in handlers.assumed
            elif waits is None and uid not in handlers.assumed:
                assert known.metadata.deletion_timestamp or uid in self.scheduler._cycles._binding
            else:
                assert waits is None or uid not in handlers.assumed
        assert len(queue) <= len(handlers.pods)

    @invariant()
    def only_waiting_pods_are_in_flight(self) -> None:
        waiting = self.scheduler.engine.profiles["default-scheduler"].handle.waiting_pods()
        in_flight = sorted(pod_uid(each) for each in self.scheduler.queue.in_flight.pods())
        assert in_flight == sorted(pod_uid(each.pod) for each in waiting)
        if not in_flight:
            assert self.scheduler.queue.in_flight.event_count == 0

    @invariant()
    def usage_is_that_of_the_placed_pods(self) -> None:
        handlers, nodes = self.scheduler.handlers, self.scheduler.cluster.nodes
        placed = [known for known in handlers.pods.values() if known.spec.node_name]
        placed += [each.placed for each in handlers.assumed.values()]
        cpu = Counter(dict.fromkeys(nodes.row_of, 0))
        for each in placed:
            requests = each.spec.containers[0].resources
            assert requests is not None
            cpu[each.spec.node_name] += int(requests.requests["cpu"]) * 1000
        counts = Counter(each.spec.node_name for each in placed)
        for name, row in nodes.row_of.items():
            assert nodes.requested[0, row] == cpu[name] and nodes.pod_count[row] == counts[name]

    @invariant()
    def nominated_pods_are_there_and_have_no_node(self) -> None:
        handlers, nominator = self.scheduler.handlers, self.scheduler.queue.nominator
        for name in nominator.nodes():
            for each in nominator.on(name):
                known = handlers.pod(each.key)
                assert known is not None and not known.spec.node_name
                assert pod_uid(known) not in handlers.assumed and pod_key(known) == each.key


TestScheduler = SchedulerMachine.TestCase
TestScheduler.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
