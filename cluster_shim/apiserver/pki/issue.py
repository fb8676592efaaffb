"""Makes keys and certificates: P-256 everywhere but for tokens of service accounts, which upstream signs with RSA."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate, CertificateBuilder, GeneralName, Name, ObjectIdentifier

AUTHORITY_NAME, SERVER_NAME = "kubernetes", "kube-apiserver"
"""They have to differ: a certificate whose subject is its issuer passes for self-signed."""

CLOCK_SKEW = timedelta(minutes=5)
AUTHORITY_LIFETIME = timedelta(days=3650)
LIFETIME = timedelta(days=365)


def key() -> EllipticCurvePrivateKey:
    """Make a key."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def signing_key() -> RSAPrivateKey:
    """Make a key for tokens of service accounts."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def authority(own_key: EllipticCurvePrivateKey, now: datetime, name: str = AUTHORITY_NAME) -> Certificate:
    """Make the certificate of an authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    subject = _subject(name)
    usage = x509.KeyUsage(True, False, True, False, False, True, False, False, False)
    builder = _builder(subject, subject, own_key, now, AUTHORITY_LIFETIME)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(usage, critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(own_key.public_key())
    return builder.add_extension(identifier, critical=False).sign(own_key, hashes.SHA256())


def serving(
    own_key: EllipticCurvePrivateKey,
    names: Sequence[str],
    now: datetime,
    by: tuple[Certificate, EllipticCurvePrivateKey],
) -> Certificate:
    """Make the certificate of a server with all of these names and addresses."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    builder = _builder(_subject(SERVER_NAME), by[0].subject, own_key, now, LIFETIME)
    alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
    builder = builder.add_extension(alternatives, critical=False)
    return _signed(builder, ExtendedKeyUsageOID.SERVER_AUTH, by)


def client(
    own_key: EllipticCurvePrivateKey,
    name: str,
    groups: Sequence[str],
    now: datetime,
    by: tuple[Certificate, EllipticCurvePrivateKey],
    lifetime: timedelta = LIFETIME,
) -> Certificate:
    """Make the certificate of a user with its groups."""
    from cryptography.x509.oid import ExtendedKeyUsageOID

    builder = _builder(_subject(name, groups), by[0].subject, own_key, now, lifetime)
    return _signed(builder, ExtendedKeyUsageOID.CLIENT_AUTH, by)


def _signed(
    builder: CertificateBuilder, usage: ObjectIdentifier, by: tuple[Certificate, EllipticCurvePrivateKey]
) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    key_usage = x509.KeyUsage(True, False, True, False, False, False, False, False, False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(by[1].public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(key_usage, critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return builder.add_extension(issuer, critical=False).sign(by[1], hashes.SHA256())


def _builder(
    subject: Name, issuer: Name, own_key: EllipticCurvePrivateKey, now: datetime, lifetime: timedelta
) -> CertificateBuilder:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(own_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + lifetime)
    )


def _subject(name: str, groups: Sequence[str] = ()) -> Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organizations, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general_name(name: str) -> GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
