"""DynamicResources without claims: what messages say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from plugins.dynamic_resources import DynamicResources
from sched_core import Code, CycleState, NotSupported
from tests.plugins.tiny import Tiny, node

U, UU = Code.Unschedulable, Code.UnschedulableAndUnresolvable


def diagnosis(*codes: Code) -> Any:
    return SimpleNamespace(codes=np.array(codes, np.int8), nodes_total=len(codes))


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
