"""Starts that others have spoiled: a server that died while it made what a cluster has from its start."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cluster_shim.apiserver.assembly import Assembly
from cluster_shim.apiserver.config import Config
from cluster_shim.client import client as api
from cluster_shim.client.client import Client
from cluster_shim.client.in_process import InProcess

SERVICES = api.Path("", "v1", "services")
ADDRESSES = api.Path("networking.k8s.io", "v1", "ipaddresses")


def test_an_address_without_its_service(tmp_path: Path) -> None:
    """Killed after the address of the Service kubernetes was taken, and before it was written."""

    async def spoil() -> None:
        assembly = Assembly(Config(data=tmp_path, secure_port=0))
        client = Client(InProcess(await assembly.start()))
        address = await client.get(ADDRESSES, "10.96.0.1")
        await client.delete(SERVICES, "kubernetes", "default")
        for name in ("uid", "resourceVersion", "creationTimestamp"):
            del address["metadata"][name]
        await client.create(ADDRESSES, address)
        await assembly.stop()

    async def start() -> None:
        assembly = Assembly(Config(data=tmp_path, secure_port=0))
        client = Client(InProcess(await assembly.start()))
        assert (await client.get(SERVICES, "kubernetes", "default"))["spec"]["clusterIP"] == "10.96.0.1"
        assert (await client.get(ADDRESSES, "10.96.0.1"))["spec"]["parentRef"]["name"] == "kubernetes"
        await assembly.stop()

    asyncio.run(spoil())
    asyncio.run(start())
