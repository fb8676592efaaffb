"""Load: clients in a process of their own, of which some open one connection after the other and some keep one.

A connection counts as failed where it is not answered, or where the first SYN was of no use: refused or lost, it is
sent again after a second, and a program would not notice.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.proxy.packets.clients import Question, ask_each, connection, is_alive

_TCP_INFO_RETRANSMITS = 100
"""Where struct tcp_info has how many segments were sent again."""
PAUSE_S = 0.02


class Report(NamedTuple):
    """What the clients have seen."""

    opened: int
    kept: int
    exchanges: int
    """Of kept connections."""
    failures: list[str]


class Load:
    """The clients' process, from the parent's side."""

    def __init__(self, opening: Sequence[Question], keeping: Sequence[Question]) -> None:
        """Start it, and wait until all kept connections stand."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.proxy.packets.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps([opening, keeping]), file=self._process.stdin, flush=True)
        assert self._process.stdout.readline() == "ready\n"

    def stop(self) -> Report:
        """End the clients, and return what they have seen."""
        said, _ = self._process.communicate("stop\n")
        return Report(*json.loads(said))

    def kill(self) -> None:
        """End them at once, if they still run."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


class _Clients:
    def __init__(self, opening: Sequence[Question], keeping: Sequence[Question]) -> None:
        self._stopped = threading.Event()
        self._opened, self._exchanges = [0] * len(opening), [0] * len(keeping)
        self._failures: list[str] = []
        self._up = threading.Semaphore(0)
        self._kept = len(keeping)
        self._begin = time.monotonic()
        works = [(self._open, each, number) for number, each in enumerate(opening)]
        works += [(self._keep, each, number) for number, each in enumerate(keeping)]
        self._threads = [threading.Thread(target=work, args=(each, number)) for work, each, number in works]

    def run(self) -> Report:
        for each in self._threads:
            each.start()
        for _ in range(self._kept):
            self._up.acquire()
        print("ready", flush=True)
        sys.stdin.readline()
        self._stopped.set()
        for each in self._threads:
            each.join()
        return Report(sum(self._opened), self._kept, sum(self._exchanges), self._failures)

    def _open(self, question: Question, number: int) -> None:
        while not self._stopped.wait(PAUSE_S):
            if question.protocol == "UDP":
                got = ask_each([question])[0]
                if isinstance(got, str):
                    self._fail(question, got)
            else:
                try:
                    with connection(question) as (found, _):
                        if again := _sent_again(found):
                            self._fail(question, f"{again} segments sent again")
                except OSError as refused:
                    self._fail(question, repr(refused))
            self._opened[number] += 1

    def _keep(self, question: Question, number: int) -> None:
        try:
            with connection(question) as (found, answer):
                self._up.release()
                while not self._stopped.wait(2 * PAUSE_S):
                    if not is_alive(found):
                        self._fail(question, f"the connection to {answer.server} has broken")
                        return
                    self._exchanges[number] += 1
        except OSError as refused:
            self._fail(question, f"kept: {refused!r}")
            self._up.release()

    def _fail(self, question: Question, why: str) -> None:
        where = f"{question.protocol} {question.address}:{question.port}"
        self._failures.append(f"{time.monotonic() - self._begin:.2f} s: {where}: {why}")


def _sent_again(found: socket.socket) -> int:
    info = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int.from_bytes(info[_TCP_INFO_RETRANSMITS : _TCP_INFO_RETRANSMITS + 4], sys.byteorder)


def main() -> None:
    """Run the clients that the first line names until the next line."""
    plan: Any = json.loads(sys.stdin.readline())
    opening, keeping = ([Question(*each) for each in part] for part in plan)
    print(json.dumps(_Clients(opening, keeping).run()))


if __name__ == "__main__":
    main()
