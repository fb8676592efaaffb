"""TaintToleration and NodeUnschedulable.

====  ===========================================================================
free  no taints
gpu   gpu=yes:NoSchedule
gone  node.kubernetes.io/not-ready:NoExecute
meh   slow:PreferNoSchedule, old=1:PreferNoSchedule, gpu=yes:PreferNoSchedule
====  ===========================================================================
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from plugins.node_unschedulable import NodeUnschedulable
from plugins.taint_toleration import TaintToleration
from sched_core import Code, CycleState
from tests.plugins.tiny import Tiny, by_name, node, refusals

GPU, NOT_READY = ("gpu", "yes", "NoSchedule"), ("node.kubernetes.io/not-ready", "", "NoExecute")
SLOW, OLD = ("slow", "", "PreferNoSchedule"), ("old", "1", "PreferNoSchedule")

REFUSED = (("node(s) had untolerated taint(s)",), Code.UnschedulableAndUnresolvable)
CORDONED = (("node(s) were unschedulable",), Code.UnschedulableAndUnresolvable)


def tainted(name: str, *taints: tuple[str, str, str]) -> dict[str, Any]:
    return node(
        name, spec={"taints": [{"key": key, "value": value, "effect": effect} for key, value, effect in taints]}
    )


@pytest.fixture
def tiny() -> Tiny:
    soft_gpu = ("gpu", "yes", "PreferNoSchedule")
    return Tiny(tainted("free"), tainted("gpu", GPU), tainted("gone", NOT_READY), tainted("meh", SLOW, OLD, soft_gpu))


def refused(tiny: Tiny, *tolerations: dict[str, str]) -> set[str]:
    found = refusals(tiny.nodes, TaintToleration().filter(CycleState(), tiny.info(tolerations=tolerations), tiny.nodes))
    assert set(found.values()) <= {REFUSED}
    return set(found)


def counted(tiny: Tiny, *tolerations: dict[str, str]) -> dict[str, int]:
    plugin, state, waiting = TaintToleration(), CycleState(), tiny.info(tolerations=tolerations)
    assert plugin.pre_score(state, waiting, tiny.nodes, np.arange(tiny.nodes.count)).is_success
    return by_name(tiny.nodes, plugin.score(state, waiting, tiny.nodes))


def test_hard_taints_keep_pods_away_and_soft_ones_do_not(tiny: Tiny) -> None:
    assert refused(tiny) == {"gpu", "gone"}


@pytest.mark.parametrize(
    ("toleration", "still_refused"),
    [
        ({"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}, {"gone"}),
        ({"key": "gpu", "value": "yes"}, {"gone"}),
        ({"key": "gpu", "value": "no"}, {"gpu", "gone"}),
        ({"key": "gpu", "operator": "Exists"}, {"gone"}),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, {"gpu", "gone"}),
        ({"operator": "Exists", "effect": "NoExecute"}, {"gpu"}),
        ({"operator": "Exists"}, set()),
        ({"key": "gpu", "operator": "Gt", "value": "0"}, {"gpu", "gone"}),
    ],
)
def test_tolerations(tiny: Tiny, toleration: dict[str, str], still_refused: set[str]) -> None:
    assert refused(tiny, toleration) == still_refused


def test_the_score_counts_soft_taints_that_are_not_borne(tiny: Tiny) -> None:
    assert counted(tiny) == {"free": 0, "gpu": 0, "gone": 0, "meh": 3}
    assert counted(tiny, {"key": "slow", "operator": "Exists"})["meh"] == 2
    assert counted(tiny, {"key": "slow", "operator": "Exists", "effect": "PreferNoSchedule"})["meh"] == 2
    assert counted(tiny, {"operator": "Exists"})["meh"] == 0


def test_a_toleration_of_another_effect_does_not_count_in_the_score(tiny: Tiny) -> None:
    assert counted(tiny, {"key": "slow", "operator": "Exists", "effect": "NoSchedule"})["meh"] == 3


def test_the_score_without_pre_score_fails_in_upstreams_words(tiny: Tiny) -> None:
    with pytest.raises(LookupError, match='failed to read "PreScoreTaintToleration" from cycleState: not found'):
        TaintToleration().score(CycleState(), tiny.info(), tiny.nodes)


@pytest.mark.parametrize(
    ("raw", "highest", "normalized"), [(0, 0, 100), (0, 3, 100), (1, 3, 67), (2, 3, 34), (3, 3, 0), (1, 1, 0)]
)
def test_few_soft_taints_are_best(raw: int, highest: int, normalized: int) -> None:
    assert TaintToleration.normalize_row(raw, 0, highest) == normalized


def test_signatures_tell_tolerations_apart(tiny: Tiny) -> None:
    plugin = TaintToleration()
    one, other = {"key": "gpu", "operator": "Exists"}, {"key": "slow", "operator": "Exists"}
    assert plugin.sign_pod(tiny.info(tolerations=[one])) == plugin.sign_pod(tiny.info("other", tolerations=[one]))
    assert plugin.sign_pod(tiny.info(tolerations=[one])) != plugin.sign_pod(tiny.info(tolerations=[other]))
    assert isinstance(hash(plugin.sign_pod(tiny.info(tolerations=[one]))), int)


def test_cordoned_nodes_are_for_pods_that_bear_it() -> None:
    tiny = Tiny(node("a"), node("b", spec={"unschedulable": True}))
    plugin = NodeUnschedulable()
    bearing = tiny.info(tolerations=[{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}])
    assert refusals(tiny.nodes, plugin.filter(CycleState(), tiny.info(), tiny.nodes)) == {"b": CORDONED}
    assert refusals(tiny.nodes, plugin.filter(CycleState(), bearing, tiny.nodes)) == {}
    assert plugin.sign_pod(bearing) != plugin.sign_pod(tiny.info())


@pytest.mark.parametrize(
    ("toleration", "bears"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}, True),
        ({"key": "node.kubernetes.io/unschedulable", "effect": "NoExecute"}, False),
        ({"key": "node.kubernetes.io/unschedulable", "value": "true"}, False),
    ],
)
def test_what_bears_a_cordon(toleration: dict[str, str], bears: bool) -> None:
    tiny = Tiny(node("a", spec={"unschedulable": True}))
    verdicts = NodeUnschedulable().filter(CycleState(), tiny.info(tolerations=[toleration]), tiny.nodes)
    assert refusals(tiny.nodes, verdicts) == ({} if bears else {"a": CORDONED})
