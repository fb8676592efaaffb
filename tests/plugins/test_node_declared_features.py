"""NodeDeclaredFeatures."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.node_declared_features import NodeDeclaredFeatures
from sched_core import Code, CycleState
from tests.plugins.tiny import Tiny, node, refusals

RESTART, USERNS = "RestartAllContainersOnContainerExits", "UserNamespacesHostNetworkSupport"
RESTARTING = {"name": "c", "image": "app", "restartPolicyRules": [{"action": "RestartAllContainers"}]}
PLAIN = {"name": "d", "image": "app"}
REFUSED = (("node(s) didn't match Pod's required features",), Code.UnschedulableAndUnresolvable)


@pytest.fixture
def tiny() -> Tiny:
    return Tiny(
        node("none"),
        node("both", declaredFeatures=[RESTART, USERNS]),
        node("restart", declaredFeatures=[RESTART, "Another"]),
    )


@pytest.mark.parametrize(
    ("spec", "refused"),
    [
        ({"containers": [RESTARTING]}, {"none"}),
        ({"containers": [PLAIN], "initContainers": [RESTARTING]}, {"none"}),
        ({"hostNetwork": True, "hostUsers": False}, {"none", "restart"}),
        ({"containers": [RESTARTING], "hostNetwork": True, "hostUsers": False}, {"none", "restart"}),
    ],
)
def test_nodes_that_lack_a_feature_are_refused(tiny: Tiny, spec: dict[str, Any], refused: set[str]) -> None:
    plugin, waiting = NodeDeclaredFeatures(), tiny.info(**spec)
    assert plugin.pre_filter(CycleState(), waiting, tiny.nodes).status.is_success
    verdicts = plugin.filter(CycleState(), waiting, tiny.nodes)
    assert refusals(tiny.nodes, verdicts) == dict.fromkeys(refused, REFUSED)


@pytest.mark.parametrize(
    "spec", [{}, {"hostNetwork": True}, {"hostNetwork": True, "hostUsers": True}, {"hostUsers": False}]
)
def test_pods_that_need_nothing_are_skipped(tiny: Tiny, spec: dict[str, Any]) -> None:
    plugin, waiting = NodeDeclaredFeatures(), tiny.info(**spec)
    assert plugin.pre_filter(CycleState(), waiting, tiny.nodes).status.is_skip
    assert plugin.sign_pod(waiting) == frozenset()
