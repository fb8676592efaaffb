"""The TLS context of the server: asks clients for a certificate, and leaves it to authentication what it is worth.

Go's TLS takes any certificate of a client and lets the program answer 401; OpenSSL as Python wraps it would end the
connection instead, with an error that says nothing. So OpenSSL is told through ctypes to accept what it is shown (that
the client has the key is proven all the same). Where that cannot be done, OpenSSL verifies, and only expired
certificates get as far as 401.
"""

from __future__ import annotations

import ctypes
import logging
import ssl
import sys
from pathlib import Path
from typing import Any

from cluster_shim.apiserver.pki.files import PKIError

_log = logging.getLogger(__name__)

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, for which Python has no name."""

_VERIFY_PEER = 1

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_accept_all = _Callback(lambda store, argument: 1)


def server_context(certificate: Path, key: Path, client_authority: Path | None) -> ssl.SSLContext:
    """Return the context of a server that speaks TLS 1.2 and later, HTTP/1.1 only. Raises PKIError.

    With a `client_authority`, clients are asked for a certificate; whoever takes it from the connection verifies it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise PKIError(f"{certificate}, {key}: cannot serve with them: {error}") from error
    if client_authority is not None:
        try:
            context.load_verify_locations(client_authority)
        except (OSError, ssl.SSLError) as error:
            raise PKIError(f"{client_authority}: no certificates of authorities: {error}") from error
        context.verify_mode = ssl.CERT_OPTIONAL
        if not accept_unverified(context):
            _log.warning(
                "certificates of clients are verified by TLS: foreign ones end the connection instead of in 401"
            )
            context.verify_flags |= _NO_CHECK_TIME
    return context


def accept_unverified(context: ssl.SSLContext) -> bool:
    """Let a context accept any certificate of a client; tell whether that could be done."""
    if sys.implementation.name != "cpython" or not (3, 11) <= sys.version_info < (3, 15):
        return False  # only there it is known that a pointer to the SSL_CTX follows the head of the object
    try:
        import _ssl

        library: Any = ctypes.CDLL(_ssl.__file__)  # its symbols include those of the OpenSSL it is linked with
        set_callback = library.SSL_CTX_set_cert_verify_callback
        get_mode = library.SSL_CTX_get_verify_mode
    except (ImportError, AttributeError, OSError):
        return False
    set_callback.argtypes, set_callback.restype = [ctypes.c_void_p, _Callback, ctypes.c_void_p], None
    get_mode.argtypes, get_mode.restype = [ctypes.c_void_p], ctypes.c_int
    pointer = ctypes.c_void_p.from_address(id(context) + object.__basicsize__).value
    if not pointer or get_mode(pointer) != _VERIFY_PEER:
        return False
    set_callback(pointer, _accept_all, None)
    return True
