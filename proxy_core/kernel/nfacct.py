"""Counters of packets by name (nfacct), over netlink: looked for and made.

Source: linux/netfilter/nfnetlink_acct.h; upstream: pkg/proxy/util/nfacct.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from contextlib import suppress

from proxy_core.errors import KernelError
from proxy_core.kernel.netlink import (
    ACK,
    CREATE,
    NETFILTER,
    REQUEST,
    Message,
    Netlink,
    NetlinkError,
    attrs,
    message,
    text,
)

_NEW, _GET = 0x700, 0x701
_NAME, _PACKETS = 1, 2
_HEAD = bytes(4)
_NOBODY = "stowage-probe"


def ensure_counters(names: Iterable[str]) -> bool:
    """Make counters that are not there, in the calling thread's namespace; tell whether the kernel has them now.

    A kernel without them is no error: rules do without.
    """
    try:
        with Netlink(NETFILTER) as link:
            _has(link, _NOBODY)
            for name in names:
                if not _has(link, name):
                    _ask(link, _NEW, CREATE, name)
    except KernelError:
        return False
    return True


def read_counters(names: Iterable[str]) -> dict[str, int]:
    """Return the packets counted by each name, in the calling thread's namespace; a counter not there is left out."""
    found: dict[str, int] = {}
    with suppress(KernelError), Netlink(NETFILTER) as link:
        for name in names:
            with suppress(NetlinkError):
                for answer in _ask(link, _GET, 0, name):
                    found[name] = int.from_bytes(attrs(answer.payload, len(_HEAD)).get(_PACKETS, b""), "big")
    return found


def _has(link: Netlink, name: str) -> bool:
    try:
        _ask(link, _GET, 0, name)
    except NetlinkError as refused:
        if refused.refusal.errno == errno.ENOENT:
            return False
        raise
    return True


def _ask(link: Netlink, kind: int, flags: int, name: str) -> list[Message]:
    number = link.sequence()
    payload = _HEAD + text(_NAME, name)
    return link.ask(f"counter {name}", message(kind, REQUEST | ACK | flags, number, payload), number)
