"""Capabilities: which a proxy must have, and how it gives up all others for good.

Rules, routes, conntrack and addresses take NET_ADMIN; the legacy programs of iptables open a raw socket, which takes
NET_RAW. Sysctls take no capability but to be root where /proc/sys is writable. Source: capabilities(7), prctl(2).
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterable
from pathlib import Path

from proxy_core.errors import KernelError

NEEDED = ("NET_ADMIN", "NET_RAW")
_NUMBERS = {"NET_ADMIN": 12, "NET_RAW": 13}
_STATUS = Path("/proc/thread-self/status")
_LAST = Path("/proc/sys/kernel/cap_last_cap")
_VERSION_3 = 0x20080522
_BOUNDING_DROP, _NO_NEW_PRIVILEGES, _AMBIENT, _AMBIENT_RAISE, _AMBIENT_CLEAR = 24, 38, 47, 2, 4


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def effective() -> int:
    """Return the effective capabilities of the calling thread as a set of bits. Raises KernelError."""
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", _STATUS.read_text(encoding="ascii"), re.MULTILINE)
    if found is None:
        raise KernelError(f"{_STATUS} does not tell capabilities")
    return int(found[1], 16)


def missing(needed: Iterable[str] = NEEDED) -> tuple[str, ...]:
    """Return the capabilities that the calling thread needs and lacks."""
    has = effective()
    return tuple(name for name in needed if not has >> _NUMBERS[name] & 1)


def check(needed: Iterable[str] = NEEDED) -> None:
    """Make sure that nothing is missing. Raises KernelError, which says how to give it."""
    lacks = missing(needed)
    if lacks:
        names = " and ".join(lacks)
        words = "capability" if len(lacks) == 1 else "capabilities"
        raise KernelError(
            f"this process lacks the {words} {names}: run it as root, with setpriv "
            f"--ambient-caps {','.join('+' + name.lower() for name in lacks)}, or in a pod with "
            f"securityContext.capabilities.add [{', '.join(lacks)}]"
        )


def keep_only(needed: Iterable[str] = NEEDED) -> None:
    """Give up all other capabilities, in this thread and whatever it starts; none ever comes back.

    Of several threads each has its own: to be called before there is a second one. What it keeps goes on to programs.
    Raises KernelError where something needed is missing or the kernel refuses.
    """
    names = tuple(needed)
    check(names)
    keep = sum(1 << _NUMBERS[name] for name in names)
    libc = ctypes.CDLL(None, use_errno=True)
    if effective() >> 8 & 1:  # SETPCAP: without it nothing can be taken out of the bounding set
        for number in range(int(_LAST.read_text(encoding="ascii")) + 1):
            if not keep >> number & 1:
                _expect(libc.prctl(_BOUNDING_DROP, number, 0, 0, 0), "the bounding set cannot be made smaller")
    _expect(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no_new_privs cannot be set")
    header = _Header(_VERSION_3, 0)
    data = (_Data * 2)(*(_Data(part, part, part) for part in (keep & 0xFFFFFFFF, keep >> 32)))
    _expect(libc.capset(ctypes.byref(header), data), "capabilities cannot be given up")
    # Programs of a user who is not root have only what is ambient.
    _expect(libc.prctl(_AMBIENT, _AMBIENT_CLEAR, 0, 0, 0), "ambient capabilities cannot be cleared")
    for name in names:
        _expect(libc.prctl(_AMBIENT, _AMBIENT_RAISE, _NUMBERS[name], 0, 0), f"{name} cannot be handed on to programs")


def _expect(result: int, what: str) -> None:
    if result != 0:
        raise KernelError(f"{what}: {os.strerror(ctypes.get_errno())}")
