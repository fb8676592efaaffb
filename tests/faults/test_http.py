"""What no client should send: it is refused, or answered as kube-apiserver does; never a 500, never a hang."""

from __future__ import annotations

import contextlib
import gzip
import json
import logging
import resource
import time
from collections.abc import Iterator

import pytest

from cluster_shim.apiserver.http import connection as served
from tests.apiserver.running import Running, running
from tests.faults.memory import rss_bytes
from tests.faults.wire import HOST, TOKEN, connect, listen, request, say

MAPS = b"/api/v1/namespaces/default/configmaps"
JSON, YAML = b"Content-Type: application/json", b"Content-Type: application/yaml"
CHUNKED = b"Transfer-Encoding: chunked"
MIB = 1 << 20
HEAD_SECONDS = BODY_SECONDS = 1.0


class Recorder(logging.Handler):
    """Keeps what is logged while all tests of this file run."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(scope="module")
def logged() -> Iterator[list[logging.LogRecord]]:
    recorder = Recorder()
    logging.getLogger().addHandler(recorder)
    yield recorder.records
    logging.getLogger().removeHandler(recorder)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, logged: list[logging.LogRecord]) -> Iterator[Running]:
    """Return a server that is less patient than usual."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(served, "HEAD_SECONDS", HEAD_SECONDS)
        patch.setattr(served, "BODY_SECONDS", BODY_SECONDS)
        with running(tmp_path_factory.mktemp("server")) as found:
            yield found


def post(body: bytes, *headers: bytes) -> bytes:
    return request(b"POST " + MAPS, *headers, body=body)


def chunked(*pieces: bytes) -> bytes:
    return request(b"POST " + MAPS, JSON, CHUNKED) + b"".join(pieces)


def config_map(name: str, **more: object) -> bytes:
    return json.dumps({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name}, **more}).encode()


VERSION = request(b"GET /version")
ALIASES = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (letter, letter, b",".join([b"*%c" % (letter - 1)] * 9)) for letter in b"bcdefghij"
)
ANSWERED = {
    "HTTP/1.0": (b"GET /version HTTP/1.0\r\n" + TOKEN + b"\r\n", 200),
    "absolute target": (request(b"GET https://example.com/version"), 200),
    "target *": (request(b"GET *"), 404),
    "unknown method": (request(b"BREW /api/v1/pods"), 405),
    "NUL, escaped": (request(b"GET /api/v1/namespaces/%00"), 404),
    "no UTF-8, escaped": (request(b"GET /api/v1/namespaces/%ff%fe"), 404),
    "bad escape": (request(b"GET /api/v1/namespaces/%zz"), 400),
    "bad query": (request(b"GET /api/v1/pods?limit=%zz&;&&=&a"), 200),
    "header in Latin 1": (request(b"GET /version", b"X-A: \xe9\xff"), 200),
    "head of 900 KiB": (request(b"GET /version", b"X-A: " + b"a" * (900 << 10)), 200),
    "GET with a body": (request(b"GET /version", body=b"hello"), 200),
    "upgrade that nobody handles": (request(b"GET /version", b"Connection: Upgrade", b"Upgrade: websocket"), 200),
    "upgrade to HTTP/2": (request(b"GET /version", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c"), 200),
    "encoding that is none": (post(config_map("encoded"), JSON, b"Content-Encoding: br"), 201),
    "zip bomb": (post(gzip.compress(bytes(50 * MIB)), JSON, b"Content-Encoding: gzip"), 400),
    "deep JSON": (post(b"[" * 300_000 + b"]" * 300_000, JSON), 400),
    "deep object": (post(b'{"a":' * 20_000 + b"1" + b"}" * 20_000, JSON), 400),
    "deep field": (post(config_map("a")[:-1] + b',"data":' + b'{"a":' * 9000 + b"1" + b"}" * 9001, JSON), 400),
    "deep YAML": (post(b"a: " + b"[" * 20_000, YAML), 400),
    "YAML of aliases": (post(b"kind: ConfigMap\napiVersion: v1\n" + ALIASES, YAML), 400),
    "deep and long YAML": (post(b"a: " + b"[" * 9000 + b"1," * 300_000, YAML), 400),
    "number of a megabyte": (post(b'{"kind":"ConfigMap","apiVersion":"v1","x":1' + b"0" * MIB + b"}", JSON), 422),
    "no body": (request(b"POST " + MAPS, JSON, b"Content-Length: 0"), 400),
    "chunks with extensions and trailers": (chunked(b"2;a=b\r\n{}\r\n0\r\nContent-Type: x/y\r\n\r\n"), 422),
}
REFUSED = {
    "no HTTP": (b"\x16\x03\x01\x02\x00" + bytes(200), 400),
    "HTTP/1.2": (b"GET /version HTTP/1.2\r\n" + HOST + b"\r\n", 400),
    "no host": (b"GET /version HTTP/1.1\r\n\r\n", 400),
    "method with NUL": (request(b"G\0T /version"), 400),
    "target with NUL": (request(b"GET /version\0"), 400),
    "header with NUL": (request(b"GET /version", b"X-A: a\0b"), 400),
    "space after a name": (request(b"GET /version", b"X-A : b"), 400),
    "folded header": (request(b"GET /version", b"X-A: a\r\n b"), 400),
    "head of 2 MiB": (request(b"GET /version", b"X-A: " + b"a" * 2 * MIB), 431),
    "target of 2 MiB": (request(b"GET /version?" + b"a" * 2 * MIB), 431),
    "many headers": (request(b"GET /version", *[b"X-A: b"] * 150_000), 431),
    "trailers of 2 MiB": (chunked(b"2\r\n{}\r\n0\r\n", b"X-A: b\r\n" * 250_000, b"\r\n"), 431),
    "body of 4 MiB": (post(config_map("large", data={"a": "a" * 4 * MIB}), JSON), 413),
    "chunks of 4 MiB": (chunked(*[b"10000\r\n" + b"a" * 65536 + b"\r\n"] * 64, b"0\r\n\r\n"), 413),
    "bad chunk": (chunked(b"zz\r\nabc\r\n0\r\n\r\n"), 400),
    "negative chunk": (chunked(b"-1\r\n\r\n"), 400),
    "endless chunk": (chunked(b"f" * 18 + b"\r\n\r\n"), 400),
    "length and chunks": (request(b"POST " + MAPS, CHUNKED, b"Content-Length: 5") + b"0\r\n\r\n", 400),
    "two lengths": (request(b"POST " + MAPS, b"Content-Length: 2", b"Content-Length: 3") + b"{}", 400),
    "negative length": (request(b"POST " + MAPS, b"Content-Length: -2") + b"{}", 400),
    "length of 20 digits": (request(b"POST " + MAPS, b"Content-Length: " + b"9" * 20) + b"{}", 400),
    "length of 100 GB": (request(b"POST " + MAPS, b"Content-Length: 100000000000") + b"{}", 413),
}


@pytest.mark.parametrize("name", ANSWERED)
def test_answered(server: Running, name: str) -> None:
    data, status = ANSWERED[name]
    heard = say(server.port, data)
    assert heard.statuses == [status], heard


@pytest.mark.parametrize("name", REFUSED)
def test_refused_and_over(server: Running, name: str) -> None:
    """The connection ends with the answer: what follows could be anything."""
    data, status = REFUSED[name]
    heard = say(server.port, data + VERSION, quiet_seconds=2 * served.DISCARD_SECONDS)
    assert heard.is_closed
    assert heard.statuses[:1] in ([status], []), heard
    if heard.statuses:
        assert len(heard.statuses) == 1
    assert say(server.port, VERSION).statuses == [200]


def test_a_head_that_drips(server: Running) -> None:
    with contextlib.closing(connect(server.port)) as connection:
        started = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() < started + 10 * HEAD_SECONDS:
                connection.sendall(b"GET /version HTTP/1.1\r\nX: "[int(time.monotonic() * 10) % 20 :][:1])
                connection.settimeout(0.1)
                with contextlib.suppress(TimeoutError):
                    if not connection.recv(1):
                        raise ConnectionResetError
        assert time.monotonic() - started < 5 * HEAD_SECONDS


def test_a_body_that_does_not_come(server: Running) -> None:
    heard = say(server.port, request(b"POST " + MAPS, JSON, b"Content-Length: 100") + b'{"kind"')
    assert heard.statuses == [408]


def test_half_a_document_is_none(server: Running) -> None:
    """The client hangs up within the body, where what has come would do."""
    body = b"kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: half\n"
    with contextlib.closing(connect(server.port)) as connection:
        connection.sendall(request(b"POST " + MAPS, YAML, b"Content-Length: 200") + body)
    with contextlib.closing(connect(server.port)) as connection:
        connection.sendall(request(b"DELETE " + MAPS + b"/whole", JSON, b"Content-Length: 50"))
    time.sleep(0.2)
    assert server.call("GET", f"{MAPS.decode()}/half")[0] == 404


def test_requests_in_a_row(server: Running) -> None:
    """Each has its own answer, in order, with its own method and headers."""
    made = post(config_map("row"), JSON) + request(b"GET " + MAPS + b"/row")
    assert say(server.port, VERSION + made + request(b"OPTIONS /version")).statuses == [200, 201, 200, 405]
    assert say(server.port, request(b"BREW /version") + VERSION).statuses == [405, 200]


def test_a_head_in_pieces_is_whole(server: Running) -> None:
    """Wherever it is cut: a piece that begins like a method is none."""
    data = request(b"GET " + MAPS, b"Accept: application/json")
    for at in (1, 3, 4, 10, data.index(b"Bearer"), data.index(b"t-admin"), data.index(b"application"), len(data) - 1):
        with contextlib.closing(connect(server.port)) as connection:
            connection.sendall(data[:at])
            time.sleep(0.05)
            connection.sendall(data[at:])
            assert listen(connection).statuses == [200], data[at:]


def test_expectations(server: Running) -> None:
    with contextlib.closing(connect(server.port)) as connection:
        connection.sendall(request(b"POST " + MAPS, JSON, b"Expect: 100-continue", b"Content-Length: 2"))
        assert listen(connection).statuses == [100]
        connection.sendall(b"{}")
        assert listen(connection).statuses == [422]


def test_trailers_are_no_headers(server: Running) -> None:
    body = config_map("trailed")
    data = chunked(b"%x\r\n" % len(body), body, b"\r\n0\r\nImpersonate-User: nobody\r\n\r\n")
    assert say(server.port, data).statuses == [201]


def test_many_idle_connections(server: Running) -> None:
    """A thousand that say nothing or half a line: others are served, and there is not much memory in one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    number = min(1000, (max(soft, wanted) - 200) // 2)
    before = rss_bytes()
    with contextlib.ExitStack() as stack:
        for each in range(number):
            connection = stack.enter_context(contextlib.closing(connect(server.port)))
            if each % 2:
                connection.sendall(b"GET /ver")
        started = time.monotonic()
        assert say(server.port, VERSION).statuses == [200]
        assert time.monotonic() - started < 5
        assert rss_bytes() - before < number * 500_000  # both ends
    assert say(server.port, VERSION).statuses == [200]


def test_nothing_of_it_is_logged(server: Running, logged: list[logging.LogRecord]) -> None:
    """Not as a defect, and strangers cannot fill the log either."""
    assert [each.getMessage() for each in logged if each.levelno >= logging.WARNING] == []
