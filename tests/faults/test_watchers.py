"""Watchers that do not read: others do not feel them, memory does not grow with them, and they are let go."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster_shim.apiserver.assembly import Assembly
from cluster_shim.apiserver.config import Config
from cluster_shim.apiserver.http import connection
from cluster_shim.apiserver.watching import hub
from cluster_shim.client import client as api
from cluster_shim.client.client import Client
from cluster_shim.client.http import Http
from cluster_shim.client.in_process import InProcess
from tests.apiserver.running import Running, running
from tests.faults.memory import rss_bytes
from tests.faults.wire import connect, listen, request

MAPS = api.Path("", "v1", "configmaps")
PATH = b"/api/v1/namespaces/default/configmaps"
MIB = 1 << 20
DEAF, ATTENTIVE = 30, 20
CHANGES, SIZE = 120, 250_000
STALLED_SECONDS = 3.0


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """Return a server that lets less wait than usual, for a shorter time."""
    monkeypatch.setattr(hub, "PENDING_MAX_BYTES", 4 * MIB)
    monkeypatch.setattr(connection, "STALLED_SECONDS", STALLED_SECONDS)
    with running(tmp_path) as found:
        yield found


def config_map(value: str) -> dict[str, Any]:
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "changing"}, "data": {"value": value}}


def test_who_does_not_read_is_let_go(server: Running) -> None:
    """30 MB of changes pass by thirty watchers that read nothing and twenty that do, and a list that nobody takes."""
    tls = ssl.create_default_context(cafile=str(server.folder / "pki" / "ca.crt"))
    made = server.made(PATH.decode(), config_map("0"))
    version = made["metadata"]["resourceVersion"]
    deaf = [connect(server.port) for _ in range(DEAF)]
    for each in deaf:
        each.sendall(request(b"GET " + PATH + b"?watch=1&resourceVersion=" + version.encode()))
    seen: list[int] = []

    async def follow() -> None:
        client = Client(Http("127.0.0.1", server.port, tls, "t-admin"))
        count = 0
        events = client.watch(MAPS, "default", version)
        async for _, _ in events:
            count += 1
            if count == CHANGES:
                break
        seen.append(count)
        await events.aclose()
        await client.close()

    async def scenario() -> float:
        client = Client(Http("127.0.0.1", server.port, tls, "t-admin"))
        watching = [asyncio.create_task(follow()) for _ in range(ATTENTIVE)]
        await asyncio.sleep(0.5)
        started = time.monotonic()
        for number in range(CHANGES):
            await client.update(MAPS, config_map(str(number % 10) * SIZE), "default")
        await asyncio.wait_for(asyncio.gather(*watching), 60)
        await client.close()
        seconds = time.monotonic() - started
        await asyncio.sleep(0.5)  # which TLS takes to say goodbye
        return seconds

    before = rss_bytes()
    seconds = asyncio.run(scenario())
    grown = rss_bytes() - before
    print(f"{CHANGES} changes of {SIZE:,} bytes in {seconds:.1f} s; memory grew by {grown >> 20} MiB")
    assert seen == [CHANGES] * ATTENTIVE
    assert grown < 8 * MIB * DEAF  # both ends; unlimited, it were 900 MB of what waits alone
    time.sleep(STALLED_SECONDS + 1)
    received = []
    for each in deaf:
        heard = listen(each)
        assert heard.is_closed
        received.append(heard.data.count(b'"type":"MODIFIED"'))
        each.close()
    assert all(count < CHANGES for count in received)


def test_a_thousand_watchers(tmp_path: Path) -> None:
    """Each sees every change once, in order; the answer to the writer does not wait for them."""

    async def scenario() -> float:
        assembly = Assembly(Config(secure_port=0))
        server = await assembly.start()
        client = Client(InProcess(server))
        made = await client.create(MAPS, config_map("new"), "default")
        version = made["metadata"]["resourceVersion"]

        async def follow() -> list[str]:
            values = []
            events = Client(InProcess(server)).watch(MAPS, "default", version)
            async for _, document in events:
                values.append(document["data"]["value"])
                if len(values) == 30:
                    break
            await events.aclose()
            return values

        watching = [asyncio.create_task(follow()) for _ in range(1000)]
        while server.hub.watching < 1000:
            await asyncio.sleep(0.01)
        slowest = 0.0
        for number in range(30):
            started = time.monotonic()
            await client.update(MAPS, config_map(str(number)), "default")
            slowest = max(slowest, time.monotonic() - started)
            await asyncio.sleep(0.02)
        expected = [str(number) for number in range(30)]
        for task in watching:
            assert await asyncio.wait_for(task, 60) == expected
        assert server.hub.watching == 0
        await assembly.stop()
        return slowest

    print(f"the slowest write took {asyncio.run(scenario()) * 1000:.0f} ms")


def test_watchers_that_go_leave_nothing(server: Running) -> None:
    """However a client ends a watch."""
    context = ssl.create_default_context(cafile=str(server.folder / "pki" / "ca.crt"))
    for _ in range(50):
        with contextlib.closing(connect(server.port)) as connection:
            connection.sendall(request(b"GET " + PATH + b"?watch=1"))
            connection.recv(10)
    deadline = time.monotonic() + 10
    while True:
        _, text = _get(server, context, "/metrics")
        watching = [line for line in text.splitlines() if line.startswith("apiserver_longrunning_requests{")]
        if not [line for line in watching if 'resource="configmaps"' in line and not line.endswith(" 0")]:
            break
        assert time.monotonic() < deadline, watching
        time.sleep(0.1)


def _get(server: Running, context: ssl.SSLContext, path: str) -> tuple[int, str]:
    import http.client

    connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=20)
    connection.request("GET", path, headers={"Authorization": "Bearer t-admin"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text
