"""NetlinkTables: deletes whole tables of nftables; what is in them is no matter here.

Source: linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink.h.
"""

from __future__ import annotations

import errno

from proxy_core.errors import KernelError, NotSupported
from proxy_core.kernel.netlink import ACK, NETFILTER, REQUEST, Netlink, NetlinkError, message, text
from proxy_core.nft.statements import TableFamily

_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_BATCH = bytes((0, 0, 0, 10))
"""A batch for subsystem 10, nf_tables."""
_DELETE_TABLE = 0x0A02
_TABLE_NAME = 1
_FAMILIES: dict[TableFamily, int] = {"ip": 2, "ip6": 10}
_NOTHING = (errno.EINVAL, errno.EOPNOTSUPP, errno.EAFNOSUPPORT)


class NetlinkTables:
    """The tables of the calling thread's network namespace."""

    def delete_table(self, family: TableFamily, name: str) -> None:
        """Delete a table with all that it holds; nothing happens if it is not there.

        Raises KernelError, and NotSupported where the kernel has no nf_tables, so no tables.
        """
        with Netlink(NETFILTER) as link:
            first = link.sequence(3)
            payload = bytes((_FAMILIES[family], 0, 0, 0)) + text(_TABLE_NAME, name)
            batch = (
                message(_BATCH_BEGIN, REQUEST, first, _BATCH)
                + message(_DELETE_TABLE, REQUEST | ACK, first + 1, payload)
                + message(_BATCH_END, REQUEST, first + 2, _BATCH)
            )
            try:
                link.ask(f"nftables: table {family} {name} cannot be deleted", batch, first + 1)
            except NetlinkError as refused:
                number = refused.refusal.errno
                if number == errno.ENOENT:
                    return
                if number in _NOTHING:
                    raise NotSupported(f"nf_tables is not in this kernel ({refused.refusal})") from None
                raise KernelError(str(refused)) from None
