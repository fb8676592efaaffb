"""ResourceQuota: what is charged, what is refused, and that two writes at once do not share what is left."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.admission.plugin import Attributes
from cluster_shim.apiserver.admission.resource_quota import ResourceQuota
from cluster_shim.apiserver.admission.resource_quota.evaluators import SPECIAL
from tests.apiserver.admission.writes import named, pod, write
from tests.apiserver.fakes import FakeObjects


def quota(hard: dict[str, str], used: dict[str, str] | None = None, name: str = "q", **spec: Any) -> dict[str, Any]:
    status = {"hard": hard, "used": used if used is not None else dict.fromkeys(hard, "0")}
    return named(name, "n", spec={"hard": hard, **spec}, status=status)


def objects(*quotas: dict[str, Any]) -> FakeObjects:
    return FakeObjects(*(("", "resourcequotas", each) for each in quotas))


def charge(having: FakeObjects, *writes: Attributes) -> None:
    plugin = ResourceQuota(having)

    async def run() -> None:
        await asyncio.gather(*(plugin.validate(each) for each in writes))

    asyncio.run(run())


def used(having: FakeObjects, name: str = "q") -> dict[str, str]:
    found = having.get("", "resourcequotas", "n", name)
    assert found is not None
    result: dict[str, str] = found["status"]["used"]
    return result


def asking(cpu: str, **more: Any) -> dict[str, Any]:
    return pod(containers=[{"name": "c", "resources": {"requests": {"cpu": cpu}}}], **more)


def test_what_is_used_is_charged() -> None:
    having = objects(quota({"pods": "3", "requests.cpu": "2"}, {"pods": "1", "requests.cpu": "500m"}))
    charge(having, write("pods", asking("250m")))
    assert used(having) == {"pods": "2", "requests.cpu": "750m"}
    charge(having, write("pods", asking("250m"), dry_run=True))
    charge(having, write("configmaps", named("m", "n")))
    assert used(having) == {"pods": "2", "requests.cpu": "750m"}


def test_too_much_is_refused_in_upstreams_words() -> None:
    having = objects(quota({"pods": "9", "requests.cpu": "1"}, {"pods": "1", "requests.cpu": "900m"}))
    with pytest.raises(APIError) as refused:
        charge(having, write("pods", asking("200m")))
    assert refused.value.message == (
        'pods "p" is forbidden: exceeded quota: q, requested: requests.cpu=200m, used: requests.cpu=900m, '
        "limited: requests.cpu=1"
    )
    assert used(having) == {"pods": "1", "requests.cpu": "900m"}


def test_what_a_quota_counts_must_be_said() -> None:
    with pytest.raises(APIError) as refused:
        charge(objects(quota({"limits.memory": "1Gi", "requests.cpu": "1"})), write("pods", pod()))
    assert refused.value.message == (
        'pods "p" is forbidden: failed quota: q: must specify limits.memory for: c; requests.cpu for: c'
    )


def test_a_status_that_nobody_has_counted() -> None:
    with pytest.raises(APIError) as refused:
        charge(objects(quota({"pods": "1"}, {})), write("pods", pod()))
    assert refused.value.message == 'pods "p" is forbidden: status unknown for quota: q, resources: pods'


def test_writes_at_once_do_not_share_what_is_left() -> None:
    having = objects(quota({"count/configmaps": "3"}))
    writes = [write("configmaps", named(f"m{number}", "n")) for number in range(5)]
    plugin = ResourceQuota(having)

    async def run() -> list[Any]:
        return await asyncio.gather(*(plugin.validate(each) for each in writes), return_exceptions=True)

    results = asyncio.run(run())
    assert [result is None for result in results] == [True, True, True, False, False]
    assert used(having) == {"count/configmaps": "3"}


def test_a_conflict_is_tried_again() -> None:
    class Contested(FakeObjects):
        conflicts = 2

        async def update(self, group: str, resource: str, obj: dict[str, Any], subresource: str = "") -> dict[str, Any]:
            if self.conflicts:
                self.conflicts -= 1
                stored = dict(self.rows[self.key(group, resource, obj)])
                self.add(group, resource, stored)
            return await super().update(group, resource, obj, subresource)

    having = Contested(("", "resourcequotas", quota({"secrets": "5"})))
    charge(having, write("secrets", named("s", "n")))
    assert used(having) == {"secrets": "1"}


@pytest.mark.parametrize(
    ("spec", "new", "counted"),
    [
        ({"scopes": ["BestEffort"]}, pod(), True),
        ({"scopes": ["NotBestEffort"]}, pod(), False),
        ({"scopes": ["Terminating"]}, pod(activeDeadlineSeconds=5), True),
        ({"scopes": ["NotTerminating"]}, pod(activeDeadlineSeconds=5), False),
        ({"scopes": ["CrossNamespacePodAffinity"]}, pod(), False),
        (
            {"scopes": ["CrossNamespacePodAffinity"]},
            pod(
                affinity={
                    "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"namespaces": ["other"]}]}
                }
            ),
            True,
        ),
        (
            {
                "scopeSelector": {
                    "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["a"]}]
                }
            },
            pod(priorityClassName="a"),
            True,
        ),
        (
            {
                "scopeSelector": {
                    "matchExpressions": [{"scopeName": "PriorityClass", "operator": "NotIn", "values": ["a"]}]
                }
            },
            pod(priorityClassName="a"),
            False,
        ),
        ({"scopes": ["PriorityClass"]}, pod(), False),
    ],
)
def test_scopes(spec: dict[str, Any], new: dict[str, Any], counted: bool) -> None:
    having = objects(quota({"pods": "5"}, **spec))
    charge(having, write("pods", new))
    assert used(having) == {"pods": "1" if counted else "0"}


def usage(resource: str, obj: dict[str, Any], group: str = "") -> dict[str, str]:
    return {name: str(amount) for name, amount in SPECIAL[group, resource].usage(obj).items()}


def test_services() -> None:
    two = [{"port": 1}, {"port": 2, "nodePort": 30000}]
    assert usage("services", named("s", spec={"type": "NodePort", "ports": two})) == {
        "count/services": "1",
        "services": "1",
        "services.loadbalancers": "0",
        "services.nodeports": "2",
    }
    balancer = {"type": "LoadBalancer", "ports": two, "allocateLoadBalancerNodePorts": False}
    assert usage("services", named("s", spec=balancer))["services.nodeports"] == "1"


def test_another_type_is_charged_the_difference() -> None:
    hard = {"services": "1", "services.nodeports": "5"}
    having = objects(quota(hard, {"services": "1", "services.nodeports": "0"}))
    old = named("s", "n", spec={"type": "ClusterIP", "ports": [{"port": 1}]})
    new = named("s", "n", spec={"type": "NodePort", "ports": [{"port": 1}]})
    charge(having, write("services", new, old))
    assert used(having) == {"services": "1", "services.nodeports": "1"}


def test_claims_count_for_their_class() -> None:
    claim = named("c", spec={"storageClassName": "fast", "resources": {"requests": {"storage": "1500m"}}})
    assert usage("persistentvolumeclaims", claim) == {
        "persistentvolumeclaims": "1",
        "count/persistentvolumeclaims": "1",
        "fast.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
        "requests.storage": "2",
        "fast.storageclass.storage.k8s.io/requests.storage": "2",
    }


def test_pods_count_devices_and_overhead_and_not_when_they_have_ended() -> None:
    resources = {"requests": {"cpu": "1", "example.com/gpu": "2"}, "limits": {"example.com/gpu": "2"}}
    new = pod(containers=[{"name": "c", "resources": resources}], overhead={"cpu": "100m"})
    assert usage("pods", new) == {
        "count/pods": "1",
        "pods": "1",
        "cpu": "1100m",
        "requests.cpu": "1100m",
        "requests.example.com/gpu": "2",
    }
    assert usage("pods", {**new, "status": {"phase": "Failed"}}) == {"count/pods": "1"}
