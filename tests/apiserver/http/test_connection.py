"""One connection without a socket: what becomes of the bytes of a client, and in which order it is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from typing import Any, cast

import pytest

from cluster_shim.apiserver.http import connection
from cluster_shim.apiserver.http.connection import Connection, Pool
from cluster_shim.apiserver.request import Request, Response
from cluster_shim.apiserver.server import Server
from tests.apiserver.whole import looped, whole

PATH = "/api/v1/namespaces/default/configmaps/kept"
KEPT = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "kept"}}


class Wire(asyncio.Transport):
    """The end of a connection that a test holds."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.is_closed = self.is_paused = False

    def write(self, data: Any) -> None:
        self.sent += data

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


class Slow:
    """A server that answers when it is told to, with the path of the request unless a test wants something else."""

    def __init__(self, may_answer: bool = False) -> None:
        self.handled: list[Request] = []
        self.may_answer = asyncio.Event()
        if may_answer:
            self.may_answer.set()
        self.answer: Callable[[Request], Response] = lambda request: Response(200, request.path.encode(), "text/plain")

    async def handle(self, request: Request) -> Response:
        self.handled.append(request)
        await self.may_answer.wait()
        return self.answer(request)

    @property
    def paths(self) -> list[str]:
        return [each.path for each in self.handled]


def connected(server: object) -> tuple[Connection, Wire]:
    pool = Pool(cast(Server, server))
    pool.tick()
    made, wire = Connection(pool), Wire()
    made.connection_made(wire)
    return made, wire


def get(path: str, *lines: str, version: str = "1.1") -> bytes:
    return "\r\n".join([f"GET {path} HTTP/{version}", "Host: x", *lines, "", ""]).encode()


async def settled() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


@looped
async def test_a_body_that_ends_before_its_end_is_not_taken_for_the_whole() -> None:
    """The options of a delete, of which nothing came, or not all: without them it would be another delete."""
    async with whole() as client:
        await client("POST", PATH.removesuffix("/kept"), KEPT)
        for piece in (b"", b"{}"):
            made, wire = connected(client.server)
            made.data_received(f"DELETE {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode() + piece)
            made.connection_lost(None)
            await settled()
            assert not wire.sent
        assert (await client("GET", PATH)).status == 200


@looped
async def test_requests_ahead_wait_and_are_answered_in_order() -> None:
    server = Slow()
    made, wire = connected(server)
    paths = [f"/{number}" for number in range(connection.WAITING_MAX + 1)]
    made.data_received(b"".join(map(get, paths)))
    await settled()
    assert server.paths == ["/0"]
    assert wire.is_paused
    server.may_answer.set()
    await settled()
    assert not wire.is_paused
    assert server.paths == paths
    assert [each.partition(b"\r\n\r\n")[2].decode() for each in wire.sent.split(b"HTTP/1.1 200 OK")[1:]] == paths


@looped
async def test_who_is_gone_gets_nothing_and_what_was_begun_is_finished() -> None:
    server = Slow()
    made, wire = connected(server)
    made.data_received(get("/a") + get("/b"))
    await settled()
    made.connection_lost(ConnectionResetError())
    server.may_answer.set()
    await settled()
    assert server.paths == ["/a"]
    assert not wire.sent
    assert made.task is None


async def two() -> AsyncGenerator[bytes, None]:
    yield b"one"
    yield b""
    yield b"x" * 20


@pytest.mark.parametrize(("version", "line"), [("1.1", "Connection: close"), ("1.0", "Connection: keep-alive")])
def test_a_stream_to_whoever_cannot_go_on_ends_with_the_connection(version: str, line: str) -> None:
    @looped
    async def scenario() -> None:
        server = Slow(may_answer=True)
        server.answer = lambda _: Response(200, content_type="text/plain", stream=two())
        made, wire = connected(server)
        made.data_received(get("/stream", line, version=version))
        await settled()
        head, _, body = wire.sent.partition(b"\r\n\r\n")
        assert body == b"one" + b"x" * 20
        assert b"chunked" not in head
        assert b"connection: close" in head
        assert wire.is_closed

    scenario()


@looped
async def test_a_stream_in_chunks() -> None:
    server = Slow(may_answer=True)
    server.answer = lambda _: Response(200, stream=two())
    made, wire = connected(server)
    made.data_received(get("/stream"))
    await settled()
    assert wire.sent.partition(b"\r\n\r\n")[2] == b"3\r\none\r\n14\r\n" + b"x" * 20 + b"\r\n0\r\n\r\n"
    assert not wire.is_closed


@looped
async def test_a_stream_ends_when_its_client_goes() -> None:
    ended = asyncio.Event()

    async def pieces() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"tick"
                await asyncio.sleep(3600)
        finally:
            ended.set()

    server = Slow(may_answer=True)
    server.answer = lambda _: Response(200, stream=pieces())
    made, wire = connected(server)
    made.data_received(get("/watch"))
    await settled()
    assert b"tick" in wire.sent
    made.connection_lost(None)
    await asyncio.wait_for(ended.wait(), 5)


@looped
async def test_a_defect_ends_the_connection() -> None:
    def defect(_: Request) -> Response:
        raise AssertionError("a defect")

    server = Slow(may_answer=True)
    server.answer = defect
    made, wire = connected(server)
    made.data_received(get("/a"))
    await settled()
    assert wire.is_closed


@looped
async def test_a_header_with_a_line_break_is_never_sent() -> None:
    server = Slow(may_answer=True)
    server.answer = lambda _: Response(200, headers=[("Warning", "a\r\nSet-Cookie: b")])
    made, wire = connected(server)
    made.data_received(get("/a"))
    await settled()
    assert not wire.sent
    assert wire.is_closed


@looped
async def test_an_expectation_that_nobody_knows() -> None:
    made, wire = connected(Slow())
    made.data_received(get("/a", "Expect: the-unexpected"))
    await settled()
    assert wire.sent.startswith(b"HTTP/1.1 417 ")
    assert wire.is_closed


@looped
async def test_times() -> None:
    """What is idle, or does not come, ends at its time; what is being handled does not."""
    server = Slow()
    pool = Pool(cast(Server, server))
    found: dict[str, Wire] = {}
    for name, sent in (
        ("idle", b""),
        ("body", b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n{"),
        ("handled", get("/a")),
    ):
        made, found[name] = Connection(pool), Wire()
        made.connection_made(found[name])
        made.data_received(sent)
    while pool.now < connection.BODY_SECONDS + 1:
        pool.tick()
        assert found["idle"].is_closed == (pool.now >= connection.HEAD_SECONDS)
        assert found["body"].is_closed == (pool.now >= connection.BODY_SECONDS)
    assert found["body"].sent.startswith(b"HTTP/1.1 408 ")
    assert json.loads(found["body"].sent.partition(b"\r\n\r\n")[2])["reason"] == "Timeout"
    assert not found["handled"].is_closed
    server.may_answer.set()
    await settled()
    assert found["handled"].sent.startswith(b"HTTP/1.1 200 ")
    ends = pool.now + connection.KEEP_ALIVE_SECONDS
    while pool.now < ends:
        assert not found["handled"].is_closed
        pool.tick()
    assert found["handled"].is_closed
