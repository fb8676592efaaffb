"""Programs: run by their words, never by a shell, in a namespace, with an end to the waiting.

What an exit status means is the caller's business.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, NamedTuple

from proxy_core.errors import KernelError, NotSupported
from proxy_core.kernel.netns import inside

TIMEOUT_S = 300.0
_PIECE_BYTES = 1 << 20
"""Small pieces of input are written together: a call costs more than to copy them."""


class Done(NamedTuple):
    """How a program has ended."""

    status: int
    """Exit status; negative: the signal that ended it."""
    output: str
    errors: str


def run(
    words: Sequence[str],
    *,
    text: Iterable[str] = (),
    netns: str | None = None,
    timeout_s: float = TIMEOUT_S,
    package: str = "",
) -> Done:
    """Run a program to its end, with a text on its standard input that may come in pieces.

    `package` names what to install where the program is missing. Raises NotSupported (it is missing) and KernelError
    (no namespace, no permission, not done in time).
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        with _started(words, output, errors, netns, package) as process, _limit(process, words, timeout_s):
            _write(process, text)
            process.wait()
        return Done(process.returncode, _read(output), _read(errors))


def _started(
    words: Sequence[str], output: int | IO[bytes], errors: IO[bytes], netns: str | None, package: str
) -> subprocess.Popen[bytes]:
    try:
        with inside(netns):
            return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=output, stderr=errors)
    except FileNotFoundError:
        remedy = f": install {package}" if package else ""
        raise NotSupported(f"there is no program {words[0]} on this machine{remedy}") from None
    except OSError as refused:
        raise KernelError(f"{words[0]} cannot be started: {refused.strerror}") from None


@contextmanager
def _limit(process: subprocess.Popen[bytes], words: Sequence[str], timeout_s: float) -> Iterator[None]:
    """End a process that takes too long, whatever the caller waits for. Raises KernelError then."""
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(timeout_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except BaseException:
        process.kill()
        raise
    finally:
        timer.cancel()
    if late.is_set():
        raise KernelError(f"{' '.join(words[:4])}: not done after {timeout_s:g} s")


def _write(process: subprocess.Popen[bytes], text: Iterable[str]) -> None:
    assert process.stdin is not None
    waiting: list[str] = []
    size = 0
    with suppress(BrokenPipeError):  # it has ended before it read everything: its status says why
        for piece in text:
            waiting.append(piece)
            size += len(piece)
            if size >= _PIECE_BYTES:
                process.stdin.write("".join(waiting).encode())
                waiting, size = [], 0
        process.stdin.write("".join(waiting).encode())
    with suppress(BrokenPipeError):
        process.stdin.close()


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
