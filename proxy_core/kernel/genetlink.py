"""Generic netlink: families that the kernel numbers when they are loaded.

Source: linux/genetlink.h.
"""

from __future__ import annotations

import struct

from proxy_core.errors import KernelError
from proxy_core.kernel.netlink import ACK, REQUEST, Netlink, NetlinkError, attrs, message, text

PROTOCOL = 16
HEADER = struct.Struct("=BBxx")
"""Command and version."""
_CONTROL, _GET_FAMILY = 16, 3
_FAMILY_ID, _FAMILY_NAME = 1, 2


def family_number(link: Netlink, name: str, remedy: str) -> int:
    """Return the number of a family. Raises KernelError with the remedy where the kernel does not have it."""
    number = link.sequence()
    asked = message(_CONTROL, REQUEST | ACK, number, HEADER.pack(_GET_FAMILY, 1) + text(_FAMILY_NAME, name))
    try:
        answers = link.ask(name, asked, number)
    except NetlinkError as refused:
        raise KernelError(f"the kernel has no {name}: {remedy} ({refused.refusal})") from None
    return int.from_bytes(attrs(answers[0].payload, HEADER.size)[_FAMILY_ID], "little")
