"""Plugins in row form against the same in array form, and user plugins that are not as tame as the in-tree ones."""

from __future__ import annotations

import random
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sched_core import (
    SKIP,
    SUCCESS,
    UNRESOLVABLE,
    Batch,
    Code,
    CycleState,
    Engine,
    NodeColumns,
    Plugin,
    PodInfo,
    PreFilterResult,
    Speed,
    Status,
    Verdicts,
    kernel,
    load_config,
    percent,
    quotient,
    unresolvable,
)
from tests.engine.worlds import GPU, Json, cluster_of, node, places, pod, random_world, records, usage

SPEEDS: tuple[Speed, ...] = ("cycle", "fused", "incremental", "auto")
DASHED = "example.com/row-score"
STEP = 7


# The plugins ----------------------------------------------------------------------------------------------------------


@kernel(inline=True)
def free_share(used: Any, allocatable: Any) -> Any:
    """Return the free share of a resource in percent."""
    return percent(max(allocatable - used, 0), max(allocatable, 1))


class RowFilter(Plugin):
    """Keep some cpu and some places for pods free, with a reason for each."""

    name = "RowFilter"
    reasons = ("cpu reserve is used up", "place reserve is used up")

    def row_args(self, nodes: NodeColumns) -> Mapping[str, Any]:
        return {"reserve": np.array([500, 2])}

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> PreFilterResult:
        return PreFilterResult(SKIP) if pod.priority > 5 else PreFilterResult()

    @staticmethod
    def filter_row(pod: Any, node: Any, args: Any) -> Any:
        i = 1 if node.allocatable[0] - node.requested[0] - pod.requests[0] < args.reserve[0] else 0
        i |= 2 if node.allowed_pods - node.pod_count - 1 < args.reserve[1] else 0
        i |= UNRESOLVABLE if node.allocatable[0] < 3000 and i != 0 else 0
        return i


class RowScore(Plugin):
    """Score by cpu and memory with odd weights, in fractions, with names of its own and a helper."""

    name = DASHED

    def row_args(self, nodes: NodeColumns) -> Mapping[str, Any]:
        return {"rows": np.array([0, 1]), "weights": np.array([3, 4]), "half": np.float64(0.5)}

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, feasible: NDArray[np.int64]) -> Status:
        return SKIP if pod.requests[1] == 0 else SUCCESS

    @staticmethod
    def score_row(pod: Any, node: Any, args: Any) -> Any:
        c = 0
        for i in range(len(args.rows)):
            n = args.rows[i]
            used = node.nonzero_requested[n] + pod.score_requests[n]
            c += args.weights[i] * free_share(used, node.allocatable[n])
        row = quotient(c, STEP)
        return row / 2 + args.half * (node.pod_count % 2)


class Odd(Plugin):
    """For pods of high priority out of range on nodes with 6 cores or more, and on those with a host port in use."""

    name = "Odd"
    may_skip = False

    @staticmethod
    def score_row(pod: Any, node: Any, args: Any) -> Any:
        score = 1000 if (node.allocatable[0] > 5000) | (node.used_ports[0] != 0) else 50 - 10 * node.pod_count
        return score if pod.priority > 50 else 0


class Signed(Plugin):
    """Scores that a pod asks for in its annotations: ``raw`` for the nodes n0, n1, ...; ``gate`` keeps it away."""

    name = "Signed"

    def pre_enqueue(self, pod: PodInfo) -> Status:
        gate = pod.pod.metadata.annotations.get("gate")
        return unresolvable(f"waiting for {gate}") if gate else SUCCESS

    def sign_pod(self, pod: PodInfo) -> Hashable:
        return pod.pod.metadata.annotations.get("raw", "")

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> NDArray[np.float64]:
        wanted = [float(each) for each in pod.pod.metadata.annotations.get("raw", "0").split()]
        scores: NDArray[np.float64] = np.zeros(nodes.count)
        for number in range(3):
            if (row := nodes.row_of.get(f"n{number}")) is not None:
                scores[row] = wanted[number % len(wanted)]
        return scores

    @staticmethod
    def normalize_row(score: Any, lowest: Any, highest: Any) -> Any:
        return percent(score, max(highest, 1)) if highest > 1000 else score


PLUGINS: dict[str, type[Plugin]] = {"RowFilter": RowFilter, DASHED: RowScore, "Odd": Odd, "Signed": Signed}


def engine_with(
    objects: list[Json],
    speed: Speed,
    others: Mapping[str, type[Plugin]] | None = None,
    weights: Mapping[str, int] | None = None,
) -> Engine:
    """Return an engine with all plugins of this module in one profile, some of them replaced or added.

    One profile for all tests: what makes the plugins differ is in the pods, so only one module is compiled.
    """
    plugins = PLUGINS | dict(others or {})
    named = [
        {"name": name, "weight": (weights or {}).get(name, 1)} for name in ("NodeResourcesFit", "NodePorts", *plugins)
    ]
    enabled = [{"name": "PrioritySort"}, {"name": "DefaultBinder"}, *named]
    parts = {"plugins": {"multiPoint": {"disabled": [{"name": "*"}], "enabled": enabled}}}
    config: Json = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "percentageOfNodesToScore": 100,
        "profiles": [{"schedulerName": "default-scheduler", **parts}],
    }
    return Engine(cluster_of(objects), load_config(config), speed=speed, plugins=plugins)


# The same in both forms -----------------------------------------------------------------------------------------------


class ArrayFilter(Plugin):
    """RowFilter in array form."""

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> PreFilterResult:
        return PreFilterResult(SKIP) if pod.priority > 5 else PreFilterResult()

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        free = nodes.allocatable[0] - nodes.requested[0] - pod.requests[0]
        bits = (free < 500).astype(np.int64) | np.where(nodes.allowed_pods - nodes.pod_count - 1 < 2, 2, 0)
        return Verdicts(bits, RowFilter.reasons, Code.Unschedulable, nodes.allocatable[0] < 3000)


class ArrayScore(Plugin):
    """RowScore in array form."""

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, feasible: NDArray[np.int64]) -> Status:
        return SKIP if pod.requests[1] == 0 else SUCCESS

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> NDArray[np.float64]:
        total = np.zeros(nodes.count, np.int64)
        for resource, weight in ((0, 3), (1, 4)):
            whole = nodes.allocatable[resource]
            free = np.maximum(whole - nodes.nonzero_requested[resource] - pod.score_requests[resource], 0)
            total += weight * (100 * free // np.maximum(whole, 1))
        found: NDArray[np.float64] = total // 7 / 2 + 0.5 * (nodes.pod_count % 2)
        return found


ARRAYS: dict[str, type[Plugin]] = {"RowFilter": ArrayFilter, DASHED: ArrayScore}


@pytest.mark.parametrize("seed", range(8))
def test_row_form_equals_array_form(seed: int) -> None:
    rng = random.Random(seed)
    count = rng.choice([3, 40, 200])
    world = random_world(
        rng, nodes=count, classes=rng.choice([3, 30, 90]), pods=200, plain=True, profiles=["default-scheduler"]
    )
    for each in world.pods:
        each.spec.priority = rng.choice([0, 0, 10])
    arrays = engine_with(world.objects, "auto", ARRAYS, {DASHED: 3})
    expected = arrays.schedule_many(world.pods)
    assert expected.speed_used == {"cycle": 200} and len(set(expected.node_of.tolist())) > 2
    for speed in SPEEDS:
        rows = engine_with(world.objects, speed, None, {DASHED: 3})
        batch = rows.schedule_many(world.pods)
        assert batch.node_of.tolist() == expected.node_of.tolist(), speed
        assert batch.failures == expected.failures
        assert usage(rows.cluster) == usage(arrays.cluster) and places(rows.cluster) == places(arrays.cluster)
        assert speed in ("cycle", "auto") or batch.speed_used[speed] == 200


def test_row_form_scores_as_array_form() -> None:
    world = random_world(random.Random(3), nodes=30, classes=10, pods=10, plain=True, profiles=["default-scheduler"])
    arrays = engine_with(world.objects, "cycle", ARRAYS)
    rows = engine_with(world.objects, "cycle")
    for each in world.pods:
        one, other = arrays.evaluate(each), rows.evaluate(each)
        assert (
            one.feasible == other.feasible
            and one.message == other.message
            and one.total.tolist() == other.total.tolist()
        )
        assert {name: found.tolist() for name, found in one.raw_scores.items()} == {
            name: found.tolist() for name, found in other.raw_scores.items()
        }


# Scores that make no sense on some nodes ------------------------------------------------------------------------------


def at_all_speeds(
    objects: list[Json],
    pods: list[Json],
    priority: int,
    others: Mapping[str, type[Plugin]] | None = None,
    weights: Mapping[str, int] | None = None,
) -> Batch:
    """Schedule at all speeds, check that the outcome is the same, and return it."""
    results = []
    for one in pods:
        one["spec"]["priority"] = priority
    for speed in SPEEDS:
        engine = engine_with(objects, speed, others, weights)
        batch = engine.schedule_many(records(pods))
        results.append((batch, usage(engine.cluster), places(engine.cluster)))
        assert batch.node_of.tolist() == results[0][0].node_of.tolist(), speed
        assert batch.failures == results[0][0].failures, speed
        assert results[-1][1:] == results[0][1:], speed
    return results[0][0]


PORT: Json = {"ports": [{"containerPort": 80, "hostPort": 80}]}
INVALID = 'plugin "Odd" returns an invalid score {}, it should in the range of [0, 100] after normalizing'


def odd(objects: list[Json], pods: list[Json]) -> Batch:
    return at_all_speeds(objects, pods, 100)


def test_a_score_out_of_range_ends_the_attempt() -> None:
    batch = odd([node("a"), node("b", cpu="6")], [pod("p", {"cpu": "1"}), pod("q", {"cpu": "1"})])
    assert batch.node_of.tolist() == [-1, -1]
    assert [(each.message, each.error) for each in batch.failures.values()] == [(INVALID.format(1000), True)] * 2


def test_a_score_that_goes_out_of_range_in_the_middle() -> None:
    """Below zero as soon as a node has six pods; the attempts before went well."""
    batch = odd([node("a"), node("b")], [pod(f"p{number}", {"cpu": "100m"}) for number in range(14)])
    assert batch.node_of.tolist() == [*[0, 1] * 5, 0, -1, -1, -1]
    assert {each.message for each in batch.failures.values()} == {INVALID.format(-10)}


def test_the_score_of_the_only_feasible_node_is_not_looked_at() -> None:
    batch = odd([node("a", cpu="6"), node("b", cpu="1")], [pod("p", {"cpu": "2"}), pod("q", {"cpu": "2"})])
    assert batch.node_of.tolist() == [0, 0]


def test_the_score_of_a_refused_node_is_not_looked_at() -> None:
    ports = [pod(f"p{number}", {"cpu": "100m"}, container=PORT) for number in range(4)]
    batch = odd([node("a"), node("b"), node("c")], ports)
    assert batch.node_of.tolist() == [0, 1, 2, -1]
    assert not batch.failures[3].error


# Plugins with a signature ---------------------------------------------------------------------------------------------


def annotated(name: str, **annotations: str) -> Json:
    one = pod(name, {"cpu": "100m"})
    one["metadata"]["annotations"] = annotations
    return one


SIGNED = [node("n0"), node("n1"), node("n2")]


def signed(*pods: Json) -> Batch:
    return at_all_speeds(SIGNED, list(pods), 10, None, {"Signed": 100})


def test_pods_that_differ_in_what_the_signature_reads() -> None:
    raws = ["1 9 1", "1 1 9", "9 1 1", "1 9 1", "5"]
    batch = signed(*(annotated(f"p{number}", raw=raw) for number, raw in enumerate(raws)))
    assert batch.node_of.tolist() == [1, 2, 0, 1, 0]


def test_pods_that_differ_in_what_pre_enqueue_reads() -> None:
    batch = signed(annotated("a"), annotated("b", gate="quota"), annotated("c"))
    assert batch.node_of.tolist() == [0, -1, 1]
    assert batch.failures[1].message == "waiting for quota" and not batch.failures[1].error


@pytest.mark.parametrize(("raw", "told"), [("5 200 7", 200), ("200", 200), ("-5 3 1", -5), ("-1", -1)])
def test_normalized_scores_out_of_range(raw: str, told: int) -> None:
    batch = signed(
        annotated("a", raw="1 2 3"), annotated("b", raw=raw), annotated("c", raw=raw), annotated("d", raw="3 2 1")
    )
    assert batch.node_of.tolist() == [2, -1, -1, 0]
    text = f'plugin "Signed" returns an invalid score {told}, it should in the range of [0, 100] after normalizing'
    assert [(each.message, each.error) for each in batch.failures.values()] == [(text, True)] * 2


@pytest.mark.parametrize("raw", ["3 2147483653 5", "3 4294967301 4294967299", "7 9007199254740000 1"])
def test_raw_scores_beyond_int32(raw: str) -> None:
    assert signed(annotated("a", raw=raw), annotated("b", raw=raw)).node_of.tolist() == [1, 1]


def test_raw_scores_that_are_no_numbers() -> None:
    batch = signed(annotated("a", raw="1 nan 3"), annotated("b", raw="1 inf 3"), annotated("c", raw="1 2 3"))
    assert batch.node_of.tolist() == [-1, -1, 2]
    assert all(each.error and "finite number" in each.message for each in batch.failures.values())


class SignedByAmount(Plugin):
    """Reads how much a pod requests: pods that are alike but for that are not alike to it."""

    name = "Signed"

    def sign_pod(self, pod: PodInfo) -> Hashable:
        return int(pod.requests[0])

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = np.zeros(nodes.count)
        scores[nodes.row_of[f"n{int(pod.requests[0]) // 100 % 3}"]] = 100.0
        return scores

    normalize_row = Signed.normalize_row


def test_pods_that_differ_in_how_much_they_request() -> None:
    pods = [pod(f"p{number}", {"cpu": f"{number}00m"}) for number in (1, 2, 3, 4, 5, 1)]
    for number, each in enumerate(pods):
        each["metadata"]["name"] = f"p{number}"
    assert at_all_speeds(SIGNED, pods, 10, {"Signed": SignedByAmount}, {"Signed": 100}).node_of.tolist() == [
        1,
        2,
        0,
        1,
        2,
        1,
    ]


class Named(Odd):
    """A row-form plugin that names the only nodes worth a look, by a label of the pod."""

    name = "Odd"
    reasons = ("never",)

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> PreFilterResult:
        return PreFilterResult(node_names=frozenset(pod.pod.metadata.labels["to"].split("_")))


def test_pods_that_differ_in_the_nodes_that_pre_filter_names() -> None:
    pods = []
    for number, to in enumerate(["n1", "n2", "n1", "n0_n2", "n2_n9", "n9", "n0"]):
        pods.append(pod(f"p{number}", {"cpu": "100m"}))
        pods[-1]["metadata"]["labels"] = {"to": to}
    batch = at_all_speeds(SIGNED, pods, 100, {"Odd": Named})
    assert batch.node_of.tolist() == [1, 2, 1, 0, 2, -1, 0]
    assert batch.failures[5].reasons == {"node(s) didn't satisfy plugin(s) [Odd]": 3}


# Weights --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [2**24, 2**25, 2**31 - 1])
def test_totals_beyond_int32(weight: int) -> None:
    pods = [pod(f"p{number}", {"cpu": f"{1 + number // 3}00m"}) for number in range(9)]
    batch = at_all_speeds([node("a"), node("b"), node("c")], pods, 100, None, {"Odd": weight})
    assert batch.node_of.tolist() == [0, 1, 2] * 3


def test_devices_are_as_good_as_any_resource_to_a_row_function() -> None:
    class Devices(Plugin):
        def row_args(self, nodes: NodeColumns) -> Mapping[str, Any]:
            return {"device": nodes.resource_row(GPU)}

        @staticmethod
        def score_row(pod: Any, node: Any, args: Any) -> Any:
            wanted = node.requested[args.device] + pod.requests[args.device]
            return percent(wanted, max(node.allocatable[args.device], 1))

    engine = engine_with([node("a", {GPU: "4"}), node("b", {GPU: "8"})], "cycle", {"Devices": Devices})
    decision = engine.evaluate(records([pod("p", {GPU: "2"})])[0])
    assert decision.raw_scores["Devices"].tolist() == [50, 25]
