"""The HTTP transport against servers that work, hang, drip, lie and die; every text of an error."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cluster_shim.extender import connect
from cluster_shim.extender import transport as limits
from sched_core import (
    Extender,
    ExtenderAnswerTooLarge,
    ExtenderError,
    ExtenderStatus,
    ExtenderTimeout,
    ExtenderTLSConfig,
    ExtenderUnreachable,
    InvalidConfig,
    load_config,
)
from tests.extender.servers import CERTIFICATES, server_tls, serving, writing

LONG_S = 30.0
"""More than any of these calls takes."""
SHORT_S = 0.3


def call(url: str, timeout_s: float = LONG_S, body: bytes = b"{}", **fields: Any) -> bytes:
    transport = connect(Extender(**fields))
    try:
        return transport(f"{url}/filter", body, timeout_s)
    finally:
        transport.close()


def echo(path: str, question: Any) -> Any:
    return {"path": path, "question": question}


def test_a_question_is_posted_as_json_and_its_answer_returned() -> None:
    with serving(echo) as server:
        assert call(server.url(), body=b'{"Pod":null}') == b'{"path":"/filter","question":{"Pod":null}}'
        assert server.heads[0]["Content-Type"] == "application/json"
        assert server.heads[0]["Host"] == server.url().removeprefix("http://")


def test_a_connection_serves_many_calls_and_is_made_again_when_the_server_has_hung_up() -> None:
    with serving(echo) as server:
        transport = connect(Extender())
        for _ in range(3):
            transport(f"{server.url()}/filter", b"{}", LONG_S)
        assert server.connections == 1
        address = server.server_address
    with serving(echo) as server:
        assert server.server_address != address
        transport(f"{server.url()}/filter?x=1", b"{}", LONG_S)
        transport.close()


def head(length: int) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode()


def say(
    *parts: bytes, pause_s: float = 0.0, then_wait: bool = False
) -> Callable[[socket.socket, threading.Event], None]:
    """Return a server that reads a question, writes some parts with pauses, and hangs up at once or in the end."""

    def write(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(1 << 16)
        for part in parts:
            connection.sendall(part)
            over.wait(pause_s)
        if then_wait:
            over.wait(LONG_S)

    return write


def test_chunks_are_put_together() -> None:
    chunked = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n5\r\n": 1}\r\n0\r\n\r\n'
    with writing(say(chunked)) as url:
        assert call(url) == b'{"a": 1}'


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    with writing(say(b"HTTP/1.0 200 OK\r\n\r\n{}")) as url:
        assert call(url) == b"{}"


@pytest.mark.parametrize("status", [201, 302, 404, 500])
def test_any_other_status_than_200_is_refused(status: int) -> None:
    with serving(lambda path, question: (status, b"{}")) as server, pytest.raises(ExtenderStatus) as caught:
        call(server.url())
    assert caught.value.code == status


def drip(connection: socket.socket, over: threading.Event) -> None:
    """Write an answer byte by byte, slower than anybody can wait for all of it."""
    connection.recv(1 << 16)
    for byte in head(1000) + b"x" * 1000:
        connection.sendall(bytes([byte]))
        if over.wait(0.02):
            return


def never_reads(connection: socket.socket, over: threading.Event) -> None:
    over.wait(LONG_S)


TOO_LATE = {
    "a server that says nothing": (say(then_wait=True), b"{}", False),
    "a server that reads nothing": (never_reads, b"x" * (64 << 20), False),
    "a server that drips its head": (drip, b"{}", False),
    "a server that drips its body": (say(head(100), *[b"x"] * 100, pause_s=0.02), b"{}", True),
    "a server that stops in the middle": (say(head(100) + b"xx", then_wait=True), b"{}", True),
}


@pytest.mark.parametrize(("write", "body", "reading"), TOO_LATE.values(), ids=TOO_LATE)
def test_the_deadline_holds_for_the_whole_call(write: Any, body: bytes, reading: bool) -> None:
    with writing(write) as url:
        began = time.monotonic()
        with pytest.raises(ExtenderTimeout) as caught:
            call(url, SHORT_S, body)
        assert SHORT_S <= time.monotonic() - began < LONG_S / 2
    expected = (
        "context deadline exceeded (Client.Timeout or context cancellation while reading body)"
        if reading
        else f'Post "{url}/filter": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
    )
    assert str(caught.value) == expected


def test_a_deadline_that_has_passed_before_the_call_is_met_by_nobody() -> None:
    with serving(echo) as server, pytest.raises(ExtenderTimeout):
        call(server.url(), -1.0)


def test_a_name_server_that_hangs_does_not_hang_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(LONG_S) and [])
    with pytest.raises(ExtenderTimeout):
        call("http://extender.test", SHORT_S)
    over.set()


UNREACHABLE = {
    "a server that hangs up": (say(), "EOF"),
    "a server that speaks no HTTP": (
        say(b"220 mail.test ESMTP\r\n"),
        'net/http: HTTP/1.x transport connection broken: malformed HTTP response "220 mail.test ESMTP\r\n"',
    ),
}


@pytest.mark.parametrize(("write", "cause"), UNREACHABLE.values(), ids=UNREACHABLE)
def test_a_server_that_gives_no_answer_is_unreachable(write: Any, cause: str) -> None:
    with writing(write) as url, pytest.raises(ExtenderUnreachable) as caught:
        call(url)
    assert str(caught.value) == f'Post "{url}/filter": {cause}'


def test_a_server_that_dies_in_the_middle_of_an_answer() -> None:
    with writing(say(head(100) + b"half")) as url, pytest.raises(ExtenderError, match=r"^unexpected EOF$"):
        call(url)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf"
    with writing(say(chunked)) as url, pytest.raises(ExtenderError, match=r"^unexpected EOF$"):
        call(url)


def reset(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(1 << 16)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def test_a_connection_that_is_reset() -> None:
    with writing(reset) as url, pytest.raises(ExtenderUnreachable) as caught:
        call(url)
    assert str(caught.value) == f'Post "{url}/filter": read tcp: connection reset by peer'


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ExtenderUnreachable) as caught:
        call(f"http://127.0.0.1:{port}")
    expected = f"dial tcp 127.0.0.1:{port}: connect: connection refused"
    assert str(caught.value) == f'Post "http://127.0.0.1:{port}/filter": {expected}'


def test_a_name_that_is_not_known() -> None:
    with pytest.raises(ExtenderUnreachable, match=r"dial tcp: lookup nobody\.invalid: no such host$"):
        call("http://nobody.invalid")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("", 'Post "/filter": unsupported protocol scheme ""'),
        ("ftp://a", 'Post "ftp://a/filter": unsupported protocol scheme "ftp"'),
        ("http://", 'Post "http:///filter": http: no Host in request URL'),
        ("http://u:p@a", 'Post "http://u:p@a/filter": a user name in the URL is not supported'),
        ("http://a:x", "parse \"http://a:x/filter\": Port could not be cast to integer value as 'x'"),
    ],
)
def test_an_url_that_cannot_be_called(url: str, text: str) -> None:
    with pytest.raises(ExtenderError) as caught:
        call(url)
    assert str(caught.value) == text


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(limits, "LEAST_LIMIT_BYTES", 1000)
    yield 1000 + 4 * len(b"{}")


def test_an_answer_that_says_it_is_too_large_is_not_read(small_limit: int) -> None:
    with writing(say(head(10**15), then_wait=True)) as url, pytest.raises(ExtenderAnswerTooLarge) as caught:
        call(url)
    assert str(caught.value) == f"extender at URL {url}/filter answered with more than {small_limit} bytes"


def test_an_answer_without_an_end_is_not_read_to_it(small_limit: int) -> None:
    def flood(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with writing(flood) as url, pytest.raises(ExtenderAnswerTooLarge):
        call(url)


def test_a_head_without_an_end_is_not_read_to_it() -> None:
    endless = say(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, then_wait=True)
    with writing(endless) as url, pytest.raises(ExtenderUnreachable, match="got more than 65536 bytes"):
        call(url)


AUTHORITY = (CERTIFICATES / "authority.pem").read_bytes()
PAIR = {"cert_file": str(CERTIFICATES / "client.pem"), "key_file": str(CERTIFICATES / "client.key")}
DATA = {"cert_data": (CERTIFICATES / "client.pem").read_bytes(), "key_data": (CERTIFICATES / "client.key").read_bytes()}


def tls(**fields: Any) -> ExtenderTLSConfig:
    return ExtenderTLSConfig(**fields)


SECURE = {
    "insecure": {"tls_config": tls(insecure=True)},
    "https without an authority": {"enable_https": True},
    "an authority from a file": {
        "tls_config": tls(ca_file=str(CERTIFICATES / "authority.pem"), server_name="localhost"),
    },
    "data comes before a file": {
        "enable_https": True, "tls_config": tls(ca_data=AUTHORITY, ca_file="/nowhere", server_name="extender.test"),
    },
    "half a client certificate is none": {"enable_https": True, "tls_config": tls(cert_file=PAIR["cert_file"])},
}  # fmt: skip


@pytest.mark.parametrize("fields", SECURE.values(), ids=SECURE)
def test_tls(fields: Any) -> None:
    with serving(echo, server_tls()) as server:
        assert call(server.url("https"), **fields) == b'{"path":"/filter","question":{}}'


@pytest.mark.parametrize("pair", [PAIR, DATA], ids=["files", "data"])
def test_a_client_certificate(pair: Any) -> None:
    with serving(echo, server_tls(client_authority=True)) as server:
        assert call(server.url("https"), tls_config=tls(insecure=True, **pair))
        with pytest.raises(ExtenderUnreachable):
            call(server.url("https"), tls_config=tls(insecure=True))


def test_certificates_that_do_not_fit() -> None:
    with serving(echo, server_tls()) as server:
        url = server.url("https")
        for fields, cause in (
            ({}, "unable to get local issuer certificate"),
            (
                {"tls_config": tls(ca_data=AUTHORITY, server_name="other.test")},
                "Hostname mismatch, certificate is not valid for 'other.test'.",
            ),
        ):
            with pytest.raises(ExtenderUnreachable) as caught:
                call(url, **fields)  # type: ignore[arg-type]
            assert str(caught.value) == f'Post "{url}/filter": tls: failed to verify certificate: {cause}'


def test_a_server_that_speaks_no_tls() -> None:
    with writing(say(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as url, pytest.raises(ExtenderUnreachable) as caught:
        call(url.replace("http:", "https:"))
    assert str(caught.value).partition('/filter": ')[2].startswith("tls: ")


def test_the_deadline_holds_for_the_handshake() -> None:
    with writing(never_reads) as url, pytest.raises(ExtenderTimeout):
        call(url.replace("http:", "https:"), SHORT_S)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"insecure": True, "ca_data": AUTHORITY},
            "specifying a root certificates file with the insecure flag is not allowed",
        ),
        ({"ca_data": b"no"}, "unable to load root certificates: no valid certificate authority data seen"),
        ({"ca_file": "nowhere.pem"}, "[Errno 2] No such file or directory: 'nowhere.pem'"),
        ({"cert_data": b"no", "key_data": b"no"}, "[SSL] PEM lib"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_before_any_call(fields: Any, reason: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        connect(Extender(url_prefix="https://e.test", tls_config=tls(**fields)))
    assert f"extender https://e.test: tlsConfig: {reason}" in str(caught.value)


def test_data_in_a_configuration_are_bytes() -> None:
    encoded = base64.b64encode(AUTHORITY).decode()
    config = load_config(
        {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "extenders": [{"urlPrefix": "https://e.test", "tlsConfig": {"caData": encoded, "serverName": "localhost"}}],
        }
    )
    with serving(echo, server_tls()) as server:
        transport = connect(config.extenders[0])
        assert transport(f"{server.url('https')}/filter", b"{}", LONG_S)
        transport.close()
