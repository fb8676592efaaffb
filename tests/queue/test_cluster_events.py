"""Cluster events: their names, which registration covers which, and what a change of a pod or node is."""

from __future__ import annotations

from typing import Any

import pytest

from sched_core import ActionType, ClusterEvent, EventResource
from sched_core.framework.events import (
    ASSIGNED_POD_DELETE,
    FORCE_ACTIVATE,
    UNSCHEDULABLE_TIMEOUT,
    UNSCHEDULED_POD_UPDATE,
    node_scheduling_properties_change,
    pod_scheduling_properties_change,
)
from sched_core.framework.plugin import Plugin
from sched_core.queue import QueueingHintMap, build_queueing_hint_map
from tests.queue.toys import node, pod, profile, registration


def test_names() -> None:
    events = [ASSIGNED_POD_DELETE, UNSCHEDULED_POD_UPDATE, FORCE_ACTIVATE, UNSCHEDULABLE_TIMEOUT]
    events += [ClusterEvent(EventResource.CSINode, ActionType.Add), ClusterEvent("Node", ActionType.UpdateNodeTaint)]
    events.append(ClusterEvent("PersistentVolume", ActionType.All))
    assert [event.label for event in events] == [
        "AssignedPodDelete", "UnschedulablePodUpdate", "ForceActivate", "UnschedulableTimeout",
        "storage.k8s.io/CSINodeAdd", "NodeUpdateNodeTaint", "PersistentVolumeAll",
    ]  # fmt: skip


ADD, DELETE, LABEL, UPDATE, ALL = (
    ActionType.Add, ActionType.Delete, ActionType.UpdateNodeLabel, ActionType.Update, ActionType.All,
)  # fmt: skip


@pytest.mark.parametrize(
    ("registered", "happened", "covered"),
    [
        (("Node", ADD), ("Node", ADD), True),
        (("Node", ADD), ("Node", DELETE), False),
        (("Node", ADD | LABEL), ("Node", LABEL), True),
        (("Node", LABEL), ("Node", UPDATE), False),
        (("Node", UPDATE), ("Node", LABEL), True),
        (("Node", ALL), ("Node", UPDATE), True),
        (("Node", ADD), ("Pod", ADD), False),
        (("Pod", ADD), ("AssignedPod", ADD), True),
        (("Pod", ADD), ("UnschedulablePod", ADD), True),
        (("AssignedPod", ADD), ("Pod", ADD), False),
        (("*", ALL), ("AssignedPod", ADD), True),
        (("*", ADD), ("Node", ADD), True),
        (("*", ADD), ("Node", DELETE), False),
        (("Node", ALL), ("*", ALL), False),
    ],
)
def test_what_a_registration_covers(registered: Any, happened: Any, covered: bool) -> None:
    assert ClusterEvent(*registered).matches(ClusterEvent(*happened)) == covered


BIG = [{"name": "c", "resources": {"requests": {"cpu": "2", "memory": "1Gi"}}}]


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        ({}, {}, ["Update"]),
        ({}, {"labels": {"a": "b"}}, ["UpdatePodLabel"]),
        ({}, {"tolerations": [{"operator": "Exists"}]}, ["UpdatePodToleration"]),
        ({"schedulingGates": [{"name": "a"}, {"name": "b"}]}, {"schedulingGates": [{"name": "a"}]}, ["Update"]),
        ({"schedulingGates": [{"name": "a"}]}, {}, ["UpdatePodSchedulingGatesEliminated"]),
        ({}, {"status": {"resourceClaimStatuses": [{"name": "a"}]}}, ["UpdatePodGeneratedResourceClaim"]),
        ({"containers": BIG}, {"containers": [{"name": "c"}]}, ["UpdatePodScaleDown"]),
        ({"containers": [{"name": "c"}]}, {"containers": BIG}, ["Update"]),
        ({"overhead": {"cpu": "1"}}, {"overhead": {"cpu": "1500m"}}, ["Update"]),
        ({"overhead": {"cpu": "1"}}, {"overhead": {"cpu": "999m"}}, ["UpdatePodScaleDown"]),
        (
            {"containers": BIG, "labels": {"a": "b"}},
            {"containers": [{"name": "c"}], "tolerations": [{"operator": "Exists"}]},
            ["UpdatePodLabel", "UpdatePodScaleDown", "UpdatePodToleration"],
        ),
    ],
)
def test_changes_of_a_pod(old: Any, new: Any, kinds: list[str]) -> None:
    placements: list[tuple[dict[str, Any], str]] = [({}, "UnschedulablePod"), ({"nodeName": "n"}, "AssignedPod")]
    for placed, resource in placements:
        events = pod_scheduling_properties_change(pod(**new, **placed), pod(**old, **placed))
        assert events == [ClusterEvent(resource, ActionType[kind]) for kind in kinds]


READY = [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:00Z"}]


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        ({}, {}, []),
        ({}, {"labels": {"a": "b"}}, ["UpdateNodeLabel"]),
        ({}, {"spec": {"unschedulable": True}}, []),
        ({"spec": {"unschedulable": True}}, {}, ["UpdateNodeTaint"]),
        ({}, {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}, ["UpdateNodeTaint"]),
        ({"status": {"allocatable": {"cpu": "1"}}}, {"status": {"allocatable": {"cpu": "1000m"}}}, []),
        ({}, {"status": {"allocatable": {"cpu": "1"}}}, ["UpdateNodeAllocatable"]),
        ({"status": {"capacity": {"cpu": "1"}}}, {"status": {"capacity": {"cpu": "2"}}}, []),
        ({}, {"status": {"conditions": READY}}, ["UpdateNodeCondition"]),
        (
            {"status": {"conditions": READY}},
            {"status": {"conditions": [{**READY[0], "lastHeartbeatTime": "2026-01-01T00:00:10Z"}]}},
            [],
        ),
        ({}, {"status": {"declaredFeatures": ["X"]}}, ["UpdateNodeDeclaredFeature"]),
        (
            {"spec": {"unschedulable": True, "taints": [{"key": "a", "effect": "NoSchedule"}]}},
            {"labels": {"a": "b"}},
            ["UpdateNodeTaint", "UpdateNodeLabel", "UpdateNodeTaint"],
        ),
    ],
)
def test_changes_of_a_node(old: Any, new: Any, kinds: list[str]) -> None:
    events = node_scheduling_properties_change(node(**new), node(**old))
    assert events == [ClusterEvent("Node", ActionType[kind]) for kind in kinds]


def test_a_changed_annotation() -> None:
    old, new = node(), node()
    new.metadata.annotations = {"a": "b"}
    assert node_scheduling_properties_change(new, old) == [ClusterEvent("Node", ActionType.UpdateNodeAnnotation)]


def test_a_plugin_that_waits_for_nodes_is_also_told_of_taints() -> None:
    taint = ClusterEvent("Node", ActionType.UpdateNodeTaint)
    hints = QueueingHintMap(
        {"Asks": [registration("Node", ADD, lambda *_: 0)], "Knows": [registration("Node", ADD | taint.action_type)]}
    )
    assert hints.wanted(taint) == {"Asks": [None], "Knows": [None]}
    assert taint in hints.events_of("Asks") and taint not in hints.events_of("Knows")


def test_a_plugin_that_registers_nothing_by_itself_is_told_everything() -> None:
    class Silent(Plugin):
        name = "Silent"

        def queue_sort_key(self, pod: Any, timestamp: int, first: int) -> Any:
            return timestamp

    hints = build_queueing_hint_map(profile(Silent()))
    for resource in ("Pod", "Node", "PersistentVolumeClaim", "storage.k8s.io/StorageClass"):
        assert hints.wanted(ClusterEvent(resource, ActionType.Delete)) == {"Silent": [None], "Extender": [None]}
    assert hints.wanted(ClusterEvent("storage.k8s.io/VolumeAttachment", ActionType.Delete)) == {}
