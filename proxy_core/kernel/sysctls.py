"""Sysctls of the calling thread's network namespace: read and written below /proc/sys."""

from __future__ import annotations

import errno
from pathlib import Path

from proxy_core.errors import KernelError

_ROOT = Path("/proc/sys")
_REMEDIES = {"net/ipv4/vs/": "load the module ip_vs (modprobe ip_vs)", "net/netfilter/": "load nf_conntrack"}


def read_sysctl(name: str) -> str:
    """Return a sysctl, as in ``net/ipv4/ip_forward``, without the end of the line. Raises KernelError."""
    path = _ROOT / name
    try:
        return path.read_text(encoding="ascii").rstrip("\n")
    except OSError as refused:
        raise _error(name, "read", refused) from None


def write_sysctl(name: str, value: str | int) -> None:
    """Set a sysctl. Raises KernelError."""
    path = _ROOT / name
    try:
        path.write_text(str(value), encoding="ascii")
    except OSError as refused:
        raise _error(name, f"set to {value}", refused) from None


def is_writable(name: str) -> bool:
    """Tell whether a sysctl is there and can be set in this namespace; some belong to the first one alone."""
    try:
        return bool((_ROOT / name).stat().st_mode & 0o200)
    except OSError:
        return False


def ensure_sysctl(name: str, value: int) -> bool:
    """Set a sysctl unless it has the value; tell whether it was set. Raises KernelError."""
    if read_sysctl(name) == str(value):
        return False
    write_sysctl(name, value)
    return True


def _error(name: str, what: str, refused: OSError) -> KernelError:
    remedy = ""
    if isinstance(refused, FileNotFoundError):
        remedy = next((f"; {words}" for start, words in _REMEDIES.items() if name.startswith(start)), "")
    elif isinstance(refused, PermissionError):
        remedy = "; this needs root, and /proc/sys writable"
    elif refused.errno == errno.EROFS:
        remedy = "; /proc/sys is read-only here, as in a container that is not privileged"
    return KernelError(f"sysctl {name} cannot be {what}: {_ROOT / name}: {refused.strerror}{remedy}")
