"""Binding and eviction: what becomes of the pod and of its budget."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.registry import binding, eviction, objects
from tests.apiserver.admission.writes import named, pod
from tests.apiserver.fakes import FakeObjects

NOW = "2026-01-02T03:04:05Z"


def node(name: str = "x", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", **metadata}, "target": {"kind": "Node", "name": name}}


def test_a_bound_pod_has_node_condition_labels_and_annotations() -> None:
    waiting = pod()
    waiting["metadata"]["labels"] = {"a": "b", "c": "d"}
    waiting["status"] = {
        "nominatedNodeName": "y",
        "conditions": [{"type": "PodScheduled", "status": "False", "lastTransitionTime": "before", "reason": "r"}],
    }
    result = binding.bound(waiting, node(labels={"c": "e"}, annotations={"f": "g"}), NOW)
    assert result["spec"]["nodeName"] == "x"
    assert result["metadata"]["labels"] == {"a": "b", "c": "e"}
    assert result["metadata"]["annotations"] == {"f": "g"}
    assert result["status"] == {
        "conditions": [
            {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": NOW},
        ]
    }
    assert "nodeName" not in waiting["spec"]


@pytest.mark.parametrize(
    ("spec", "metadata", "message"),
    [
        ({"nodeName": "y"}, {}, 'pod p is already assigned to node "y"'),
        ({"schedulingGates": [{"name": "g"}]}, {}, "pod p has non-empty .spec.schedulingGates"),
        ({}, {"deletionTimestamp": NOW}, "pod p is being deleted, cannot be assigned to a host"),
    ],
)
def test_a_pod_that_cannot_be_bound(spec: dict[str, Any], metadata: dict[str, Any], message: str) -> None:
    refused = pod(**spec)
    refused["metadata"] |= metadata
    with pytest.raises(APIError) as error:
        binding.bound(refused, node(), NOW)
    assert error.value.message == f'Operation cannot be fulfilled on pods/binding "p": {message}'


WAITING: dict[str, Any] = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {
        "name": "p",
        "labels": {"a": "b", "c": "d"},
        "uid": "u-1",
        "managedFields": [{"manager": 'm"', "fieldsV1": {'f:{"x":"y"}': {}}}],
    },
    "spec": {"containers": [{"name": "c"}], "tolerations": None},
    "status": {"phase": "Pending", "nominatedNodeName": "y"},
}


@pytest.mark.parametrize(
    "wanted",
    [
        node(),
        node(uid="u-1"),
        node('no"de'),
        node(labels={"c": "e"}, annotations={"f": "g"}),
        {"metadata": {"name": "p"}, "target": {"name": "x"}},
    ],
)
@pytest.mark.parametrize("status", [{}, {"conditions": [{"type": "PodScheduled", "status": "False"}]}])
def test_a_pod_that_is_bound_as_text_is_the_same(wanted: dict[str, Any], status: dict[str, Any]) -> None:
    waiting = {**WAITING, "status": {**WAITING["status"], **status}}
    expected = objects.encoded(binding.bound(waiting, wanted, NOW))
    assert binding.bound_text(objects.encoded(waiting), wanted, NOW) == expected


@pytest.mark.parametrize(
    ("pod", "wanted"),
    [
        ({"spec": {"nodeName": "y"}}, node()),
        ({"spec": {"schedulingGates": [{"name": "g"}]}}, node()),
        ({"spec": {}}, node()),
        ({"metadata": {**WAITING["metadata"], "deletionTimestamp": NOW}}, node()),
        ({"status": None}, node()),
        ({"more": 1}, node()),
        ({}, node(uid="u-2")),
        ({}, node(resourceVersion="1")),
    ],
)
def test_a_pod_that_has_to_be_read_to_be_bound(pod: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert binding.bound_text(objects.encoded({**WAITING, **pod}), wanted, NOW) is None


def test_what_a_binding_may_say() -> None:
    assert binding.problems(node()) == []
    wrong = {"metadata": {"name": "p"}, "target": {"kind": "Pod"}}
    assert [each.message() for each in binding.problems(wrong)] == [
        'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"',
        "target.name: Required value",
    ]


def budget(name: str = "b", **status: Any) -> dict[str, Any]:
    found = named(name, "n", spec={"selector": {}}, status={"observedGeneration": 1, **status})
    found["metadata"]["generation"] = 1
    return found


def running(ready: str = "True") -> dict[str, Any]:
    return {**pod(), "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}}


def charge(objects: FakeObjects, evicted: dict[str, Any], dry_run: bool = False) -> str | None:
    return asyncio.run(eviction.charge(objects, evicted, NOW, dry_run))


def budgets(*each: dict[str, Any]) -> FakeObjects:
    return FakeObjects(*(("policy", "poddisruptionbudgets", one) for one in each))


def status(objects: FakeObjects) -> dict[str, Any]:
    found = objects.get("policy", "poddisruptionbudgets", "n", "b")
    assert found is not None
    result: dict[str, Any] = found["status"]
    return result


def test_a_budget_is_charged_until_it_is_empty() -> None:
    objects = budgets(budget(disruptionsAllowed=2, currentHealthy=4, desiredHealthy=2))
    charge(objects, running(), dry_run=True)
    assert status(objects)["disruptionsAllowed"] == 2
    charge(objects, running())
    assert "conditions" not in status(objects)
    charge(objects, running())
    assert status(objects)["disruptedPods"] == {"p": NOW}
    assert status(objects)["conditions"][0]["reason"] == "InsufficientPods"
    with pytest.raises(APIError) as error:
        charge(objects, running())
    assert error.value.code == 429
    assert error.value.headers == ()


@pytest.mark.parametrize(
    ("found", "message", "retry"),
    [
        (budget(observedGeneration=0), "The disruption budget b is still being processed by the server.", 10),
        (
            budget(desiredHealthy=3, currentHealthy=2),
            "The disruption budget b needs 3 healthy pods and has 2 currently",
            0,
        ),
        (
            budget(
                currentHealthy=9,
                conditions=[{"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "m"}],
            ),
            "The disruption budget b does not allow evicting pods currently because it failed sync: m",
            0,
        ),
    ],
)
def test_why_not(found: dict[str, Any], message: str, retry: int) -> None:
    with pytest.raises(APIError) as error:
        charge(budgets(found), running())
    details = error.value.status["details"]
    assert details["causes"] == [{"reason": "DisruptionBudget", "message": message}]
    assert details.get("retryAfterSeconds", 0) == retry


def test_several_budgets_are_a_defect_of_the_cluster() -> None:
    with pytest.raises(APIError) as error:
        charge(budgets(budget("b"), budget("c")), running())
    assert (error.value.code, error.value.message) == (500, eviction.MORE_THAN_ONE)


def test_pods_that_are_not_ready_may_go_where_the_budget_says_so() -> None:
    assert charge(budgets(), running("False")) is None
    assert charge(budgets(budget(desiredHealthy=1, currentHealthy=1)), running("False")) == "b"
    strict = budget(desiredHealthy=2, currentHealthy=1)
    with pytest.raises(APIError):
        charge(budgets(strict), running("False"))
    strict["spec"]["unhealthyPodEvictionPolicy"] = "AlwaysAllow"
    assert charge(budgets(strict), running("False")) == "b"


def test_a_budget_that_another_has_charged_is_read_again() -> None:
    class Contested(FakeObjects):
        conflicts = 1

        async def update(self, group: str, resource: str, obj: dict[str, Any], subresource: str = "") -> dict[str, Any]:
            if self.conflicts:
                self.conflicts -= 1
                other = budget(disruptionsAllowed=1, currentHealthy=3)
                self.add(group, resource, other)
            return await super().update(group, resource, obj, subresource)

    objects = Contested(("policy", "poddisruptionbudgets", budget(disruptionsAllowed=2, currentHealthy=3)))
    charge(objects, running())
    assert status(objects)["disruptionsAllowed"] == 0


def test_pods_that_need_no_budget() -> None:
    assert eviction.needs_no_budget({**pod(), "status": {"phase": "Pending"}})
    assert not eviction.needs_no_budget(running())
    assert eviction.keeps_version({**pod(), "status": {"phase": "Pending"}})
    assert not eviction.keeps_version({**pod(), "status": {"phase": "Failed"}})
