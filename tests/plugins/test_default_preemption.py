"""DefaultPreemption: who is evicted, where, in which order nodes are compared, and what is said when nobody is."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from plugins.default_preemption import DefaultPreemption
from plugins.helper.victims import by_importance
from sched_core import NOT_STARTED, Cluster, Code, Decision, Engine, Pod, error, load_config, load_documents
from tests.plugins.tiny import Json, node

NO_CLAIMS = "no new claims to deallocate, preemption: "


def room(name: str, cpu: str = "4", pods: str = "10", **more: Any) -> Json:
    return {"apiVersion": "v1", **node(name, allocatable={"cpu": cpu, "memory": "8Gi", "pods": pods}, **more)}


def pod(name: str, cpu: str = "1", priority: int = 0, *, on: str = "", start: int | None = None, **more: Any) -> Json:
    """Return a pod; ``start`` is the second of a minute at which it started."""
    container: Json = {"name": "main", "resources": {"requests": {"cpu": cpu}}}
    if port := more.pop("port", None):
        container["ports"] = [{"containerPort": 1, "hostPort": port}]
    meta = {"name": name, "namespace": "default", "labels": more.pop("labels", {}), **more.pop("metadata", {})}
    status = more.pop("status", {}) | ({} if start is None else {"startTime": f"2026-01-01T00:00:{start:02d}Z"})
    spec = {"containers": [container], "priority": priority, "nodeName": on, **more}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status}


def budget(
    name: str, allowed: int, *, disrupted: Json | None = None, namespace: str = "default", **labels: str
) -> Json:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}},
        "status": {"disruptionsAllowed": allowed, "disruptedPods": disrupted or {}},
    }


def engine_of(*objects: Json, args: Json | None = None) -> Engine:
    config: Json = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
    if args is not None:
        config["profiles"] = [{"pluginConfig": [{"name": "DefaultPreemption", "args": args}]}]
    return Engine(Cluster.from_objects(load_documents(objects)), load_config(config), speed="cycle")


def record(raw: Json) -> Pod:
    return load_documents([raw]).pods[0]


def decide(*objects: Json, wanting: Json | None = None, **more: Any) -> Decision:
    """Decide on a pod of priority 100 that wants 4 cpu."""
    return engine_of(*objects, **more).evaluate(record(wanting or pod("new", "4", 100)))


def victims(decision: Decision) -> dict[str, list[str]]:
    assert decision.preemption is not None
    return {
        each.node: [key.removeprefix("default/") for key in each.victims] for each in decision.preemption.candidates
    }


def chosen(*objects: Json) -> str | None:
    return decide(room("a"), room("b"), *objects).nominated_node


def test_victims_are_reported_and_nobody_leaves() -> None:
    engine = engine_of(room("a"), pod("old", "3", on="a"))
    decision = engine.schedule(record(pod("new", "4", 100)))
    assert decision.node is None and decision.nominated_node == "a"
    assert decision.victims == ("default/old",)
    assert decision.message == "0/1 nodes are available: 1 Insufficient cpu."
    assert engine.cluster.nodes.pod_count.tolist() == [1]
    assert engine.preempt(decision) == []
    assert engine.cluster.nodes.pod_count.tolist() == [0]
    assert engine.schedule(record(pod("new", "4", 100))).nominated_node_used
    assert len(engine.nominator) == 0


def test_as_many_as_possible_come_back_the_most_important_first() -> None:
    old = [pod("p5", "1", 5, on="a", start=3), pod("p7", "2", 7, on="a", start=2), pod("late", "1", 5, on="a", start=9)]
    assert victims(decide(room("a"), *old, wanting=pod("new", "2", 100))) == {"a": ["p5", "late"]}
    assert victims(decide(room("a"), *old, wanting=pod("new", "1", 100))) == {"a": ["late"]}
    assert victims(decide(room("a"), *old, wanting=pod("new", "4", 100))) == {"a": ["p7", "p5", "late"]}


def test_pods_of_the_same_priority_are_never_victims() -> None:
    decision = decide(room("a"), pod("old", "4", 100, on="a"))
    assert decision.nominated_node == "" and victims(decision) == {}
    assert decision.message.endswith(
        f"{NO_CLAIMS}0/1 nodes are available: 1 No preemption victims found for incoming pod."
    )


def test_a_node_where_it_does_not_help_says_why() -> None:
    objects = [room("a"), pod("low", "1", 0, on="a"), pod("high", "3", 200, on="a")]
    objects += [room("b", cpu="2"), room("c"), pod("peer", "4", 100, on="c")]
    text = (
        "1 Insufficient cpu, 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling"
    )
    assert decide(*objects).message.endswith(f"{NO_CLAIMS}0/3 nodes are available: {text}.")


def test_host_ports_are_freed() -> None:
    decision = decide(room("a"), pod("old", "1", on="a", port=80), wanting=pod("new", "1", 1, port=80))
    assert victims(decision) == {"a": ["old"]}


def test_too_many_pods_is_one_too_many() -> None:
    full = [pod("p1", "0", 1, on="a", start=1), pod("p2", "0", 2, on="a", start=2)]
    assert victims(decide(room("a", pods="2"), *full)) == {"a": ["p1"]}


# the comparisons, each decided by the one it is named after


def test_fewest_broken_budgets() -> None:
    assert chosen(pod("a1", "4", on="a", labels={"x": "y"}), budget("b", 0, x="y"), pod("b1", "4", 99, on="b")) == "b"


def test_lowest_priority_of_the_most_important_victim() -> None:
    assert chosen(pod("a1", "4", 8, on="a"), *(pod(f"b{n}", "1", 7, on="b", start=n) for n in range(4))) == "b"


def test_lowest_sum_of_priorities() -> None:
    both = [pod("a1", "2", 8, on="a", start=1), pod("a2", "2", 7, on="a", start=2)]
    assert chosen(*both, pod("b1", "2", 8, on="b", start=1), pod("b2", "2", 6, on="b", start=2)) == "b"


def test_fewest_victims() -> None:
    lowest = -(2**31)
    many = [pod("a1", "2", lowest, on="a", start=9), pod("a2", "2", lowest, on="a", start=9)]
    assert chosen(*many, pod("b1", "4", lowest, on="b", start=1)) == "b"


def test_latest_start_of_the_earliest_of_the_highest_priority() -> None:
    first = [pod("a1", "2", 5, on="a", start=4), pod("a2", "2", 5, on="a", start=50)]
    second = [pod("b1", "2", 5, on="b", start=5), pod("b2", "2", 5, on="b", start=6)]
    assert chosen(*first, *second) == "b"
    lower = [pod("b1", "2", 5, on="b", start=5), pod("b2", "2", 4, on="b", start=1)]
    assert chosen(pod("a1", "2", 5, on="a", start=4), pod("a2", "2", 4, on="a", start=50), *lower) == "b"
    assert chosen(pod("a1", "4", 5, on="a", start=4), pod("b1", "4", 5, on="b")) == "b"  # not started yet: now


def test_what_nothing_tells_apart_is_tied() -> None:
    decision = decide(room("b"), room("a"), pod("b1", "4", on="b", start=1), pod("a1", "4", on="a", start=1))
    assert decision.preemption is not None and decision.preemption.tied == ("b", "a")
    assert decision.nominated_node == "b"


def test_pods_that_have_not_started_come_last_and_in_reverse() -> None:
    starts = np.array([NOT_STARTED, 5, NOT_STARTED, 3, NOT_STARTED])
    assert by_importance(np.zeros(5, int), np.array([0, 0, 0, 0, 1]), starts).tolist() == [4, 3, 1, 2, 0]
    assert by_importance(np.array([0, 0, 1, 1, 1]), np.zeros(5, int), starts).tolist() == [1, 0, 3, 4, 2]


# budgets

LABELLED = [pod(f"p{n}", "1", 9 - n, on="a", start=n, labels={"x": "y", "n": str(n)}) for n in range(4)]


def test_the_last_pod_of_a_node_takes_the_place_of_one_that_leaves() -> None:
    """Which shows in the order of victims that nothing else tells apart; a pod that changes is the last."""
    engine = engine_of(room("a"), *(pod(name, on="a", start=5) for name in "wxyz"))
    assert victims(engine.evaluate(record(pod("new", "4", 100))))["a"] == ["w", "x", "y", "z"]
    engine.forget("default/w")
    engine.cluster.add_pod(record(pod("v", on="a", start=5)))
    assert victims(engine.evaluate(record(pod("new", "4", 100))))["a"] == ["z", "x", "y", "v"]
    engine.cluster.add_pod(record(pod("z", on="a", start=5, labels={"changed": ""})))
    assert victims(engine.evaluate(record(pod("new", "4", 100))))["a"] == ["v", "x", "y", "z"]


def broken(*budgets: Json) -> int:
    preemption = decide(room("a"), *LABELLED, *budgets).preemption
    assert preemption is not None
    return preemption.candidates[0].pdb_violations


def test_each_victim_takes_from_its_budget() -> None:
    assert broken() == 0
    assert broken(budget("b", 3, x="y")) == 1
    assert broken(budget("b", 4, x="y")) == 0
    assert broken(budget("one", 0, n="0"), budget("two", 0, n="1"), budget("both", 1, x="y")) == 4
    assert broken(budget("all", 2, x="y"), budget("first", 0, n="0")) == 3  # a broken one is charged further


def test_budgets_that_do_not_count() -> None:
    assert broken(budget("empty", 0)) == 0
    assert broken(budget("elsewhere", 0, namespace="team", x="y")) == 0
    assert broken(budget("b", 0, disrupted={"p1": "2026-01-01T00:00:00Z"}, x="y")) == 3
    assert broken({**budget("b", 0), "spec": {}}) == 0
    assert broken({**budget("b", 0), "spec": {"selector": {"matchLabels": {"x": 7}}}}) == 0


def test_those_who_would_break_a_budget_come_back_first() -> None:
    objects = [pod("high", "2", 9, on="a", start=1), pod("low", "2", 1, on="a", start=2, labels={"x": "y"})]
    assert victims(decide(room("a"), *objects, wanting=pod("new", "2", 10))) == {"a": ["low"]}
    assert victims(decide(room("a"), *objects, budget("b", 0, x="y"), wanting=pod("new", "2", 10))) == {"a": ["high"]}


# who may


def test_a_pod_that_may_not_preempt_keeps_its_nomination() -> None:
    decision = decide(room("a"), pod("old", "4", on="a"), wanting=pod("new", "4", 9, preemptionPolicy="Never"))
    assert decision.nominated_node is None and decision.preemption is not None and not decision.preemption.eligible
    assert decision.message.endswith(f"{NO_CLAIMS}not eligible due to preemptionPolicy=Never.")


LEAVING = {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]}
DELETED = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("metadata", "status", "waits"),
    [
        (DELETED, LEAVING, True),
        ({}, LEAVING, False),
        (DELETED, {}, False),
        (DELETED, {"conditions": [{**LEAVING["conditions"][0], "reason": "Eviction"}, *LEAVING["conditions"]]}, False),
        (DELETED, {"conditions": [{**LEAVING["conditions"][0], "status": "False"}]}, False),
    ],
)
def test_a_pod_waits_for_victims_that_are_leaving(metadata: Json, status: Json, waits: bool) -> None:
    old = pod("old", "4", on="a", metadata=metadata, status=status)
    wanting = pod("new", "4", 9, status={"nominatedNodeName": "a"})
    decision = decide(room("a"), old, wanting=wanting)
    assert (decision.nominated_node is None) is waits
    text = f"{NO_CLAIMS}not eligible due to a terminating pod on the nominated node."
    assert decision.message.endswith(text) is waits


def test_leaving_victims_do_not_matter_where_nothing_helps_or_nobody_is_nominated() -> None:
    old = pod("old", "4", on="a", metadata=DELETED, status=LEAVING)
    assert decide(room("a"), old).nominated_node == "a"
    cordoned = room("a", spec={"unschedulable": True})
    wanting = pod("new", "4", 9, status={"nominatedNodeName": "a"})
    assert decide(cordoned, old, room("b"), pod("other", "4", on="b"), wanting=wanting).nominated_node == "b"
    assert decide(room("b"), pod("other", "4", on="b"), wanting=wanting).nominated_node == "b"


def test_only_so_many_candidates_are_looked_for() -> None:
    objects = [each for n in range(4) for each in (room(f"n{n}"), pod(f"old-{n}", "4", 9 - n, on=f"n{n}"))]
    few = {"minCandidateNodesPercentage": 50, "minCandidateNodesAbsolute": 1}
    assert list(victims(decide(*objects, args=few))) == ["n0", "n1"]
    assert list(victims(decide(*objects))) == ["n0", "n1", "n2", "n3"]
    engine = engine_of(*objects, args=few)
    assert len(victims(engine.evaluate(record(pod("new", "4", 100)), all_nodes=True))) == 4
    broken = [pod(f"old-{n}", "4", 9 - n, on=f"n{n}", labels={"n": str(min(n, 2))}) for n in range(4)]
    rooms = [room(f"n{n}") for n in range(4)]
    rules = [budget("b0", 0, n="0"), budget("b1", 0, n="1")]
    assert list(victims(decide(*rooms, *broken, *rules, args=few))) == ["n2", "n0", "n1"]


def test_a_share_of_few_nodes_may_be_none() -> None:
    objects = [each for n in range(3) for each in (room(f"n{n}"), pod(f"old-{n}", "4", on=f"n{n}"))]
    decision = decide(*objects, args={"minCandidateNodesPercentage": 10, "minCandidateNodesAbsolute": 0})
    assert decision.message.endswith("preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.")


def test_a_filter_that_fails_in_every_dry_run_is_an_error() -> None:
    class Fragile(DefaultPreemption):
        def _find(self, *arguments: Any) -> Any:
            return (), np.zeros((0, 5), int), Counter([error("boom"), error("boom"), error("bang")])

    decision = Engine(
        Cluster.from_objects(load_documents([room("a"), pod("old", "4", on="a")])),
        speed="cycle",
        plugins={"DefaultPreemption": Fragile},
    ).evaluate(record(pod("new", "4", 9)))
    assert decision.post_filter is not None and decision.post_filter.code == Code.Error
    assert decision.message.endswith("preemption: [boom, bang]")
