"""Deleting: what is said once, and what holds for one kind only."""

from __future__ import annotations

from typing import Any

from tests.apiserver.whole import Answer, looped, whole

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NAMES = {"plural": "namespaces", "singular": "namespace", "kind": "Namespace", "listKind": "NamespaceList"}
OPEN = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
DEFINITION = {
    "metadata": {"name": "namespaces.try.example"},
    "spec": {
        "group": "try.example",
        "scope": "Cluster",
        "names": NAMES,
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": OPEN}],
    },
}


def _is_established(answer: Answer) -> bool:
    conditions: list[dict[str, Any]] = (answer.body.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


@looped
async def test_a_custom_kind_called_namespace_is_a_kind_like_any_other() -> None:
    async with whole() as client:
        assert (await client("POST", DEFINITIONS, DEFINITION)).status == 201
        await client.until(f"{DEFINITIONS}/namespaces.try.example", _is_established)
        path = "/apis/try.example/v1/namespaces"
        for spec in ({"finalizers": ["a"]}, "text"):
            obj = {"kind": "Namespace", "apiVersion": "try.example/v1", "metadata": {"name": "n"}, "spec": spec}
            assert (await client("POST", path, obj)).status == 201
            assert (await client("DELETE", f"{path}/n")).status == 200
            assert (await client("GET", f"{path}/n")).status == 404


@looped
async def test_a_collection_goes_and_its_warning_comes_once() -> None:
    async with whole() as client:
        jobs = "/apis/batch/v1/namespaces/default/jobs"
        pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
        for number in range(40):
            job = {"metadata": {"name": f"j{number}"}, "spec": {"template": {"spec": pod}}}
            assert (await client("POST", jobs, job)).status == 201
        await client("DELETE", f"{jobs}/j0?propagationPolicy=Orphan")
        answer = await client("DELETE", jobs)
        assert (answer.status, len(answer.warnings)) == (200, 1)
        left = (await client("GET", jobs)).body["items"]
        assert all(each["metadata"].get("deletionTimestamp") for each in left)


@looped
async def test_a_pod_may_be_told_to_take_any_time_to_end() -> None:
    async with whole() as client:
        pods = "/api/v1/namespaces/default/pods"
        await client("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
        spec = {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}
        for name, grace in (("long", 2**63 - 1), ("longer", 10**11)):
            pod = {"metadata": {"name": name}, "spec": {**spec, "terminationGracePeriodSeconds": grace}}
            assert (await client("POST", pods, pod)).status == 201
            assert (await client("DELETE", f"{pods}/{name}")).status == 200
            found = (await client("GET", f"{pods}/{name}")).body["metadata"]
            assert found["deletionGracePeriodSeconds"] == grace
            assert found["deletionTimestamp"] > "2300"
            assert (await client("DELETE", f"{pods}/{name}?gracePeriodSeconds=0")).status == 200
