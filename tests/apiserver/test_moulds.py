"""Pods that come out of a mould are those that the long way makes, and the long way is gone whenever it may matter."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cluster_shim.apiserver.registry import moulds
from cluster_shim.apiserver.registry.moulds import IRRELEVANT, Moulds
from cluster_shim.apiserver.request import Request, UserInfo
from tests.apiserver.whole import Client, looped, whole

PODS = "/api/v1/namespaces/default/pods"
SPEC: dict[str, Any] = {
    "containers": [{"name": "web", "image": "web:1", "resources": {"limits": {"cpu": "1000m"}}}],
    "priorityClassName": "system-cluster-critical",
}
HEADERS = [("content-type", "application/json"), ("user-agent", "made-by/1")]
ADMIN = UserInfo("admin", groups=("system:masters", "system:authenticated"))


def pod(spec: dict[str, Any] = SPEC, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.fixture
def cast(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the pods that came out of moulds."""
    names: list[str] = []
    real = Moulds.cast

    async def noted(self: Moulds, *args: Any) -> Any:
        entry = await real(self, *args)
        if entry is not None:
            names.append(entry.key.rpartition("/")[2])
        return entry

    monkeypatch.setattr(Moulds, "cast", noted)
    return names


@asynccontextmanager
async def serving() -> AsyncGenerator[Client, None]:
    async with whole() as client:
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        await post(client, account, "/api/v1/namespaces/default/serviceaccounts")
        yield client


async def post(
    client: Client, document: Any, path: str = PODS, user: UserInfo = ADMIN, query: tuple[tuple[str, str], ...] = ()
) -> tuple[int, dict[str, Any]]:
    body = document if isinstance(document, bytes) else json.dumps(document, separators=(",", ":")).encode()
    request = Request("POST", path, list(query), list(HEADERS), body, path, user=user)
    response = await client.server.handle(request, is_authenticated=True)
    return response.status, json.loads(response.body)


def common(answer: dict[str, Any]) -> str:
    """Return an answer without what each pod has of its own."""
    metadata = answer["metadata"]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", metadata.pop("uid"))
    times = {metadata.pop("creationTimestamp"), *(each.pop("time") for each in metadata["managedFields"])}
    assert len(times) == 1
    assert metadata.pop("name") and metadata.pop("resourceVersion")
    return json.dumps(answer)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"labels": {"app": "web"}, "annotations": {"a": "b"}, "namespace": "default"},
        {"ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "o", "uid": "u"}]},
    ],
)
def test_what_comes_out_of_a_mould_is_what_the_long_way_makes(cast: list[str], metadata: dict[str, Any]) -> None:
    @looped
    async def scenario() -> None:
        async with serving() as client:
            answers = [await post(client, pod(name=f"p{number}", **metadata)) for number in range(5)]
            assert [status for status, _ in answers] == [201] * 5
            assert cast == ["p2", "p3", "p4"]
            for number in range(5):
                got = await client("GET", f"{PODS}/p{number}")
                assert got.status == 200 and got.body == answers[number][1]
            assert len({common(answer) for _, answer in answers}) == 1

    scenario()


def test_generated_names(cast: list[str]) -> None:
    @looped
    async def scenario() -> None:
        async with serving() as client:
            answers = [await post(client, pod(generateName="web-")) for _ in range(4)]
            names = [answer["metadata"]["name"] for _, answer in answers]
            assert len(set(names)) == 4 and all(re.fullmatch("web-[a-z0-9]{5}", each) for each in names)
            assert cast == names[2:]

    scenario()


def test_refusals_are_those_of_the_long_way(cast: list[str]) -> None:
    @looped
    async def scenario() -> None:
        async with serving() as client:
            for number in range(3):
                await post(client, pod(name=f"p{number}"))
            assert cast == ["p2"]
            assert (await post(client, pod(name="p0")))[1]["reason"] == "AlreadyExists"
            assert (await post(client, pod(name="No Name")))[1]["reason"] == "Invalid"
            assert (await post(client, pod()))[1]["reason"] == "Invalid"
            assert (await post(client, pod(name="a", namespace="other")))[0] == 400
            nobody = UserInfo("nobody", groups=("system:authenticated",))
            assert (await post(client, pod(name="a"), user=nobody))[0] == 403
            status, _ = await post(client, pod(name="dry"), query=(("dryRun", "All"),))
            assert status == 201 and (await client("GET", f"{PODS}/dry")).status == 404
            body = json.dumps(pod(name="twice"), separators=(",", ":"))
            twice = body.replace('"image":"web:1"', '"image":"web:0","image":"web:1"').encode()
            assert (await post(client, twice))[0] == 201
            assert cast == ["p2"]

    scenario()


CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "account": (
        "/api/v1/namespaces/default/serviceaccounts",
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "other"}},
    ),
    "limits": (
        "/api/v1/namespaces/default/limitranges",
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "l"},
            "spec": {"limits": [{"type": "Container", "default": {"memory": "1Gi"}}]},
        },
    ),
    "quota": (
        "/api/v1/namespaces/default/resourcequotas",
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "4"}}},
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_what_the_long_way_reads_breaks_moulds(cast: list[str], what: str) -> None:
    @looped
    async def scenario() -> None:
        async with serving() as client:
            for number in range(3):
                await post(client, pod(name=f"p{number}"))
            assert cast == ["p2"]
            path, document = CHANGES[what]
            assert (await post(client, document, path))[0] == 201
            if what == "quota":  # which a controller counts first
                used = {**document, "status": {"hard": {"pods": "4"}, "used": {"pods": "3"}}}
                assert (await client("PUT", f"{path}/q/status", used)).status == 200
            answers = [await post(client, pod(name=f"q{number}")) for number in range(3)]
            assert cast == (["p2"] if what == "quota" else ["p2", "q2"])
            if what == "limits":
                limits = [answer["spec"]["containers"][0]["resources"]["limits"] for _, answer in answers]
                assert limits == [{"cpu": "1", "memory": "1Gi"}] * 3
            elif what == "quota":
                assert [status for status, _ in answers] == [201, 403, 403]

    scenario()


@pytest.mark.parametrize(
    "spec",
    [
        {**SPEC, "nodeName": "n"},
        {**SPEC, "schedulingGates": [{"name": "a.b/c"}]},
        {**SPEC, "volumes": [{"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}]},
        {**SPEC, "nodeSelector": {"quoted": '"'}},
    ],
)
def test_pods_that_no_mould_is_made_of(cast: list[str], spec: dict[str, Any]) -> None:
    @looped
    async def scenario() -> None:
        async with serving() as client:
            for number in range(4):
                await post(client, pod(spec, name=f"p{number}"))
            assert not cast

    scenario()


def test_users_and_managers_have_their_own(cast: list[str]) -> None:
    @looped
    async def scenario() -> None:
        async with serving() as client:
            for number in range(3):
                await post(client, pod(name=f"p{number}"))
            other = UserInfo("other", groups=ADMIN.groups)
            assert (await post(client, pod(name="q"), user=other))[0] == 201
            assert cast == ["p2"]

    scenario()


def test_nothing_that_admission_reads_is_called_irrelevant() -> None:
    """Every kind that is looked up while a pod is made."""

    @looped
    async def scenario() -> None:
        async with serving() as client:
            registry, read = client.server.registry, set[str]()
            get, list_ = registry.get, registry.list

            def noted(real: Any) -> Any:
                def call(group: str, resource: str, *more: str) -> Any:
                    row = registry.catalogue.first(group, resource)
                    assert row is not None
                    read.add(row.prefix)
                    return real(group, resource, *more)

                return call

            registry.get, registry.list = noted(get), noted(list_)  # type: ignore[method-assign]
            for kind, spec in {
                "plain": SPEC,
                "runtime": {**SPEC, "runtimeClassName": "none"},
                "mounts": {**SPEC, "serviceAccountName": "default"},
            }.items():
                await post(client, pod(spec, name=kind))
            assert {"/registry/namespaces/", "/registry/serviceaccounts/", "/registry/priorityclasses/"} <= read
            assert not read & IRRELEVANT

    scenario()


def test_moulds_are_bounded(cast: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moulds, "_MAX", 3)

    @looped
    async def scenario() -> None:
        async with serving() as client:
            for number in range(10):
                for again in range(3):
                    await post(client, pod({**SPEC, "hostname": f"h{number}"}, name=f"p{number}-{again}"))
            kept = client.server.registry.moulds
            assert len(kept._moulds) <= 3 and len(kept._once) <= 3

    scenario()
