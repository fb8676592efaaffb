"""Client certificates: the common name is the user, the organizations are its groups.

The chain is verified here, whatever TLS has verified: TLS can only end a connection, the server has to answer 401. What
TLS proves is that the client has the key. Upstream: authentication/request/x509.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from cluster_shim.apiserver.authentication.users import CREDENTIAL_ID, authenticated
from cluster_shim.apiserver.authentication.verdict import Refused, Verdict
from cluster_shim.apiserver.request import UserInfo

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

UID_OID = "1.3.6.1.4.1.57683.2"
"""The attribute of a subject that is the uid of the user."""

_KNOWN_LIMIT = 10_000


class _Known(NamedTuple):
    """What a certificate says, as long as it is valid; no verdict: it has no common name."""

    verdict: Verdict | None
    begins: float
    ends: float


class ClientCertificates:
    """Verifies certificates against the authorities of a bundle (``--client-ca-file``)."""

    def __init__(self, bundle: bytes, now: Callable[[], float]) -> None:
        """Read the bundle. Raises ValueError if there is no certificate in it."""
        from cryptography.x509 import load_pem_x509_certificates

        self._authorities = load_pem_x509_certificates(bundle)
        self._now = now
        self._known: dict[bytes, _Known] = {}

    def authenticate(self, der: bytes) -> Verdict | None:
        """Return whose certificate it is, None if it names no one. Raises Refused."""
        known = self._known.get(der)
        if known is None:
            known = self._read(der)
            if len(self._known) >= _KNOWN_LIMIT:
                self._known.clear()
            self._known[der] = known
        if not known.begins <= self._now() <= known.ends:
            raise Refused("verifying certificate failed: x509: certificate has expired or is not yet valid")
        return known.verdict

    def _read(self, der: bytes) -> _Known:
        from cryptography.x509 import load_der_x509_certificate

        try:
            certificate = load_der_x509_certificate(der)
            authority = next(each for each in self._authorities if _has_issued(each, certificate))
            user = _user(certificate, der)
        except StopIteration:
            raise Refused("verifying certificate failed: x509: certificate signed by unknown authority") from None
        except ValueError as error:
            raise Refused(f"verifying certificate failed: x509: {error}") from error
        if not _is_for_clients(certificate):
            raise Refused("verifying certificate failed: x509: certificate specifies an incompatible key usage")
        begins = max(each.not_valid_before_utc.timestamp() for each in (certificate, authority))
        ends = min(each.not_valid_after_utc.timestamp() for each in (certificate, authority))
        return _Known(None if user is None else Verdict(user), begins, ends)


def _has_issued(authority: Certificate, certificate: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.x509 import BasicConstraints, ExtensionNotFound

    try:
        certificate.verify_directly_issued_by(authority)
        return authority.extensions.get_extension_for_class(BasicConstraints).value.ca
    except ExtensionNotFound:
        return False
    except (InvalidSignature, ValueError, TypeError):  # another key, another name, another kind of key
        return False


def _is_for_clients(certificate: Certificate) -> bool:
    from cryptography.x509 import ExtendedKeyUsage, ExtensionNotFound
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        usages = certificate.extensions.get_extension_for_class(ExtendedKeyUsage).value
    except ExtensionNotFound:
        return True
    return any(each in usages for each in (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE))


def _user(certificate: Certificate, der: bytes) -> UserInfo | None:
    """Return the user that the subject names. Raises ValueError."""
    from cryptography.x509.oid import NameOID, ObjectIdentifier

    def values(oid: ObjectIdentifier) -> list[str]:
        return [str(each.value) for each in certificate.subject.get_attributes_for_oid(oid)]

    names, uids = values(NameOID.COMMON_NAME), values(ObjectIdentifier(UID_OID))
    if not names or not names[-1]:
        return None
    if len(uids) > 1 or "" in uids:
        raise ValueError(f"expected 1 UID, but found: {uids}")
    extra = {CREDENTIAL_ID: [f"X509SHA256={hashlib.sha256(der).hexdigest()}"]}
    return authenticated(UserInfo(names[-1], "".join(uids), tuple(values(NameOID.ORGANIZATION_NAME)), extra))
