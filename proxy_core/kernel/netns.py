"""The network namespace in which a thread works; sockets and programs made there stay there."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proxy_core.errors import KernelError

_CLONE_NEWNET = 0x40000000
_SET_FLAGS, _UP = 0x8914, 1
"""SIOCSIFFLAGS of linux/sockios.h, IFF_UP of linux/if.h."""
_NAMED = Path("/run/netns")


def path_of(netns: str) -> Path:
    """Return the file of a namespace: a path as it stands, or a name that ``ip netns`` knows."""
    return Path(netns) if "/" in netns else _NAMED / netns


def enter(netns: str) -> None:
    """Move the calling thread into a namespace for good. Raises KernelError."""
    path = path_of(netns)
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as refused:
        remedy = "; ip netns list shows those there are" if isinstance(refused, FileNotFoundError) else ""
        raise KernelError(f"network namespace {netns}: {path}: {refused.strerror}{remedy}") from None
    try:
        _set(file, netns)
    finally:
        os.close(file)


@contextmanager
def inside(netns: str | None) -> Iterator[None]:
    """Work in a namespace (None: the present one) and come back. Raises KernelError."""
    if netns is None:
        yield
        return
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(netns)
        try:
            yield
        finally:
            _set(home, "of before")
    finally:
        os.close(home)


@contextmanager
def scratch() -> Iterator[None]:
    """Work in a new namespace that has nothing but lo, and is gone afterwards. Raises KernelError."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_CLONE_NEWNET) != 0:
            raise KernelError(f"a new network namespace: {_reason(ctypes.get_errno())}")
        try:
            _set_up_lo()
            yield
        finally:
            _set(home, "of before")
    finally:
        os.close(home)


def _set_up_lo() -> None:
    """Set up lo: without any address the kernel takes all addresses for broadcast, and IPVS refuses them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as any_socket:
        request = struct.pack("16sh14x", b"lo", _UP)
        try:
            fcntl.ioctl(any_socket, _SET_FLAGS, request)
        except OSError as refused:
            raise KernelError(f"lo cannot be set up: {refused.strerror}") from None


def _set(file: int, name: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(file, _CLONE_NEWNET) != 0:
        raise KernelError(f"network namespace {name}: {_reason(ctypes.get_errno())}")


def _reason(number: int) -> str:
    """Return an error in words, with the remedy where rights are missing."""
    return f"{os.strerror(number)}{'; it takes the capability SYS_ADMIN' if number == errno.EPERM else ''}"
