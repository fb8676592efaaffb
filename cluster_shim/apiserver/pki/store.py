"""The folder with the server's certificates and keys: made at the first start, made again when they no longer do.

====================  =================================================================================
ca.crt, ca.key        the authority: of the server's certificate, and of its clients'
apiserver.crt, .key   the server's certificate, with all its names
admin.crt, .key       a client in group system:masters
sa.key                signs tokens of service accounts
====================  =================================================================================

A certificate that has expired (or will within a month), that another authority has made, or that lacks a name is made
again. A file that cannot be understood is not: that is for a person to look at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cluster_shim.apiserver.pki import issue
from cluster_shim.apiserver.pki.files import PKIError, read, write_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

    Key = EllipticCurvePrivateKey | RSAPrivateKey

ADMIN_NAME = "kubernetes-admin"
ADMIN_GROUP = "system:masters"
RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True)
class PKI:
    """What the folder has, as paths and as PEM."""

    folder: Path
    signing_key: Key
    """For tokens of service accounts."""

    @property
    def authority(self) -> Path:
        """Return the file with the certificate of the authority."""
        return self.folder / "ca.crt"

    @property
    def certificate(self) -> Path:
        """Return the file with the server's certificate."""
        return self.folder / "apiserver.crt"

    @property
    def key(self) -> Path:
        """Return the file with the server's key."""
        return self.folder / "apiserver.key"

    @property
    def admin_certificate(self) -> Path:
        """Return the file with the certificate of the administrator."""
        return self.folder / "admin.crt"

    @property
    def admin_key(self) -> Path:
        """Return the file with the key of the administrator."""
        return self.folder / "admin.key"


def ensure(folder: Path, names: Sequence[str], now: datetime) -> PKI:
    """Make what is missing in a folder or no longer good, for a server with these names. Raises PKIError."""
    own_key, path = _own_key(folder / "ca.key"), folder / "ca.crt"
    own = _certificate(path)
    if own is None or not _is_current(own, now) or own.public_key() != own_key.public_key():
        own = issue.authority(own_key, now)
        _write(path, own)
    by = own, own_key

    key, path = _own_key(folder / "apiserver.key"), folder / "apiserver.crt"
    serving = _certificate(path)
    if serving is None or not _is_usable(serving, key, own, now) or not set(names) <= names_of(serving):
        _write(path, issue.serving(key, names, now, by))

    key, path = _own_key(folder / "admin.key"), folder / "admin.crt"
    admin = _certificate(path)
    if admin is None or not _is_usable(admin, key, own, now):
        _write(path, issue.client(key, ADMIN_NAME, [ADMIN_GROUP], now, by))

    path = folder / "sa.key"
    if read(path) is None:
        write_private(path, _key_pem(issue.signing_key()))
    return PKI(folder, load_key(path))


def load_key(path: Path) -> Key:
    """Return the private key of a file (``--service-account-signing-key-file``). Raises PKIError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = read(path)
    if data is None:
        raise PKIError(f"{path}: there is no such file")
    try:
        key = load_pem_private_key(data, None, unsafe_skip_rsa_key_validation=True)  # own keys: 0.1 s saved
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise PKIError(f"{path}: is no private key in PEM form without a password") from error
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise PKIError(f"{path}: is neither an RSA key nor one on an elliptic curve")
    return key


def names_of(certificate: Certificate) -> set[str]:
    """Return the names and addresses that a certificate is for."""
    from cryptography.x509 import DNSName, ExtensionNotFound, IPAddress, SubjectAlternativeName

    try:
        found = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except ExtensionNotFound:
        return set()
    return {*found.get_values_for_type(DNSName), *map(str, found.get_values_for_type(IPAddress))}


def _own_key(path: Path) -> EllipticCurvePrivateKey:
    """Return the key of a file, after making it if it is not there."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    if read(path) is None:
        write_private(path, _key_pem(issue.key()))
    key = load_key(path)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise PKIError(f"{path}: is not a key on an elliptic curve")
    return key


def _certificate(path: Path) -> Certificate | None:
    from cryptography.x509 import load_pem_x509_certificate

    data = read(path)
    if data is None:
        return None
    try:
        return load_pem_x509_certificate(data)
    except ValueError as error:
        raise PKIError(f"{path}: is no certificate in PEM form; remove it to have it made again") from error


def _is_current(certificate: Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEW_BEFORE


def _is_usable(certificate: Certificate, key: Key, own: Certificate, now: datetime) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        certificate.verify_directly_issued_by(own)
    except (InvalidSignature, ValueError, TypeError):
        return False
    is_own = certificate.public_key() == key.public_key() and certificate.subject != own.subject
    return is_own and _is_current(certificate, now)


def _write(path: Path, certificate: Certificate) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    write_private(path, certificate.public_bytes(Encoding.PEM))


def _key_pem(key: Key) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
