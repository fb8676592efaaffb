"""InterPodAffinity: worked examples; `test_topology_random` holds it against its naive twin."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import numpy as np
import pytest

from plugins.inter_pod_affinity import InterPodAffinity
from sched_core import NO_TERMS, Code, CycleState, Handle, InterPodAffinityArgs, Pod, PodInfo
from tests.plugins.tiny import Tiny, by_name, node, pod

Json = dict[str, Any]

ZONE, HOSTNAME = "zone", "kubernetes.io/hostname"
AFFINITY, ANTI, EXISTING = InterPodAffinity.reasons
WEB = {"matchLabels": {"app": "web"}}


def term(key: str = ZONE, selector: Json = WEB, **more: Any) -> Json:
    return {"topologyKey": key, "labelSelector": selector, **more}


def required(side: str, *terms: Json) -> Json:
    return {side: {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}


def preferred(side: str, weight: int, wanted: Json) -> Json:
    return {side: {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": weight, "podAffinityTerm": wanted}]}}


def labelled(name: str, labels: dict[str, str], namespace: str = "default", **spec: Any) -> Json:
    made = pod(name, **spec)
    made["metadata"] |= {"labels": labels, "namespace": namespace}
    return made


def plugin(tiny: Tiny, **args: Any) -> InterPodAffinity:
    made = InterPodAffinity(msgspec.convert(args, InterPodAffinityArgs))
    made.handle = Handle(tiny.cluster)
    return made


def waiting(tiny: Tiny, affinity: Json, **labels: str) -> PodInfo:
    return tiny.cluster.classes.info(msgspec.convert(labelled("waits", labels, affinity=affinity), Pod))


def told(tiny: Tiny, made: InterPodAffinity, info: PodInfo, state: CycleState | None = None) -> dict[str, str]:
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
            assert verdicts.unresolvable[row] == (found[tiny.nodes.names[row]] == AFFINITY)
    return found


def cluster(*pods: Json) -> Tiny:
    nodes = [node(name, labels={ZONE: name[0], HOSTNAME: name}) for name in ("a1", "a2", "b1")]
    return Tiny(*nodes, node("bare"), *pods)


def test_the_texts() -> None:
    assert InterPodAffinity.reasons == (
        "node(s) didn't match pod affinity rules",
        "node(s) didn't match pod anti-affinity rules",
        "node(s) didn't satisfy existing pods anti-affinity rules",
    )
    assert InterPodAffinity.without_pre_filter == 'error reading "PreFilterInterPodAffinity" from cycleState: not found'
    with pytest.raises(LookupError, match=r'^failed to read "PreScoreInterPodAffinity" from cycleState: not found$'):
        tiny = cluster()
        plugin(tiny).score(CycleState(), tiny.info(), tiny.nodes)


def test_affinity_wants_one_pod_that_matches_all_terms() -> None:
    tiny = cluster(
        labelled("1", {"app": "web"}, nodeName="a1"), labelled("2", {"app": "web", "tier": "x"}, nodeName="b1")
    )
    made = plugin(tiny)
    near = waiting(tiny, required("podAffinity", term()))
    assert told(tiny, made, near) == {"bare": AFFINITY}
    both = waiting(tiny, required("podAffinity", term(), term(HOSTNAME, {"matchLabels": {"tier": "x"}})))
    assert told(tiny, made, both) == {"a1": AFFINITY, "a2": AFFINITY, "bare": AFFINITY}
    away = waiting(tiny, required("podAntiAffinity", term(HOSTNAME)))
    assert told(tiny, made, away) == {"a1": ANTI, "b1": ANTI}


def test_the_first_of_a_group_goes_anywhere_with_the_label() -> None:
    tiny = cluster()
    made = plugin(tiny)
    first = waiting(tiny, required("podAffinity", term()), app="web")
    assert told(tiny, made, first) == {"bare": AFFINITY}
    other = waiting(tiny, required("podAffinity", term()), app="api")
    assert told(tiny, made, other) == dict.fromkeys(("a1", "a2", "b1", "bare"), AFFINITY)
    tiny.cluster.add_pod(msgspec.convert(labelled("1", {"app": "web"}, nodeName="b1"), Pod))
    assert told(tiny, made, first) == {"a1": AFFINITY, "a2": AFFINITY, "bare": AFFINITY}


def test_placed_pods_keep_others_away() -> None:
    tiny = cluster(labelled("1", {}, nodeName="a1", affinity=required("podAntiAffinity", term())))
    made = plugin(tiny)
    web = waiting(tiny, {}, app="web")
    assert told(tiny, made, web) == {"a1": EXISTING, "a2": EXISTING}
    api = waiting(tiny, {}, app="api")
    assert made.pre_filter(CycleState(), api, tiny.nodes).status.is_skip


def test_pods_without_any_affinity_are_not_concerned() -> None:
    tiny = cluster(labelled("1", {"app": "web"}, nodeName="a1"))
    info, state = waiting(tiny, {}, app="web"), CycleState()
    made = plugin(tiny)
    assert made.domain_terms(info, tiny.nodes) is NO_TERMS
    assert made.pre_filter(state, info, tiny.nodes).status.is_skip
    assert made.pre_score(state, info, tiny.nodes, np.arange(4)).is_skip
    assert made.remove_pod(state, info, info, 0).is_success and not state


def test_pods_can_be_counted_in_and_out() -> None:
    tiny = cluster(labelled("1", {"app": "web"}, nodeName="a1"))
    made, state = plugin(tiny), CycleState()
    info = waiting(tiny, required("podAntiAffinity", term(HOSTNAME)), app="web")
    assert made.pre_filter(state, info, tiny.nodes).status.is_success
    kept = copy.deepcopy(state)
    assert made.remove_pod(state, info, tiny.cluster.classes.info_of(0), tiny.nodes.row_of["a1"]).is_success
    assert told(tiny, made, info, state) == {}
    guard = msgspec.convert(labelled("2", {}, affinity=required("podAntiAffinity", term())), Pod)
    assert made.add_pod(state, info, guard, tiny.nodes.row_of["b1"]).is_success
    assert told(tiny, made, info, state) == {"b1": EXISTING}
    assert told(tiny, made, info, kept) == {"a1": ANTI}


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ({}, set()),
        ({"namespaces": ["other"]}, {"a1"}),
        ({"namespaceSelector": {}}, {"a1", "b1"}),
        ({"namespaceSelector": {"matchLabels": {"team": "b"}}}, {"a1"}),
        ({"namespaceSelector": {"matchLabels": {"team": "c"}}}, set()),
        # Asked about no labels, NotIn matches: every namespace is meant.
        (
            {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["b"]}]}},
            {"a1", "b1"},
        ),
    ],
)
def test_namespaces_of_the_pod_s_own_terms(more: Json, refused: set[str]) -> None:
    tiny = cluster(
        labelled("1", {"app": "web"}, "other", nodeName="a1"), labelled("2", {"app": "web"}, "third", nodeName="b1")
    )
    tiny.cluster.namespaces = {"default": {}, "other": {"team": "b"}, "third": {}}
    info = waiting(tiny, required("podAntiAffinity", term(HOSTNAME, **more)))
    assert set(told(tiny, plugin(tiny), info)) == refused


def test_namespace_selectors_of_placed_pods_see_the_labels_of_the_namespace() -> None:
    wanted = [{"key": "team", "operator": "NotIn", "values": ["a"]}]
    keeps = required("podAntiAffinity", term(HOSTNAME, namespaceSelector={"matchExpressions": wanted}))
    tiny = cluster(labelled("1", {}, "other", nodeName="a1", affinity=keeps))
    made, info = plugin(tiny), waiting(tiny, {}, app="web")
    assert told(tiny, made, info) == {"a1": EXISTING}  # a namespace that is not there has no labels
    tiny.cluster.namespaces = {"default": {"team": "a"}}
    assert made.pre_filter(CycleState(), info, tiny.nodes).status.is_skip


def scores(tiny: Tiny, made: InterPodAffinity, info: PodInfo) -> dict[str, int] | None:
    state = CycleState()
    if made.pre_score(state, info, tiny.nodes, np.arange(4)).is_skip:
        return None
    return by_name(tiny.nodes, made.score(state, info, tiny.nodes))


def test_scores_of_both_directions() -> None:
    tiny = cluster(
        labelled("1", {"app": "web"}, nodeName="a1"),
        labelled("2", {}, nodeName="a2", affinity=preferred("podAntiAffinity", 7, term(HOSTNAME))),
        labelled("3", {}, nodeName="b1", affinity=required("podAffinity", term())),
    )
    plain, near = waiting(tiny, {}, app="web"), waiting(tiny, preferred("podAffinity", 10, term()), app="web")
    assert scores(tiny, plugin(tiny), plain) == {"a1": 0, "a2": -7, "b1": 1, "bare": 0}
    assert scores(tiny, plugin(tiny), near) == {"a1": 10, "a2": 3, "b1": 1, "bare": 0}
    assert scores(tiny, plugin(tiny, hardPodAffinityWeight=0), plain) == {"a1": 0, "a2": -7, "b1": 0, "bare": 0}
    assert scores(tiny, plugin(tiny, hardPodAffinityWeight=50), plain) == {"a1": 0, "a2": -7, "b1": 50, "bare": 0}
    ignoring = plugin(tiny, ignorePreferredTermsOfExistingPods=True)
    assert scores(tiny, ignoring, plain) is None
    assert scores(tiny, ignoring, near) == {"a1": 10, "a2": 3, "b1": 1, "bare": 0}
    assert scores(tiny, plugin(tiny), waiting(tiny, {}, app="api")) is None


def test_weights_that_cancel_out_are_no_reason_to_skip() -> None:
    likes, loathes = preferred("podAffinity", 5, term()), preferred("podAntiAffinity", 5, term())
    tiny = cluster(labelled("1", {}, nodeName="a1", affinity=likes), labelled("2", {}, nodeName="a2", affinity=loathes))
    assert scores(tiny, plugin(tiny), waiting(tiny, {}, app="web")) == {"a1": 0, "a2": 0, "b1": 0, "bare": 0}


@pytest.mark.parametrize(
    ("raw", "normalized"),
    [([0, 29, 50], [0, 57, 100]), ([0, 1, 3], [0, 33, 100]), ([-3, 0, 4, 26], [0, 10, 24, 100]), ([5, 5], [0, 0])],
)
def test_normalisation_of_the_specification(raw: list[int], normalized: list[int]) -> None:
    tiny = cluster()
    assert [int(plugin(tiny).normalize_row(each, min(raw), max(raw))) for each in raw] == normalized
