"""Connect: what a client hears of a node that is away, by a whole server in this process."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.assembly import Assembly
from cluster_shim.apiserver.config import Config
from cluster_shim.client.client import Client, Path
from cluster_shim.client.in_process import InProcess

NODES, PODS, ACCOUNTS = Path("", "v1", "nodes"), Path("", "v1", "pods"), Path("", "v1", "serviceaccounts")
POD = {"metadata": {"name": "p"}, "spec": {"nodeName": "gone", "containers": [{"name": "c", "image": "i"}]}}


def node(name: str, endpoint: dict[str, Any]) -> dict[str, Any]:
    addresses = [{"type": "InternalIP", "address": "192.0.2.7"}]
    status = {"addresses": addresses, "daemonEndpoints": {"kubeletEndpoint": endpoint}}
    return {"metadata": {"name": name}, "status": status}


async def refusal(client: Client, path: Path, name: str, namespace: str, subresource: str) -> str:
    with pytest.raises(APIError) as error:
        await client.get(path, name, namespace, subresource)
    return error.value.message


def test_a_node_that_is_away() -> None:
    async def ask() -> list[str]:
        assembly = Assembly(Config())
        client = Client(InProcess(await assembly.start()))
        try:
            await client.create(ACCOUNTS, {"metadata": {"name": "default"}}, "default")
            await client.create(PODS, POD, "default")
            await client.create(NODES, node("silent", {"Port": 0}))
            await client.create(NODES, node("tells", {"Port": 1234}))
            return [
                await refusal(client, PODS, "p", "default", "log"),
                await refusal(client, NODES, "gone", "", "proxy"),
                await refusal(client, NODES, "silent", "", "proxy"),
                await refusal(client, NODES, "tells", "", "proxy"),
            ]
        finally:
            await assembly.stop()

    away = "error trying to reach service: dial tcp 192.0.2.7:{}: connect: connection refused"
    assert asyncio.run(ask()) == [
        'pods "gone" not found',  # named by the kind of what was asked for
        'nodes "gone" not found',
        away.format(10250),
        away.format(1234),
    ]
