"""DynamicResources without claims and DefaultPreemption without victims: what messages say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from plugins.default_preemption import DefaultPreemption
from plugins.dynamic_resources import DynamicResources
from sched_core import Code, CycleState, NotSupported, PostFilterResult
from tests.plugins.tiny import Tiny, node, pod

U, UU = Code.Unschedulable, Code.UnschedulableAndUnresolvable


def diagnosis(*codes: Code) -> Any:
    return SimpleNamespace(codes=np.array(codes, np.int8), nodes_total=len(codes))


def preempt(tiny: Tiny, *codes: Code, **spec: Any) -> PostFilterResult:
    return DefaultPreemption().post_filter(CycleState(), tiny.info(**spec), tiny.nodes, diagnosis(*codes))


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        ((UU, UU, UU), "3 Preemption is not helpful for scheduling"),
        ((U, U, U), "3 No preemption victims found for incoming pod"),
        ((UU, U, UU), "1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling"),
        ((UU, U, U), "1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod"),
    ],
)
def test_nobody_has_to_leave(codes: tuple[Code, ...], text: str) -> None:
    tiny = Tiny(node("a"), node("b"), node("c"), pod("old", nodeName="b"))
    result = preempt(tiny, *codes)
    assert result.status.code == Code.Unschedulable
    assert result.status.message == f"preemption: 0/3 nodes are available: {text}."
    assert result.nominated_node == ""


def test_counts_are_sorted_as_text() -> None:
    tiny = Tiny(*(node(f"n{number}") for number in range(12)))
    text = "0/12 nodes are available: 10 No preemption victims found for incoming pod, "
    result = preempt(tiny, *[UU] * 2, *[U] * 10)
    assert result.status.message == f"preemption: {text}2 Preemption is not helpful for scheduling."


def test_pending_nodes_are_no_candidates() -> None:
    tiny = Tiny(node("a"))
    message = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    assert preempt(tiny, Code.Pending).status.message == message


def test_a_pod_that_may_not_preempt_keeps_its_nomination() -> None:
    result = preempt(Tiny(node("a")), U, preemptionPolicy="Never")
    assert result.status.code == Code.Unschedulable
    assert result.status.message == "preemption: not eligible due to preemptionPolicy=Never."
    assert result.nominated_node is None


def test_pods_of_lower_priority_on_a_candidate_are_refused_by_name() -> None:
    tiny = Tiny(node("a"), node("b"), pod("old", nodeName="b", priority=3))
    assert preempt(tiny, U, U, priority=3).status.message.endswith("2 No preemption victims found for incoming pod.")
    assert "1 Preemption is not helpful" in preempt(tiny, U, UU, priority=4).status.message
    with pytest.raises(NotSupported, match=r"default/web could preempt .* DefaultPreemption"):
        preempt(tiny, UU, U, priority=4)


def test_a_pod_without_claims_passes_and_has_nothing_to_deallocate() -> None:
    tiny, state, plugin = Tiny(node("a")), CycleState(), DynamicResources()
    assert plugin.pre_enqueue(tiny.info()).is_success
    assert plugin.pre_filter(state, tiny.info(), tiny.nodes).status.is_skip
    result = plugin.post_filter(state, tiny.info(), tiny.nodes, diagnosis(U))
    assert (result.status.code, result.status.message) == (Code.Unschedulable, "no new claims to deallocate")
    assert result.nominated_node is None


def test_post_filter_fails_when_pre_filter_never_ran() -> None:
    tiny = Tiny(node("a"))
    result = DynamicResources().post_filter(CycleState(), tiny.info(), tiny.nodes, diagnosis(UU))
    assert (result.status.code, result.status.message) == (Code.Error, "not found")


def test_a_pod_with_claims_is_refused_by_name() -> None:
    tiny, plugin = Tiny(node("a")), DynamicResources()
    claiming = tiny.info("train", resourceClaims=[{"name": "gpu", "resourceClaimName": "gpu-0"}])
    with pytest.raises(NotSupported, match=r"pod default/train has spec\.resourceClaims: DynamicResources"):
        plugin.pre_enqueue(claiming)
    with pytest.raises(NotSupported, match="DynamicResources"):
        plugin.pre_filter(CycleState(), claiming, tiny.nodes)
    assert plugin.sign_pod(claiming) != plugin.sign_pod(tiny.info())
