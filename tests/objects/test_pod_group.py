"""PodGroups of the scheduler-plugins project, as the loader takes them."""

from __future__ import annotations

import pytest

from sched_core import InvalidObjects, PodGroup, load_documents

GROUP = {
    "apiVersion": "scheduling.x-k8s.io/v1alpha1",
    "kind": "PodGroup",
    "metadata": {"name": "g"},
    "spec": {"minMember": 3, "minResources": {"cpu": "3", "memory": 1024}, "scheduleTimeoutSeconds": 10},
    "status": {"phase": "Scheduling", "running": 1, "scheduleStartTime": "2026-01-01T00:00:00Z"},
}


def test_a_group_is_loaded_with_its_namespace() -> None:
    (loaded,) = load_documents([GROUP]).others["PodGroup"]
    assert isinstance(loaded, PodGroup)
    assert (loaded.metadata.namespace, loaded.spec.min_member, loaded.spec.schedule_timeout_seconds) == (
        "default",
        3,
        10,
    )
    assert loaded.spec.min_resources == {"cpu": "3", "memory": 1024}
    assert loaded.status.phase == "Scheduling"


def test_the_group_of_kubernetes_itself_is_another_kind() -> None:
    assert load_documents([GROUP | {"apiVersion": "scheduling.k8s.io/v1alpha2"}]).ignored == {"PodGroup": 1}


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"minMember": -1}, "spec.minMember: -1 is less than 1"),
        ({"minResources": {"cpu": "-1"}}, "spec.minResources[cpu]: -1 is negative"),
        ({"minMember": "3"}, "spec.minMember: expected integer, got string"),
        ({"minMembers": 3}, "spec.minMembers: unknown field"),
    ],
)
def test_a_group_that_makes_no_sense_is_refused(spec: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidObjects) as caught:
        load_documents([GROUP | {"spec": spec}])
    assert f"PodGroup default/g: {problem}" in str(caught.value)
