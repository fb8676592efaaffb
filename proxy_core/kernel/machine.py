"""What a proxy must know of its machine, and do to it once: families, modes, counters, sysctls.

Everything here is about the network namespace of the calling thread. What is to be set is decided elsewhere
(`proxy_core.config.sysctls`, `proxy_core.ipvs.preparation`).
"""

from __future__ import annotations

import errno
import os
import platform
import re
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from proxy_core.addresses import FAMILIES, Family
from proxy_core.config.settings import Machine
from proxy_core.config.sysctls import CONNTRACK_MAX
from proxy_core.config.validate import MODES
from proxy_core.errors import KernelError, NotSupported, ProxyError
from proxy_core.iptables.port_rules import NFACCT_LOCALHOST
from proxy_core.iptables.proxier import NFACCT_INVALID
from proxy_core.kernel.iptables import IptablesPrograms, Variant
from proxy_core.kernel.links import Links
from proxy_core.kernel.netlink import ACK, NETFILTER, REQUEST, Netlink, NetlinkError, message, text
from proxy_core.kernel.nfacct import ensure_counters
from proxy_core.kernel.sysctls import ensure_sysctl, read_sysctl
from proxy_core.settings import Interfaces

COUNTERS = (NFACCT_INVALID, NFACCT_LOCALHOST)

_IF_INET6, _NO_IPV6 = Path("/proc/net/if_inet6"), "net/ipv6/conf/all/disable_ipv6"
_HASH_SIZE = Path("/sys/module/nf_conntrack/parameters/hashsize")
_BE_LIBERAL = "net/netfilter/nf_conntrack_tcp_be_liberal"

_GENERIC = 16
_GET_GENERATION, _IPSET_PROTOCOL, _IPSET_PROTOCOL_NUMBER = 0x0A10, 0x0601, 1
_CONTROL, _GET_FAMILY, _FAMILY_NAME = 16, 3, 2
_NFTABLES_SINCE = (5, 13)
"""As upstream asks for; the rules of nftables mode work from there."""


def families(mode: str, variant: Variant | None = None) -> tuple[Family, ...]:
    """Return the families in which a mode works here. Raises the reason, with its remedy, where there is none.

    Without IPv6 there is IPv4 alone; where both work, both are served, as upstream. Raises KernelError, NotSupported.
    """
    works: list[Family] = []
    reasons: list[ProxyError] = []
    for family in FAMILIES if has_ipv6() else FAMILIES[:1]:
        try:
            check_mode(mode, family, variant)
            works.append(family)
        except (KernelError, NotSupported) as reason:
            reasons.append(reason)
    if not works:
        raise reasons[0]
    return tuple(works)


def check_mode(mode: str, family: Family, variant: Variant | None = None) -> None:
    """Make sure that a mode works here in a family. Raises KernelError or NotSupported, with the remedy."""
    if mode in ("iptables", "ipvs"):
        IptablesPrograms(family, variant).check()
    if mode in ("nftables", "flat"):
        _check_nf_tables(mode)
    elif mode == "ipvs":
        _check_ipvs()
    elif mode != "iptables":
        raise NotSupported(f"there is no mode {mode}; there are {', '.join(MODES)}")


def _check_nf_tables(mode: str) -> None:
    if (version := kernel_version()) < _NFTABLES_SINCE:
        wanted = ".".join(map(str, _NFTABLES_SINCE))
        raise NotSupported(f"mode {mode} needs Linux {wanted} or newer; this is {version[0]}.{version[1]}")
    _probe(f"mode {mode}: nf_tables", NETFILTER, _GET_GENERATION, bytes(4), "modprobe nf_tables")


def _check_ipvs() -> None:
    family = bytes([_GET_FAMILY, 1, 0, 0]) + text(_FAMILY_NAME, "IPVS")
    _probe("mode ipvs: ip_vs", _GENERIC, _CONTROL, family, "modprobe ip_vs")
    protocol = bytes(4) + bytes([5, 0, _IPSET_PROTOCOL_NUMBER, 0, 7, 0, 0, 0])
    _probe("mode ipvs: ipset", NETFILTER, _IPSET_PROTOCOL, protocol, "modprobe ip_set")


def _probe(what: str, protocol: int, kind: int, payload: bytes, remedy: str) -> None:
    """Ask a subsystem of the kernel for something harmless. Raises NotSupported where it does not answer."""
    try:
        with Netlink(protocol) as link:
            number = link.sequence()
            link.ask(what, message(kind, REQUEST | ACK, number, payload), number)
    except NetlinkError as refused:
        if refused.refusal.errno in (errno.EPERM, errno.EACCES):
            raise KernelError(f"{refused}; it takes the capability NET_ADMIN") from None
        raise NotSupported(f"{what} is not in this kernel: {remedy} ({refused.refusal})") from None


def kernel_version() -> tuple[int, int]:
    """Return major and minor version of the kernel."""
    found = re.match(r"([0-9]+)\.([0-9]+)", platform.release(), re.ASCII)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def has_ipv6() -> bool:
    """Tell whether the kernel has IPv6 and nobody has switched it off."""
    try:
        return _IF_INET6.exists() and read_sysctl(_NO_IPV6) != "1"
    except KernelError:
        return False


def read_machine(mode: str = "iptables", variant: Variant | None = None) -> Machine:
    """Return what the settings of a mode depend on, counters made; to be called after sysctls are set.

    Raises NotSupported where mode needs programs that are not here.
    """
    needs_programs = mode in ("iptables", "ipvs")
    return Machine(
        interfaces=interfaces,
        random_fully=IptablesPrograms("IPv4", variant).version.random_fully if needs_programs else True,
        tcp_be_liberal=_is_set(_BE_LIBERAL),
        has_nfacct=mode == "iptables" and ensure_counters(COUNTERS),
    )


def _is_set(name: str) -> bool:
    try:
        return read_sysctl(name) != "0"
    except KernelError:
        return False


def interfaces() -> Interfaces:
    """Return the addresses of all interfaces as ``address/prefix``. Raises KernelError."""
    with closing(Links()) as links:
        return links.interfaces()


def cpu_count() -> int:
    """Return the processors of this machine."""
    return os.cpu_count() or 1


def set_sysctls(values: Mapping[str, int]) -> list[str]:
    """Set sysctls that have another value, in order; with the most connections goes the size of their hash table.

    Return what could not be done and is no reason to stop, in words. Raises KernelError.
    """
    warnings = []
    for name, value in values.items():
        ensure_sysctl(name, value)
        if name == CONNTRACK_MAX and (warning := _grow_hash_table(value // 4)):
            warnings.append(warning)
    return warnings


def _grow_hash_table(size: int) -> str:
    """Let conntrack's hash table have so many buckets at least; return why not where /sys is read-only."""
    try:
        if int(_HASH_SIZE.read_text(encoding="ascii")) >= size:
            return ""
        _HASH_SIZE.write_text(str(size), encoding="ascii")
    except OSError as refused:
        if refused.errno != errno.EROFS:
            raise KernelError(f"{_HASH_SIZE} cannot be set to {size}: {refused.strerror}") from None
        return f"{_HASH_SIZE} stays smaller than {size}: /sys is read-only, as in a container that is not privileged"
    return ""
