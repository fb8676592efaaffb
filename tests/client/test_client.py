"""The client: every verb, over HTTP and in process, gives the same; errors and watches, too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path as File
from typing import Any

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.assembly import Assembly
from cluster_shim.apiserver.config import Config
from cluster_shim.apiserver.request import UserInfo
from cluster_shim.client.client import Client, Path
from cluster_shim.client.in_process import InProcess
from cluster_shim.client.kubeconfig import read

CONFIGMAPS, DEPLOYMENTS = Path("", "v1", "configmaps"), Path("apps", "v1", "deployments")
NODES, ACCOUNTS = Path("", "v1", "nodes"), Path("", "v1", "serviceaccounts")
JSON_PATCH = "application/json-patch+json"
Work = Callable[[Client], Awaitable[Any]]


async def against(kind: str, folder: File, work: Work) -> Any:
    """Return what comes of some work with a client of a new server."""
    assembly = Assembly(Config(data=folder, secure_port=0, durability="none"))
    server = await assembly.start()
    await assembly.listen()
    client = Client(InProcess(server) if kind == "in process" else read(assembly.kubeconfig).transport())
    try:
        async with asyncio.timeout(30):
            return await work(client)
    finally:
        await client.close()
        await assembly.stop()


@pytest.fixture(params=["HTTP", "in process"])
def outcome(request: pytest.FixtureRequest, tmp_path: File) -> Callable[[Work], Any]:
    """Return a function that gives what comes of some work over a transport."""
    return lambda work: asyncio.run(against(request.param, tmp_path, work))


def configmap(name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": data}


def names(found: Mapping[str, Any]) -> list[str]:
    return [each["metadata"]["name"] for each in found["items"]]


async def refusal(asked: Awaitable[Any]) -> tuple[int, str, str]:
    with pytest.raises(APIError) as error:
        await asked
    return error.value.code, error.value.reason, error.value.message


def test_every_verb(outcome: Callable[[Work], Any]) -> None:
    async def work(client: Client) -> None:
        made = await client.create(CONFIGMAPS, configmap("one", a="1"), "default")
        assert (made["kind"], made["apiVersion"], made["data"]) == ("ConfigMap", "v1", {"a": "1"})
        assert await client.get(CONFIGMAPS, "one", "default") == made
        updated = await client.update(CONFIGMAPS, {**made, "data": {"a": "2"}}, "default")
        assert updated["data"] == {"a": "2"}
        assert (await client.patch(CONFIGMAPS, "one", {"data": {"b": "3"}}, "default"))["data"] == {"a": "2", "b": "3"}
        operations = [{"op": "remove", "path": "/data/a"}]
        patched = await client.patch(CONFIGMAPS, "one", operations, "default", media_type=JSON_PATCH, dryRun="All")
        assert patched["data"] == {"b": "3"}
        assert (await client.get(CONFIGMAPS, "one", "default"))["data"] == {"a": "2", "b": "3"}
        assert (await client.delete(CONFIGMAPS, "one", "default"))["status"] == "Success"
        assert names(await client.list(CONFIGMAPS, "default")) == []

    outcome(work)


def test_lists_take_the_parameters_of_the_api(outcome: Callable[[Work], Any]) -> None:
    async def work(client: Client) -> None:
        for name, color in (("a", "red"), ("b", "blue"), ("c", "red")):
            node = {"metadata": {"name": name, "labels": {"color": color}}}
            await client.create(NODES, node)
        assert names(await client.list(NODES, labelSelector="color=red")) == ["a", "c"]
        assert names(await client.list(NODES, fieldSelector="metadata.name!=a")) == ["b", "c"]
        page = await client.list(NODES, limit=2)
        rest = await client.list(NODES, **{"limit": 2, "continue": page["metadata"]["continue"]})
        assert names(page) + names(rest) == ["a", "b", "c"]

    outcome(work)


def test_subresources(outcome: Callable[[Work], Any]) -> None:
    async def work(client: Client) -> None:
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        spec = {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": template}
        await client.create(DEPLOYMENTS, {"metadata": {"name": "web"}, "spec": spec}, "default")
        scale = await client.get(DEPLOYMENTS, "web", "default", "scale")
        assert scale["spec"] == {"replicas": 2}
        scale["spec"]["replicas"] = 3
        assert (await client.update(DEPLOYMENTS, scale, "default", "scale"))["spec"] == {"replicas": 3}
        status = {"status": {"replicas": 1}}
        assert (await client.patch(DEPLOYMENTS, "web", status, "default", "status"))["status"] == {"replicas": 1}
        await client.create(ACCOUNTS, {"metadata": {"name": "robot"}}, "default")
        token = await client.create(ACCOUNTS, {"spec": {"audiences": ["x"]}}, "default", "robot", "token")
        assert token["status"]["token"].count(".") == 2

    outcome(work)


def test_errors_are_those_of_the_server(outcome: Callable[[Work], Any]) -> None:
    async def work(client: Client) -> None:
        await client.create(CONFIGMAPS, configmap("one"), "default")
        assert await refusal(client.get(CONFIGMAPS, "two", "default")) == (
            404,
            "NotFound",
            'configmaps "two" not found',
        )
        exists = (409, "AlreadyExists", 'configmaps "one" already exists')
        assert await refusal(client.create(CONFIGMAPS, configmap("one"), "default")) == exists
        assert (await refusal(client.create(CONFIGMAPS, configmap("B"), "default")))[:2] == (422, "Invalid")
        assert (await refusal(client.list(CONFIGMAPS, fieldSelector="spec.x=y")))[:2] == (400, "BadRequest")
        unknown = Path("example.com", "v1", "boats")
        assert await refusal(client.list(unknown)) == (404, "", "404 page not found")
        precondition = client.delete(CONFIGMAPS, "one", "default", preconditions={"uid": "other"})
        assert (await refusal(precondition))[:2] == (409, "Conflict")

    outcome(work)


def test_a_watch_goes_on_from_a_list(outcome: Callable[[Work], Any]) -> None:
    async def work(client: Client) -> None:
        await client.create(CONFIGMAPS, configmap("before"), "default")
        version = (await client.list(CONFIGMAPS))["metadata"]["resourceVersion"]
        await client.create(CONFIGMAPS, configmap("seen"), "default")
        watch = client.watch(CONFIGMAPS, "default", version, timeoutSeconds=20)
        assert [await following(watch)] == [("ADDED", "seen")]
        await client.patch(CONFIGMAPS, "seen", {"data": {"a": "b"}}, "default")
        await client.delete(CONFIGMAPS, "seen", "default")
        assert [await following(watch), await following(watch)] == [("MODIFIED", "seen"), ("DELETED", "seen")]
        await watch.aclose()

    outcome(work)


async def following(watch: Any) -> tuple[str, str]:
    kind, found = await anext(watch)
    return kind, found["metadata"]["name"]


def test_a_watch_ends_when_its_time_is_over(outcome: Callable[[Work], Any]) -> None:
    async def work(client: Client) -> list[str]:
        await client.create(NODES, {"metadata": {"name": "a"}})
        return [found["metadata"]["name"] async for _, found in client.watch(NODES, timeoutSeconds=1)]

    assert outcome(work) == ["a"]


def test_a_watch_that_cannot_begin_is_refused(outcome: Callable[[Work], Any]) -> None:
    async def work(client: Client) -> tuple[int, str, str]:
        return await refusal(anext(client.watch(NODES, resource_version="x")))

    assert outcome(work)[2] == 'resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax'


def test_in_process_a_client_is_somebody(tmp_path: File) -> None:
    async def work() -> None:
        assembly = Assembly(Config())
        server = await assembly.start()
        try:
            ann = Client(InProcess(server, UserInfo("ann", groups=("system:authenticated",))))
            code, reason, message = await refusal(ann.list(NODES))
            assert (code, reason) == (403, "Forbidden")
            assert message.startswith('nodes is forbidden: User "ann" cannot list resource "nodes"')
        finally:
            await assembly.stop()

    asyncio.run(work())
