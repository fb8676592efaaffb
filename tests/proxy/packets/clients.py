"""Clients: ask an address and port from a namespace, once or thousands of times, each with a source port of its own."""

from __future__ import annotations

import random
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal, NamedTuple

from proxy_core.kernel.netns import inside
from tests.proxy.packets import sctp
from tests.proxy.packets.servers import Answer, Protocol, read_answer

Refusal = Literal["refused", "unreachable", "silence"]
"""A TCP reset or an ICMP port unreachable; another ICMP error; nothing until the time is over."""
Outcome = Answer | Refusal

PATIENCE = 5.0
"""Seconds that an answer may take which must come; machines are slow at times."""
SHORT = 0.4
"""Seconds after which nothing has come that must not come."""
TO_REFUSE = 6.0
"""Seconds for a refusal of TCP: the first one comes while the socket is still busy with sending, and its kernel drops
it (LockDroppedIcmps); at times also the next one. SYNs follow after 1 and 3 s at the latest."""
_AT_ONCE = 256
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Question(NamedTuple):
    """Who asks whom."""

    netns: str
    address: str
    port: int
    protocol: Protocol = "TCP"
    source: str = ""
    """The client's address, where it has several."""


def ask(question: Question, *, seconds: float = PATIENCE) -> Outcome:
    """Open a connection (send a datagram, an INIT) and return what came of it."""
    return ask_each([question], seconds=seconds)[0]


def ask_each(questions: Iterable[Question], *, seconds: float = PATIENCE) -> list[Outcome]:
    """Ask all at once, and return what came of each in so many seconds."""
    asked = []
    for each in questions:
        with inside(each.netns):
            asked.append(_Sctp(each) if each.protocol == "SCTP" else _open(each))
    until = time.monotonic() + seconds
    return [_outcome(each, max(0.001, until - time.monotonic())) for each in asked]


def ask_often(question: Question, count: int) -> Counter[Outcome]:
    """Ask so many times, some hundred at once; return how often what came of it."""
    found: Counter[Outcome] = Counter()
    while count > 0:
        found.update(ask_each([question] * min(count, _AT_ONCE)))
        count -= _AT_ONCE
    return found


def answered(questions: Iterable[Question]) -> list[Answer]:
    """Ask all at once; fails unless everyone is answered."""
    questions = list(questions)
    got = ask_each(questions)
    wrong = [pair for pair in zip(questions, got, strict=True) if not isinstance(pair[1], Answer)]
    assert not wrong, wrong
    return [each for each in got if isinstance(each, Answer)]


def unanswered(questions: Iterable[Question], *, seconds: float = SHORT) -> list[Outcome]:
    """Ask all at once; fails if anyone is answered."""
    questions = list(questions)
    got = ask_each(questions, seconds=seconds)
    wrong = [pair for pair in zip(questions, got, strict=True) if isinstance(pair[1], Answer)]
    assert not wrong, wrong
    return got


@contextmanager
def connection(question: Question) -> Iterator[tuple[socket.socket, Answer]]:
    """Open a TCP connection that stays, and yield it with the server's answer. Raises OSError."""
    with inside(question.netns):
        found = _open(question)
    if isinstance(found, str):
        raise ConnectionError(found)
    with found:
        found.settimeout(PATIENCE)
        line = found.recv(1 << 12)
        if not line:
            raise ConnectionResetError("closed without an answer")
        yield found, read_answer(line)


def is_alive(found: socket.socket) -> bool:
    """Tell whether the server at the other end of a connection still sends back what it gets."""
    token = random.randbytes(8).hex().encode()
    try:
        found.sendall(token)
        got = b""
        while len(got) < len(token):
            data = found.recv(len(token) - len(got))
            if not data:
                return False
            got += data
    except OSError:
        return False
    return got == token


def _open(question: Question) -> socket.socket | Refusal:
    tcp, target = question.protocol == "TCP", (question.address, question.port)
    family = socket.AF_INET6 if ":" in question.address else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    found.setblocking(False)
    try:
        if question.source:
            found.bind((question.source, 0))
        if tcp:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            with suppress(BlockingIOError):
                found.connect(target)
        else:
            found.connect(target)
            with suppress(PermissionError):  # the node's own rules took it: whether with a word shows when we read
                found.send(b"?")
    except OSError as refused:
        found.close()
        return _refusal(refused)
    return found


class _Sctp:
    """An INIT that waits for its answer."""

    def __init__(self, question: Question) -> None:
        self._address, v6 = question.address, ":" in question.address
        self._raw = sctp.raw_socket(ipv6=v6)
        icmp = socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP
        self._errors = socket.socket(self._raw.family, socket.SOCK_RAW, icmp)
        self._port, self._tag = random.randrange(32768, 60999), random.randrange(1, 1 << 31) << 1
        first = sctp.Packet(sctp.INIT, question.source, question.address, self._port, question.port, self._tag)
        with suppress(PermissionError):
            sctp.send(self._raw, first)

    def outcome(self, seconds: float) -> Outcome:
        until = time.monotonic() + seconds
        with self._raw, self._errors:
            while (left := until - time.monotonic()) > 0:
                ready, _, _ = select.select([self._raw, self._errors], [], [], left)
                if self._raw in ready and (answer := sctp.receive(self._raw)) is not None:
                    if (answer.source, answer.to_port, answer.verification_tag) == (
                        self._address,
                        self._port,
                        self._tag,
                    ):
                        return read_answer(answer.cookie)
                elif self._errors in ready and self._says_refused(self._errors.recv(1 << 12)):
                    return "refused"
        return "silence"

    def _says_refused(self, packet: bytes) -> bool:
        """Tell whether an ICMP packet says that the port of this INIT is unreachable."""
        v6 = ":" in self._address
        if not v6:
            packet = packet[(packet[0] & 15) * 4 :]
        inner = packet[8 + 40 :] if v6 else packet[8 + (packet[8] & 15) * 4 :] if len(packet) > 8 else b""
        return tuple(packet[:2]) == ((1, 4) if v6 else (3, 3)) and inner[:2] == self._port.to_bytes(2, "big")


def _outcome(asked: socket.socket | _Sctp | Refusal, seconds: float) -> Outcome:
    if isinstance(asked, str):
        return asked
    if isinstance(asked, _Sctp):
        return asked.outcome(seconds)
    with asked:
        asked.settimeout(seconds)
        try:
            line = asked.recv(1 << 12)
        except OSError as refused:
            return _refusal(refused)
        return read_answer(line) if line else "refused"


def _refusal(error: OSError) -> Refusal:
    if isinstance(error, ConnectionRefusedError | ConnectionResetError):
        return "refused"
    return "silence" if isinstance(error, TimeoutError) else "unreachable"
