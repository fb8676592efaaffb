"""What ipvs mode takes from this machine: all that a proxier writes to, and what is set once before its first sync."""

from __future__ import annotations

from proxy_core.addresses import Family
from proxy_core.errors import KernelError
from proxy_core.iptables.kernel import Iptables
from proxy_core.ipvs.kernel import IpvsKernel
from proxy_core.ipvs.preparation import check_scheduler, sysctls, timeouts
from proxy_core.kernel.bound import DummyAddresses
from proxy_core.kernel.ipset import NetlinkIpSets
from proxy_core.kernel.iptables import IptablesPrograms
from proxy_core.kernel.ipvs import IpvsServers
from proxy_core.kernel.machine import kernel_version, set_sysctls
from proxy_core.settings import IpvsSettings


def ipvs_kernel(family: Family, tables: Iptables | None = None) -> IpvsKernel:
    """Return what a proxier of one family writes to, in the calling thread's network namespace.

    Without `tables` the machine's own programs of iptables are used. Raises KernelError where the kernel lacks ip_vs or
    ip_set.
    """
    servers = IpvsServers(family)
    try:
        sets = NetlinkIpSets()
    except KernelError:
        servers.close()
        raise
    return IpvsKernel(IptablesPrograms(family) if tables is None else tables, servers, sets, DummyAddresses(family))


def prepare_ipvs(settings: IpvsSettings) -> tuple[str, ...]:
    """Set the sysctls and timeouts of ipvs mode, and make sure that its scheduler is there.

    Return what could not be set and is no reason to stop, in words. Raises KernelError, and NotSupported for a
    scheduler that the kernel lacks.
    """
    servers = IpvsServers("IPv4")  # first: with ip_vs come its sysctls
    try:
        check_scheduler(servers, settings.scheduler)
        set_sysctls(sysctls(settings, kernel_version()))
        wanted = timeouts(settings)
        if wanted is not None:
            try:
                servers.set_timeouts(*wanted)
            except KernelError as refused:
                return (str(refused),)
        return ()
    finally:
        servers.close()
