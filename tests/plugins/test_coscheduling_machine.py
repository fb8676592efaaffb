"""Coscheduling as a state machine: whatever happens in whatever order, no group is ever bound in part."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from plugins.coscheduling import LABEL
from tests.plugins.test_coscheduling import Gangs, group, member
from tests.scheduler.api import node, pod

GROUPS = {"g": 2, "h": 3, "i": 5}


class GangMachine(RuleBasedStateMachine):
    """Two nodes and three groups at first; pods, nodes and time come, pods that have no node go."""

    @initialize(percentage=st.sampled_from([0, 10, 100]), backoff=st.sampled_from([0, 3]), cpu=st.integers(1, 4))
    def start(self, percentage: int, backoff: int, cpu: int) -> None:
        groups = [group(name, members, scheduleTimeoutSeconds=members * 4) for name, members in GROUPS.items()]
        nodes = {"n0": str(cpu), "n1": "2"}
        self.here = Gangs(nodes, *groups, podGroupRejectPercentage=percentage, podGroupBackoffSeconds=backoff)
        self.members: Counter[str] = Counter()
        self.nodes = 2

    @rule(of=st.sampled_from(sorted(GROUPS)), cpu=st.sampled_from(["1", "1", "2"]), priority=st.integers(0, 2))
    def add_member(self, of: str, cpu: str, priority: int) -> None:
        self.members[of] += 1
        never: dict[str, Any] = {"preemptionPolicy": "Never"}  # else bound members would go for others
        self.here.add(member(f"{of}{self.members[of]}", of, cpu, priority=priority, **never))

    @rule()
    def add_other(self) -> None:
        self.members["other"] += 1
        self.here.add(pod(f"other{self.members['other']}", preemptionPolicy="Never"))

    @precondition(lambda self: self.nodes < 6)
    @rule(cpu=st.integers(1, 3))
    def add_node(self, cpu: int) -> None:
        self.here.scheduler.apply(node(f"n{self.nodes}", str(cpu)), self.here.now)
        self.nodes += 1
        self.here.settle()

    @rule(seconds=st.sampled_from([0.001, 1, 3, 9, 25, 310]))
    def wait(self, seconds: float) -> None:
        self.here.settle(seconds)

    @rule(data=st.data())
    def remove_one_without_a_node(self, data: st.DataObject) -> None:
        pending = sorted(key for key, each in self.here.api.pods.items() if not each.spec.node_name)
        if pending:
            self.here.api.remove(self.here.api.pods[data.draw(st.sampled_from(pending))])
            self.here.settle()

    @rule(data=st.data())
    def remove_one_of_no_group(self, data: st.DataObject) -> None:
        others = sorted(key for key, each in self.here.api.pods.items() if LABEL not in each.metadata.labels)
        if others:
            self.here.api.remove(self.here.api.pods[data.draw(st.sampled_from(others))])
            self.here.settle()

    @invariant()
    def all_of_a_group_or_none(self) -> None:
        pods = self.here.api.pods.values()
        bound = Counter(each.metadata.labels.get(LABEL) for each in pods if each.spec.node_name)
        assert all(bound[name] == 0 or bound[name] >= members for name, members in GROUPS.items())

    @invariant()
    def nodes_hold_who_is_bound_or_waits(self) -> None:
        here = self.here
        assert int(here.scheduler.cluster.nodes.pod_count.sum()) == len(here.bound) + len(here.waiting)


GangMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestGangMachine = GangMachine.TestCase
