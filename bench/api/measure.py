"""The measurements, one after the other: fill, bind, get, list, watch; each over TLS connections of this process."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from bench.api.objects import NAMESPACE, NODE, binding, named
from cluster_shim.client.http import Http
from cluster_shim.client.kubeconfig import Access

PAGE = 500
WATCHED = [f"watched-{number}" for number in range(100)]
"""Objects that are changed in turn: writes to one wait for each other on every server."""
GATHER_SECONDS = 2.0
_SENT = re.compile(rb'"sent":"([0-9.]+)"')

Progress = Callable[[int], None]
"""Told how many requests have been answered."""


class Failed(Exception):
    """The server refused a request of the benchmark."""


class Lag(NamedTuple):
    """How far watchers were behind, in milliseconds."""

    p50: float
    p99: float
    changes_per_second: float


class Load:
    """A client with several connections."""

    def __init__(self, access: Access, connections: int, progress: Progress) -> None:
        self._access = access
        self._transports = [access.transport() for _ in range(connections)]
        self._progress = progress
        self._answered = 0

    async def request(self, transport: Http, method: str, path: str, body: Any = None, query: Any = ()) -> Any:
        """Send one request; return the document of the answer. Raises Failed."""
        data = b"" if body is None else msgspec.json.encode(body)
        headers = [("Accept", "application/json"), ("Content-Type", "application/json"), ("User-Agent", "bench/1.0")]
        answer = await transport.request(method, path, query, headers, data)
        if answer.status >= 300:
            raise Failed(f"{method} {path}: {answer.status} {answer.body[:300].decode(errors='replace')}")
        return answer.body

    async def spread(self, names: Iterable[str], send: Callable[[Http, str], Awaitable[Any]]) -> float:
        """Send a request for each name over all connections at once; return how many a second were answered."""
        waiting = iter(names)
        done = 0

        async def work(transport: Http) -> None:
            nonlocal done
            for name in waiting:
                await send(transport, name)
                done += 1
                self._answered += 1
                if done % PAGE == 0:
                    self._progress(self._answered)

        started = time.perf_counter()
        await asyncio.gather(*(work(each) for each in self._transports))
        return done / (time.perf_counter() - started)

    async def prepare(self) -> str:
        """Make the namespace and what pods need in it; return the version of the server."""
        first = self._transports[0]
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        await self.request(first, "POST", "/api/v1/namespaces", namespace)
        await self.request(first, "POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", account)
        version = msgspec.json.decode(await self.request(first, "GET", "/version"))
        return str(version["gitVersion"])

    async def create_nodes(self, count: int) -> float:
        """Create nodes; return how many a second."""

        async def send(transport: Http, name: str) -> None:
            await self.request(transport, "POST", "/api/v1/nodes", named(NODE, name))

        return await self.spread((f"node-{number}" for number in range(count)), send)

    async def create_pods(self, first: int, end: int, make: Callable[[str], Any]) -> float:
        """Create the pods of some numbers; return how many a second."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods"

        async def send(transport: Http, name: str) -> None:
            await self.request(transport, "POST", path, make(name))

        return await self.spread((f"web-{number}" for number in range(first, end)), send)

    async def bind_pods(self, count: int, nodes: int) -> float:
        """Bind pods to nodes; return how many a second."""

        async def send(transport: Http, name: str) -> None:
            node = f"node-{int(name.rpartition('-')[2]) % nodes}"
            path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/binding"
            await self.request(transport, "POST", path, binding(name, node))

        return await self.spread((f"web-{number}" for number in range(count)), send)

    async def get_pods(self, count: int, pods: int) -> float:
        """Get single pods; return how many a second."""

        async def send(transport: Http, name: str) -> None:
            await self.request(transport, "GET", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}")

        return await self.spread((f"web-{number * 7919 % pods}" for number in range(count)), send)

    async def list_all(self, path: str) -> float:
        """List all objects of a path in pages; return how many seconds it took."""
        started = time.perf_counter()
        token = ""
        while True:
            query = [("limit", str(PAGE)), *([("continue", token)] if token else [])]
            body = await self.request(self._transports[0], "GET", path, query=query)
            token = msgspec.json.decode(body, type=_Page).metadata.continue_
            if not token:
                return time.perf_counter() - started

    async def watch(self, watchers: int, changes: int, per_second: int) -> Lag:
        """Change objects in turn, so many times a second, and see when watchers are told."""
        path = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
        made: dict[str, Any] = {}
        for name in WATCHED:
            body = await self.request(self._transports[0], "POST", path, _config_map(name))
            made = msgspec.json.decode(body)
        version = made["metadata"]["resourceVersion"]
        lags: list[float] = []
        streams = [asyncio.create_task(self._follow(path, version, changes, lags)) for _ in range(watchers)]
        await asyncio.sleep(GATHER_SECONDS)
        started = time.perf_counter()

        async def send(transport: Http, name: str) -> None:
            wait = started + int(name) / per_second - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            target = WATCHED[int(name) % len(WATCHED)]
            document = _config_map(target, f"{time.perf_counter():.6f}")
            await self.request(transport, "PUT", f"{path}/{target}", document)

        rate = await self.spread(map(str, range(changes)), send)
        await asyncio.wait_for(asyncio.gather(*streams), 60)
        lags.sort()
        p50, p99 = (lags[int(len(lags) * part)] * 1000 for part in (0.5, 0.99))
        return Lag(p50, p99, rate)

    async def _follow(self, path: str, version: str, changes: int, lags: list[float]) -> None:
        """Read events until all changes have been seen; note how old each was."""
        transport = self._access.transport()
        query = [("watch", "1"), ("resourceVersion", version)]
        answer = await transport.request("GET", path, query, [("Accept", "application/json")], streams=True)
        if answer.stream is None:
            raise Failed(f"GET {path}: no stream, but {answer.status}")
        seen, rest = 0, b""
        async for piece in answer.stream:
            now = time.perf_counter()
            whole, newline, rest = (rest + piece).rpartition(b"\n")
            found = _SENT.findall(whole) if newline else []
            lags.extend(now - float(each) for each in found)
            seen += len(found)
            if seen >= changes:
                break
        await transport.close()

    async def close(self) -> None:
        """Close all connections."""
        for each in self._transports:
            await each.close()


def _config_map(name: str, sent: str = "0") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"sent": sent}}


class _Metadata(msgspec.Struct):
    continue_: str = msgspec.field(default="", name="continue")


class _Page(msgspec.Struct):
    metadata: _Metadata
