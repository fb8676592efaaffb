"""HTTP of the client: what goes over the wire, connections that stay, servers that go away; a server by hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cluster_shim.client.client import Client, Path
from cluster_shim.client.http import Http

PODS = Path("", "v1", "pods")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
BEGUN = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Stub:
    """A server that answers each request with the next of some answers, then hangs up if it must."""

    def __init__(self, *answers: bytes, hangs_up: bool = False) -> None:
        self._answers = list(answers)
        self._hangs_up = hangs_up
        self.requests: list[bytes] = []
        self.connections = 0
        self.tasks: list[asyncio.Task[Any]] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.tasks.append(asyncio.current_task())  # type: ignore[arg-type]
        try:
            while self._answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((line for line in head.split(b"\r\n") if line.startswith(b"Content-Length")), b":0")
                self.requests.append(head + await reader.readexactly(int(length.split(b":")[1])))
                writer.write(self._answers.pop(0))
                await writer.drain()
                if self._hangs_up:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def serve(stub: Stub, work: Callable[[Http], Awaitable[Any]], token: str = "") -> Any:
    """Return what comes of some work with a transport to a stub."""

    async def run() -> Any:
        server = await asyncio.start_server(stub, "127.0.0.1", 0)
        http = Http("127.0.0.1", server.sockets[0].getsockname()[1], token=token)
        try:
            async with asyncio.timeout(10):
                return await work(http)
        finally:
            await http.close()
            server.close()
            await asyncio.gather(*stub.tasks)

    return asyncio.run(run())


def test_what_goes_over_the_wire() -> None:
    stub = Stub(OK)
    serve(stub, lambda http: http.request("POST", "/a b", [("x", "1 2")], [("X-Y", "z")], b"{}"), token="t")
    (sent,) = stub.requests
    head, _, body = sent.partition(b"\r\n\r\n")
    first, *rest = head.split(b"\r\n")
    assert first == b"POST /a%20b?x=1+2 HTTP/1.1"
    assert {b"X-Y: z", b"Content-Length: 2", b"Authorization: Bearer t"} <= set(rest)
    assert body == b"{}"


def test_one_connection_for_one_request_after_another() -> None:
    stub = Stub(OK, OK, OK)

    async def work(http: Http) -> None:
        for _ in range(3):
            assert (await http.request("GET", "/")).body == b"{}"

    serve(stub, work)
    assert (len(stub.requests), stub.connections) == (3, 1)


def test_a_connection_for_each_of_several_at_once() -> None:
    stub = Stub(OK, OK, OK)
    serve(stub, lambda http: asyncio.gather(*(http.request("GET", "/") for _ in range(3))))
    assert stub.connections == 3


def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    stub = Stub(OK, OK, hangs_up=True)

    async def work(http: Http) -> None:
        await http.request("GET", "/")
        await asyncio.sleep(0.1)
        await http.request("GET", "/")

    serve(stub, work)
    assert stub.connections == 2


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", b"no HTTP at all\r\n\r\n"])
def test_an_answer_that_is_none(answer: bytes) -> None:
    with pytest.raises(OSError, match=r"closed the connection|no HTTP answer"):
        serve(Stub(answer, hangs_up=True), lambda http: http.request("GET", "/"))


def test_nobody_listens() -> None:
    async def work(http: Http) -> None:
        await Http("127.0.0.1", 1).request("GET", "/")

    with pytest.raises(OSError, match="1"):
        serve(Stub(), work)


def test_a_watch_whose_server_goes_away_ends_with_an_error() -> None:
    event = b'{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n'
    begun = BEGUN + f"{len(event):x}\r\n".encode() + event + b"\r\n"
    seen = []

    async def work(http: Http) -> None:
        async for kind, found in Client(http).watch(PODS):
            seen.append((kind, found["metadata"]["name"]))

    with pytest.raises(OSError, match="closed the connection"):
        serve(Stub(begun, hangs_up=True), work)
    assert seen == [("ADDED", "a")]


def test_events_that_come_in_pieces() -> None:
    event = (
        b'{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n{"type":"DELETED","object":{"metadata":{"name":"a"}}}\n'
    )
    pieces = [event[:7], event[7:60], event[60:]]
    body = b"".join(f"{len(each):x}\r\n".encode() + each + b"\r\n" for each in pieces)

    async def work(http: Http) -> list[str]:
        return [kind async for kind, _ in Client(http).watch(PODS)]

    assert serve(Stub(BEGUN + body + b"0\r\n\r\n"), work) == ["ADDED", "DELETED"]


def test_a_request_that_is_given_up_closes_its_connection() -> None:
    stub = Stub(b"", OK)

    async def work(http: Http) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await http.request("GET", "/")
        assert (await http.request("GET", "/")).body == b"{}"

    serve(stub, work)
    assert stub.connections == 2
