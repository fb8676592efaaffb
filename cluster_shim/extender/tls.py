"""The TLS settings of an extender as an SSL context (upstream: extender.go, makeTransport; client-go TLSConfigFor).

Data comes before files. Half a client certificate is none. ``enableHTTPS`` without a certificate authority verifies
nothing, as upstream.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from tempfile import NamedTemporaryFile

from sched_core import Extender, ExtenderTLSConfig, InvalidConfig, Problem


def context_of(extender: Extender) -> ssl.SSLContext:
    """Return the context for HTTPS connections to an extender; raises InvalidConfig."""
    tls = extender.tls_config or ExtenderTLSConfig()
    try:
        authority = tls.ca_data or _read(tls.ca_file)
        if authority and tls.insecure:
            raise ValueError("specifying a root certificates file with the insecure flag is not allowed")
        context = ssl.create_default_context(cadata=_authorities(authority) if authority else None)
        if tls.insecure or (extender.enable_https and not authority):
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        certificate, key = tls.cert_data or _read(tls.cert_file), tls.key_data or _read(tls.key_file)
        if certificate and key:
            _load_pair(context, certificate, key)
    except (OSError, ValueError) as reason:
        where = f"extender {extender.url_prefix}"
        raise InvalidConfig([Problem("", where, "tlsConfig", str(reason))]) from reason
    return context


def _read(file: str) -> bytes:
    return Path(file).read_bytes() if file else b""


def _authorities(pem: bytes) -> str:
    text = pem.decode(errors="replace")
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise ValueError("unable to load root certificates: no valid certificate authority data seen")
    return text


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Load a client certificate; Python's ssl takes files only, so there is one for a moment that nobody else reads."""
    with NamedTemporaryFile() as both:
        both.write(certificate + b"\n" + key)
        both.flush()
        context.load_cert_chain(both.name)
