"""Two servers on one etcd of three members: they are one cluster, whichever of the five dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.client import client as api
from cluster_shim.client.client import Client
from tests.faults.process import Process
from tests.storage.etcd_server import Etcd, missing

MAPS, SERVICES = api.Path("", "v1", "configmaps"), api.Path("", "v1", "services")
CRDS = api.Path("apiextensions.k8s.io", "v1", "customresourcedefinitions")
PARTS = api.Path("shop.example.com", "v1", "parts")
DEFAULT = "default"
PATIENCE_SECONDS = 40.0


class Pair(NamedTuple):
    """Two servers, and a client of each."""

    processes: tuple[Process, Process]
    one: Client
    two: Client


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    if reason := missing():
        pytest.skip(reason)
    with Etcd(tmp_path_factory.mktemp("etcd"), 3) as found:
        yield found


@asynccontextmanager
async def pair(repo: Path, folder: Path, etcd: Etcd) -> AsyncIterator[Pair]:
    urls = ",".join(etcd.urls)
    names = ("one", "two")
    with (
        Process(repo, folder / "one", "--data", str(folder / names[0]), "--etcd-servers", urls) as first,
        Process(repo, folder / "two", "--data", str(folder / names[1]), "--etcd-servers", urls) as second,
    ):
        await asyncio.gather(first.start(), second.start())  # both find an empty etcd
        transports = first.transport(), second.transport()
        yield Pair((first, second), *(Client(each) for each in transports))
        for each in transports:
            await each.close()


def config_map(name: str, value: str = "", version: str = "") -> dict[str, Any]:
    metadata = {"name": name, **({"resourceVersion": version} if version else {})}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": {"value": value}}


def service(name: str, port: int = 0) -> dict[str, Any]:
    ports = [{"port": 80, **({"nodePort": port} if port else {})}]
    spec = {"type": "NodePort", "ports": ports}
    return {"kind": "Service", "apiVersion": "v1", "metadata": {"name": name}, "spec": spec}


def definition() -> dict[str, Any]:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": "parts", "singular": "part", "kind": "Part", "listKind": "PartList"}
    spec = {"group": "shop.example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    metadata = {"name": "parts.shop.example.com"}
    return {"kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1", "metadata": metadata} | {
        "spec": spec
    }


async def refused(work: Any) -> int:
    """Return the code with which a request is refused, 0 if it is not."""
    try:
        await work
    except APIError as error:
        return error.code
    return 0


async def as_one(servers: Pair) -> None:
    """A write through one is seen through the other: at once by a read, in order by a watch."""
    one, two = servers.one, servers.two
    made = await one.create(MAPS, config_map("shared", "1"), DEFAULT)
    assert await two.get(MAPS, "shared", DEFAULT) == made
    events = two.watch(MAPS, DEFAULT, made["metadata"]["resourceVersion"])
    versions = [made["metadata"]["resourceVersion"]]
    for number in range(10):
        client = (one, two)[number % 2]
        updated = await client.update(MAPS, config_map("shared", str(number), versions[-1]), DEFAULT)
        versions.append(updated["metadata"]["resourceVersion"])
    seen = [(await anext(events))[1]["metadata"]["resourceVersion"] for _ in range(10)]
    assert seen == versions[1:]
    await events.aclose()


async def conflicts(servers: Pair) -> None:
    """Of two that change the same version, one must look again; nobody's count is lost."""
    await servers.one.create(MAPS, config_map("count", "0"), DEFAULT)

    async def add(client: Client) -> None:
        for _ in range(15):
            while True:
                now = await client.get(MAPS, "count", DEFAULT)
                value = str(int(now["data"]["value"]) + 1)
                update = client.update(MAPS, config_map("count", value, now["metadata"]["resourceVersion"]), DEFAULT)
                if (code := await refused(update)) == 0:
                    break
                assert code == 409

    await asyncio.gather(*(add(client) for client in (servers.one, servers.two) * 2))
    assert (await servers.two.get(MAPS, "count", DEFAULT))["data"]["value"] == "60"


async def allocations(servers: Pair) -> None:
    """No address and no port is given twice; one that two want at the same time, one of them gets."""
    clients = (servers.one, servers.two)
    made = await asyncio.gather(
        *(clients[each % 2].create(SERVICES, service(f"s-{each}"), DEFAULT) for each in range(40))
    )
    assert len({each["spec"]["clusterIP"] for each in made}) == 40
    assert len({each["spec"]["ports"][0]["nodePort"] for each in made}) == 40
    for number in range(10):
        wanted = service("a", 30010 + number), service("b", 30010 + number)
        codes = await asyncio.gather(
            *(refused(each.create(SERVICES, it, DEFAULT)) for each, it in zip(clients, wanted, strict=True))
        )
        assert sorted(codes) == [0, 422]
        winner = wanted[codes.index(0)]["metadata"]["name"]
        await clients[number % 2].delete(SERVICES, winner, DEFAULT)


async def definitions(servers: Pair) -> None:
    """A custom resource that one knows, the other knows, and forgets."""
    await servers.one.create(CRDS, definition())
    part = {"kind": "Part", "apiVersion": "shop.example.com/v1", "metadata": {"name": "p"}, "spec": {"size": 3}}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await refused(servers.two.create(PARTS, part, DEFAULT)):
            await asyncio.sleep(0.05)
    assert (await servers.one.get(PARTS, "p", DEFAULT))["spec"] == {"size": 3}
    await servers.two.delete(CRDS, "parts.shop.example.com")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await refused(servers.one.list(PARTS, DEFAULT)) != 404:
            await asyncio.sleep(0.05)


async def deaths(servers: Pair, etcd: Etcd) -> None:
    """The leader of etcd dies, then a server: who watches goes on at the other from where it was, without a gap."""
    first = await servers.one.create(MAPS, config_map("w-0"), DEFAULT)
    position, seen = int(first["metadata"]["resourceVersion"]), ["w-0"]
    made = ["w-0"]

    async def follow(client: Client) -> None:
        nonlocal position
        try:
            async for kind, document in client.watch(MAPS, DEFAULT, str(position)):
                position = int(document["metadata"]["resourceVersion"])
                if kind == "ADDED" and document["metadata"]["name"].startswith("w-"):
                    seen.append(document["metadata"]["name"])
        except OSError:
            return

    async def make(client: Client, names: range) -> None:
        for number in names:
            name = f"w-{number}"
            async with asyncio.timeout(PATIENCE_SECONDS):
                while (code := await refused(client.create(MAPS, config_map(name), DEFAULT))) not in (0, 409):
                    assert code >= 500
                    await asyncio.sleep(0.1)
            made.append(name)

    watching = asyncio.create_task(follow(servers.one))
    await make(servers.one, range(1, 20))
    (await asyncio.to_thread(etcd.leader)).kill()
    await asyncio.gather(make(servers.one, range(20, 40)), make(servers.two, range(40, 60)))
    servers.processes[0].kill()
    await watching
    watching = asyncio.create_task(follow(servers.two))
    await make(servers.two, range(60, 80))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(seen) < len(made):
            await asyncio.sleep(0.02)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert sorted(seen) == sorted(made)


def test_two_servers_are_one_cluster(repo: Path, tmp_path: Path, etcd: Etcd) -> None:
    async def scenario() -> None:
        async with pair(repo, tmp_path, etcd) as servers:
            await as_one(servers)
            await conflicts(servers)
            await allocations(servers)
            await definitions(servers)
            await deaths(servers, etcd)
            for each in servers.processes:
                assert "Traceback" not in each.log.read_text()

    asyncio.run(scenario())
