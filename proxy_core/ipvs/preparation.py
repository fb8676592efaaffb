"""What ipvs mode needs of the machine before its first sync: sysctls, timeouts, and a scheduler that is there.

Upstream: NewProxier and CanUseIPVSProxier of pkg/proxy/ipvs. The values are decided here; the edge writes them.
"""

from __future__ import annotations

from typing import NamedTuple

from proxy_core.errors import NotSupported
from proxy_core.ipvs.kernel import AddServer, DeleteServer, ServerKey, Servers, VirtualServer
from proxy_core.settings import SECOND, IpvsSettings

KernelVersion = tuple[int, int]
"""Major and minor."""
_REUSE_MODE_SINCE: KernelVersion = (4, 1)
_REUSE_MODE_HEALED: KernelVersion = (5, 9)
_PROBE = ServerKey("198.51.100.0", 20000, "TCP")


class Timeouts(NamedTuple):
    """After how many seconds idle connections end; 0 leaves one as it is."""

    tcp: int
    tcp_fin: int
    udp: int


def sysctls(settings: IpvsSettings, kernel: KernelVersion) -> dict[str, int]:
    """Return the sysctls by path below /proc/sys, in the order in which they are to be written."""
    values = {"net/ipv4/vs/conntrack": 1}
    if (
        _REUSE_MODE_SINCE <= kernel < _REUSE_MODE_HEALED
    ):  # a reused port went to a server of weight 0, or waited a second
        values["net/ipv4/vs/conn_reuse_mode"] = 0
    values |= {
        "net/ipv4/vs/expire_nodest_conn": 1,
        "net/ipv4/vs/expire_quiescent_template": 1,
        "net/ipv4/ip_forward": 1,
    }
    if settings.strict_arp:
        values |= {"net/ipv4/conf/all/arp_ignore": 1, "net/ipv4/conf/all/arp_announce": 2}
    return values


def timeouts(settings: IpvsSettings) -> Timeouts | None:
    """Return the timeouts to set; None if all are to stay as they are. A failure to set them is no reason to stop."""
    wanted = (settings.tcp_timeout, settings.tcp_fin_timeout, settings.udp_timeout)
    return Timeouts(*(each // SECOND for each in wanted)) if any(wanted) else None


def check_scheduler(servers: Servers, scheduler: str) -> None:
    """Make sure that the kernel has a scheduler, by a virtual server of IPv4 if there is none that uses it.

    Raises NotSupported, which names the remedy, and KernelError.
    """
    if any(each.scheduler == scheduler for each in servers.dump()):
        return
    refused = servers.run([AddServer(VirtualServer(_PROBE, scheduler))])
    found = any((each.key, each.scheduler) == (_PROBE, scheduler) for each in servers.dump())
    if not refused:
        servers.run([DeleteServer(_PROBE)])
    if refused or not found:
        reason = refused[0].reason if refused else f"virtual server {_PROBE} did not appear"
        raise NotSupported(f"scheduler {scheduler} of ipvs cannot be used ({reason}): modprobe ip_vs_{scheduler}")
