"""Network namespaces: in, out, and a new one for a while."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from proxy_core import KernelError
from proxy_core.kernel.netns import inside, scratch


def here() -> int:
    return Path("/proc/thread-self/ns/net").stat().st_ino


def test_a_scratch_namespace_has_lo_alone_and_is_left_whatever_happens(netns: str) -> None:
    with inside(netns):
        before = here()
        with pytest.raises(ZeroDivisionError), scratch():
            assert here() != before and [name for _, name in socket.if_nameindex()] == ["lo"]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"", ("127.0.0.1", 9))  # lo is up
            raise ZeroDivisionError
        assert here() == before


def test_a_namespace_that_is_not_there() -> None:
    before = here()
    with (
        pytest.raises(KernelError, match="network namespace nowhere: /run/netns/nowhere: No such file"),
        inside("nowhere"),
    ):
        pass
    assert here() == before
