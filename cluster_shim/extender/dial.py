"""Opening a connection to an extender within a deadline: look up, connect, shake hands."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import Any, NamedTuple

from cluster_shim.extender.deadline import Deadline, DeadlineSocket
from sched_core import ExtenderUnreachable


class Peer(NamedTuple):
    """Whom to connect to."""

    url: str
    """For what errors say."""
    host: str
    port: int
    context: ssl.SSLContext | None
    """None: plain HTTP."""
    server_name: str
    """The name that the certificate is for."""


def dial(peer: Peer, deadline: Deadline) -> DeadlineSocket:
    """Connect to the first address of a host that answers; raises ExtenderUnreachable or TimeoutError."""
    failed: OSError | None = None
    for family, address in _look_up(peer, deadline):
        try:
            connected = _connect(family, address, deadline)
        except TimeoutError:
            raise
        except OSError as reason:
            failed = failed or reason
            continue
        return DeadlineSocket(_secured(connected, peer, deadline))
    cause = f"connect: {reason_of(failed)}" if failed is not None else "no address"
    raise ExtenderUnreachable(peer.url, f"dial tcp {peer.host}:{peer.port}: {cause}")


def reason_of(error: OSError) -> str:
    """Return the reason of an error as Go words it."""
    return (error.strerror or str(error) or type(error).__name__).lower()


def _look_up(peer: Peer, deadline: Deadline) -> list[tuple[int, Any]]:
    """Return the addresses of a host: family and address. A name server that hangs is left behind in its thread."""
    found: list[tuple[int, Any]] = []
    failed: list[OSError] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
        except OSError as reason:
            failed.append(reason)
        else:
            found.extend((family, address) for family, _, _, _, address in answers)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(deadline.left())
    if failed:
        raise ExtenderUnreachable(peer.url, f"dial tcp: lookup {peer.host}: no such host") from failed[0]
    if thread.is_alive():
        raise TimeoutError
    return found


def _connect(family: int, address: Any, deadline: Deadline) -> socket.socket:
    connected = socket.socket(family, socket.SOCK_STREAM)
    try:
        connected.settimeout(deadline.left())
        connected.connect(address)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connected.close()
        raise
    return connected


def _secured(connected: socket.socket, peer: Peer, deadline: Deadline) -> socket.socket:
    """Return the socket with TLS on it where the URL says so."""
    if peer.context is None:
        return connected
    try:
        secured = peer.context.wrap_socket(connected, server_hostname=peer.server_name, do_handshake_on_connect=False)
    except BaseException:
        connected.close()
        raise
    try:
        secured.settimeout(deadline.left())
        secured.do_handshake()
    except TimeoutError:
        secured.close()
        raise
    except ssl.SSLCertVerificationError as reason:
        secured.close()
        cause = f"tls: failed to verify certificate: {reason.verify_message}"
        raise ExtenderUnreachable(peer.url, cause) from reason
    except OSError as reason:
        secured.close()
        told = reason.reason if isinstance(reason, ssl.SSLError) and reason.reason else reason_of(reason)
        raise ExtenderUnreachable(peer.url, f"tls: {told.lower().replace('_', ' ')}") from reason
    return secured
