"""Network namespaces for tests of a real kernel: made for a test, gone with it, never the host's own."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

_NEW_NETWORK = 0x40000000


def _unshared() -> int:
    """Return an open file of a new namespace; the thread that called is of no other use."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_NETWORK) != 0:
        pytest.skip(f"a network namespace cannot be made here: {os.strerror(ctypes.get_errno())}")
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


@pytest.fixture
def new_netns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Return what makes a namespace, known by a path that other programs can open too; or skip the test."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    monkeypatch.setenv("XTABLES_LOCKFILE", str(tmp_path / "xtables.lock"))  # nobody else's tables wait for ours
    files: list[int] = []

    def make() -> str:
        with ThreadPoolExecutor(1) as thread:
            files.append(thread.submit(_unshared).result())
        return f"/proc/{os.getpid()}/fd/{files[-1]}"

    yield make
    for each in files:
        os.close(each)


@pytest.fixture
def netns(new_netns: Callable[[], str]) -> str:
    """Return a namespace of the test's own."""
    return new_netns()
