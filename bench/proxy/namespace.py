"""A network namespace of this process's own, in which a node serves every endpoint itself.

It is gone when the process ends.
"""

from __future__ import annotations

import ctypes
import os
import socket

from bench.proxy.workload import ENDPOINT_NETWORK, NODE_IP
from proxy_core import KernelError
from proxy_core.kernel import capabilities

_CLONE_NEWNET = 0x40000000


def enter_new() -> None:
    """Move this process, which must have a single thread, into a new namespace. Raises KernelError."""
    from pyroute2 import IPRoute

    capabilities.check()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise KernelError(f"a network namespace cannot be made: {reason}; run as root, or measure with --render-only")
    with IPRoute() as routes:
        loopback = routes.link_lookup(ifname="lo")[0]
        routes.link("set", index=loopback, state="up")
        routes.addr("add", index=loopback, address=NODE_IP, prefixlen=32)
        # Every endpoint is here, and what goes to a service finds a way out before its destination is changed.
        routes.route("add", dst=ENDPOINT_NETWORK, oif=loopback, type="local", table=255, scope="host")
        routes.route("add", family=socket.AF_INET, oif=loopback, prefsrc=NODE_IP)
