"""PodTopologySpread: worked examples; `test_topology_random` holds it against its naive twin."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest

from plugins.helper.logarithm import go_log
from plugins.pod_topology_spread import PodTopologySpread, ScoreState
from sched_core import NO_TERMS, Code, CycleState, Handle, PodInfo, PodTopologySpreadArgs
from sched_core.objects.others import Service
from tests.plugins.tiny import Tiny, by_name, node, pod

Json = dict[str, Any]

ZONE, HOSTNAME = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
REASON = "node(s) didn't match pod topology spread constraints"
MISSING = "node(s) didn't match pod topology spread constraints (missing required label)"


def running(name: str, where: str, **labels: str) -> Json:
    placed = pod(name, nodeName=where)
    placed["metadata"]["labels"] = labels or {"app": "web"}
    return placed


def hard(key: str = ZONE, skew: int = 1, **more: Any) -> Json:
    selector = {"matchLabels": {"app": "web"}}
    action = "DoNotSchedule"
    return {"maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": action, "labelSelector": selector, **more}


def soft(key: str = ZONE, skew: int = 1, **more: Any) -> Json:
    return hard(key, skew, **more) | {"whenUnsatisfiable": "ScheduleAnyway"}


def plugin(tiny: Tiny, **args: Any) -> PodTopologySpread:
    made = PodTopologySpread(msgspec.convert(args, PodTopologySpreadArgs))
    made.handle = Handle(tiny.cluster)
    return made


def waiting(tiny: Tiny, *constraints: Json, **labels: str) -> PodInfo:
    info = tiny.info("waits", topologySpreadConstraints=list(constraints))
    info.pod.metadata.labels = labels or {"app": "web"}
    return tiny.cluster.classes.info(info.pod)


def told(tiny: Tiny, made: PodTopologySpread, info: PodInfo, state: CycleState | None = None) -> dict[str, str]:
    """Return the nodes that are refused, with the reason; codes are held against it."""
    if state is None:
        state = CycleState()
        assert made.pre_filter(state, info, tiny.nodes).status.is_success
    verdicts = made.filter(state, info, tiny.nodes)
    assert verdicts.code == Code.Unschedulable and verdicts.unresolvable is not None
    found = {}
    for row, bits in enumerate(verdicts.bits.tolist()):
        if bits:
            found[tiny.nodes.names[row]] = verdicts.reasons[bits.bit_length() - 1]
            assert verdicts.unresolvable[row] == (found[tiny.nodes.names[row]] == MISSING)
    return found


@pytest.fixture
def tiny() -> Tiny:
    nodes = [node(name, labels={ZONE: name[0], HOSTNAME: name}) for name in ("a1", "a2", "b1")]
    pods = [running("1", "a1"), running("2", "a1"), running("3", "b1"), running("4", "b1", app="other")]
    return Tiny(*nodes, node("bare"), *pods)


def test_the_skew_counts_the_pod_itself(tiny: Tiny) -> None:
    made = plugin(tiny)
    assert told(tiny, made, waiting(tiny, hard())) == {"a1": REASON, "a2": REASON, "bare": MISSING}  # 2 + 1 - 1 > 1
    assert told(tiny, made, waiting(tiny, hard(skew=2))) == {"bare": MISSING}
    assert told(tiny, made, waiting(tiny, hard(), app="api")) == {"bare": MISSING}  # 2 + 0 - 1
    both = waiting(tiny, hard(skew=2), hard(HOSTNAME))
    assert told(tiny, made, both) == {"a1": REASON, "b1": REASON, "bare": MISSING}  # the minimum is a2's 0


def test_too_few_domains_make_the_minimum_zero(tiny: Tiny) -> None:
    made = plugin(tiny)
    assert told(tiny, made, waiting(tiny, hard(skew=2, minDomains=2))) == {"bare": MISSING}
    assert told(tiny, made, waiting(tiny, hard(skew=2, minDomains=3))) == {"a1": REASON, "a2": REASON, "bare": MISSING}


def test_an_empty_selector_counts_nobody_but_the_pod_itself(tiny: Tiny) -> None:
    made = plugin(tiny)
    info = waiting(tiny, hard(labelSelector={}))
    assert told(tiny, made, info) == {"bare": MISSING}  # 0 + 1 - 0
    state = CycleState()
    made.pre_filter(state, info, tiny.nodes)
    made.add_pod(state, info, info, tiny.nodes.row_of["a1"])  # counts here, upstream's quirk
    assert told(tiny, made, info, state) == {"a1": REASON, "a2": REASON, "bare": MISSING}
    made.remove_pod(state, info, info, tiny.nodes.row_of["a2"])
    assert told(tiny, made, info, state) == {"bare": MISSING}


def test_a_pod_without_constraints_is_skipped(tiny: Tiny) -> None:
    made, info, state = plugin(tiny), tiny.info(), CycleState()
    assert made.domain_terms(info, tiny.nodes) is NO_TERMS
    assert made.pre_filter(state, info, tiny.nodes).status.is_skip
    assert made.pre_score(state, info, tiny.nodes, np.arange(4)).is_skip
    assert made.add_pod(state, info, info, 0).is_success and not state


def test_default_constraints_need_a_service_or_an_owner(tiny: Tiny) -> None:
    made, info = plugin(tiny), tiny.info()
    info.pod.metadata.labels = {"app": "web"}
    service = {"metadata": {"name": "web", "namespace": "default"}, "spec": {"selector": {"app": "web"}}}
    tiny.cluster.add_object(msgspec.convert(service, Service))
    info = tiny.cluster.classes.info(info.pod)
    assert len(made.domain_terms(info, tiny.nodes).scores) == 2
    state = CycleState()
    assert made.pre_filter(state, info, tiny.nodes).status.is_skip  # the system's are soft
    assert made.pre_score(state, info, tiny.nodes, np.arange(4)).is_success
    hosts, zones = math.log(4 + 2), math.log(3 + 2)  # zones a, b and none
    raw = [2 * hosts + 2 + 2 * zones + 4, 0 + 2 + 2 * zones + 4, 1 * hosts + 2 + 1 * zones + 4, 0]
    expected = dict(zip(("a1", "a2", "b1", "bare"), map(round, raw), strict=True))
    assert by_name(tiny.nodes, made.score(state, info, tiny.nodes)) == expected
    tiny.cluster.remove_object("Service", "default/web")
    assert made.domain_terms(info, tiny.nodes) is NO_TERMS


def test_a_list_of_defaults_may_be_hard(tiny: Tiny) -> None:
    constraint = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule"}
    made = plugin(tiny, defaultingType="List", defaultConstraints=[constraint])
    service = {"metadata": {"name": "web", "namespace": "default"}, "spec": {"selector": {"app": "web"}}}
    tiny.cluster.add_object(msgspec.convert(service, Service))
    assert told(tiny, made, waiting(tiny)) == {"a1": REASON, "a2": REASON, "bare": MISSING}


def test_raw_scores_of_the_specification() -> None:
    zones = [node(f"n{zone}", labels={ZONE: str(zone), HOSTNAME: f"n{zone}"}) for zone in range(3)]
    tiny = Tiny(*zones, *(running(str(number), "n0") for number in range(3)))
    made, state = plugin(tiny), CycleState()
    info = waiting(tiny, soft(skew=5))
    assert made.pre_score(state, info, tiny.nodes, np.arange(3)).is_success
    assert made.score(state, info, tiny.nodes).tolist() == [9, 4, 4]  # 3 ln 5 + 4 = 8.83


@pytest.mark.parametrize(("nodes", "on_node", "in_zone", "score"), [(100, 0, 2, 9), (500, 1, 334, 550)])
def test_scores_of_the_system_defaults(nodes: int, on_node: int, in_zone: int, score: int) -> None:
    names = [f"n{number}" for number in range(nodes)]
    cluster = [node(name, labels={ZONE: str(number % 3), HOSTNAME: name}) for number, name in enumerate(names)]
    where = ["n0"] * on_node + ["n3"] * (in_zone - on_node)  # both are in zone 0
    tiny = Tiny(*cluster, *(running(str(number), name) for number, name in enumerate(where)))
    service = {"metadata": {"name": "web", "namespace": "default"}, "spec": {"selector": {"app": "web"}}}
    tiny.cluster.add_object(msgspec.convert(service, Service))
    made, state, info = plugin(tiny), CycleState(), waiting(tiny)
    assert made.pre_score(state, info, tiny.nodes, np.arange(nodes)).is_success
    assert made.score(state, info, tiny.nodes)[0] == score


def test_nodes_without_the_label_are_not_scored(tiny: Tiny) -> None:
    made, state, info = plugin(tiny), CycleState(), waiting(tiny, soft())
    assert made.pre_score(state, info, tiny.nodes, np.array([3, 2, 0])).is_success
    raw = made.score(state, info, tiny.nodes)[[3, 2, 0]]
    assert raw.tolist() == [0, 1, 3]  # ln 4 = 1.39
    assert made.normalize_score(state, info, raw).tolist() == [0, 133 - 33, 33]


@pytest.mark.parametrize(
    ("raw", "normalized"),
    [([4, 9, 17, 17], [100, 70, 23, 23]), ([6, 6], [100, 100]), ([0, 5], [100, 0]), ([0, 0], [100, 100])],
)
def test_normalisation_of_the_specification(tiny: Tiny, raw: list[int], normalized: list[int]) -> None:
    state, scores = CycleState(), np.array(raw)
    nobody = np.zeros(len(raw), np.bool_)
    state["PreScorePodTopologySpread"] = ScoreState(scores, nobody, np.arange(len(raw)))
    assert plugin(tiny).normalize_score(state, tiny.info(), scores).tolist() == normalized
    assert [int(plugin(tiny).normalize_row(each, min(raw), max(raw))) for each in raw] == normalized


def test_score_without_pre_score_says_so(tiny: Tiny) -> None:
    with pytest.raises(LookupError, match=r'^error reading "PreScorePodTopologySpread" from cycleState: not found$'):
        plugin(tiny).score(CycleState(), tiny.info(), tiny.nodes)
    assert PodTopologySpread.without_pre_filter == 'reading "PreFilterPodTopologySpread" from cycleState: not found'


def test_the_logarithm_is_near_the_library_s() -> None:
    differing = 0
    for number in range(2, 20_000):
        assert math.isclose(go_log(number), math.log(number), rel_tol=3e-16)
        differing += go_log(number) != math.log(number)
    assert 0 < differing < 2_000
    assert go_log(5) == 1.6094379124341003
