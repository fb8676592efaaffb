"""PEM: the blocks of a text, and whether a certificate and a key belong together."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple

_BLOCK = re.compile(rb"^-----BEGIN ([^\r\n]*)-----[ \t\r]*\n(.*?)^-----END \1-----[ \t\r]*$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """One block."""

    kind: str
    has_headers: bool
    content: bytes


def blocks(data: str | None) -> Iterator[Block]:
    """Yield the PEM blocks of bytes that are given in base64; what is none is passed over."""
    for found in _BLOCK.finditer(binascii.a2b_base64(data or "")):
        headers, blank, body = found[2].partition(b"\n\n")
        has_headers = bool(blank) and b":" in headers
        try:
            content = binascii.a2b_base64(body if has_headers else found[2])
        except binascii.Error:
            continue
        yield Block(found[1].decode(errors="replace"), has_headers, content)


def key_pair_problem(certificate: str | None, key: str | None) -> str:
    """Return why a certificate and a private key (in base64) are no pair; empty if they are one."""
    found = list(blocks(certificate))
    leaf = next((each for each in found if each.kind == "CERTIFICATE"), None)
    if leaf is None:
        return _missing([each.kind for each in found], "certificate", '"CERTIFICATE" PEM block', "a private key")
    keys = list(blocks(key))
    private = next((each for each in keys if each.kind == "PRIVATE KEY" or each.kind.endswith(" PRIVATE KEY")), None)
    if private is None:
        wanted = 'PEM block with type ending in "PRIVATE KEY"'
        return _missing([each.kind for each in keys], "key", wanted, "a certificate")
    return _pair_problem(leaf.content, private.content)


def _missing(kinds: list[str], what: str, wanted: str, other: str) -> str:
    if not kinds:
        return f"tls: failed to find any PEM data in {what} input"
    is_other = kinds[0].endswith("PRIVATE KEY") if what == "certificate" else kinds[0] == "CERTIFICATE"
    if len(kinds) == 1 and is_other and what == "certificate":
        missing = f"failed to find certificate PEM data in certificate input, but did find {other}"
        return f"tls: {missing}; PEM inputs may have been switched"
    if len(kinds) == 1 and is_other:
        return "tls: found a certificate rather than a key in the PEM for the private key"
    listed = " ".join(kinds)
    return f"tls: failed to find {wanted} in {what} input after skipping PEM blocks of the following types: [{listed}]"


def _pair_problem(certificate: bytes, key: bytes) -> str:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

    try:
        public = x509.load_der_x509_certificate(certificate).public_key()
    except ValueError:
        return "x509: malformed certificate"
    try:
        private = load_der_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "tls: failed to parse private key"
    own = private.public_key()
    if type(own) is not type(public):
        return "tls: private key type does not match public key type"
    of = [each.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for each in (own, public)]
    return "" if of[0] == of[1] else "tls: private key does not match public key"
