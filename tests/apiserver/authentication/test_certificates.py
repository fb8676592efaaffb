"""Client certificates: whom they name, and which are refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from cluster_shim.apiserver.authentication.certificates import UID_OID, ClientCertificates
from cluster_shim.apiserver.authentication.verdict import Refused
from cluster_shim.apiserver.pki import issue
from tests.apiserver.authentication.people import NOW, Clock, authority, client_der, der, pem

CA = authority()


def certificates(clock: Clock | None = None) -> ClientCertificates:
    return ClientCertificates(pem(CA[0]), clock or Clock())


def made(*attributes: tuple[ObjectIdentifier, str], usage: ObjectIdentifier | None = None) -> bytes:
    """Return a certificate with these attributes as its subject."""
    key = issue.key()
    builder = x509.CertificateBuilder(
        CA[0].subject, x509.Name([x509.NameAttribute(*each) for each in attributes]), key.public_key(), 7
    )
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(hours=1))
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return der(builder.sign(CA[1], hashes.SHA256()))


def test_name_and_groups() -> None:
    data = client_der(CA, "dev", "ops")
    verdict = certificates().authenticate(data)
    assert verdict is not None
    assert (verdict.user.name, verdict.user.uid) == ("alice", "")
    assert verdict.user.groups == ("dev", "ops", "system:authenticated")
    (credential,) = verdict.user.extra["authentication.kubernetes.io/credential-id"]
    assert credential.startswith("X509SHA256=") and len(credential) == 11 + 64


def test_a_uid_in_the_subject() -> None:
    uid = ObjectIdentifier(UID_OID)
    verdict = certificates().authenticate(made((NameOID.COMMON_NAME, "a"), (uid, "u-1")))
    assert verdict is not None and verdict.user.uid == "u-1"
    with pytest.raises(Refused, match="expected 1 UID"):
        certificates().authenticate(made((NameOID.COMMON_NAME, "a"), (uid, "u-1"), (uid, "u-2")))


def test_without_a_common_name_it_names_no_one() -> None:
    assert certificates().authenticate(made((NameOID.ORGANIZATION_NAME, "system:masters"))) is None


def test_times() -> None:
    clock = Clock()
    known, data = certificates(clock), client_der(CA)
    assert known.authenticate(data)
    for moved in (timedelta(hours=1, seconds=1), -timedelta(minutes=5, seconds=1)):
        clock.seconds = (NOW + moved).timestamp()
        with pytest.raises(Refused, match="expired or is not yet valid"):
            known.authenticate(data)


def test_of_another_authority() -> None:
    for other in (authority("elsewhere"), authority("kubernetes")):  # the second has our name, but not our key
        with pytest.raises(Refused, match="unknown authority"):
            certificates().authenticate(client_der(other, "system:masters"))


def test_one_that_a_client_has_made_with_its_own_certificate() -> None:
    key = issue.key()
    mine = issue.client(key, "alice", [], NOW, CA)
    forged = der(issue.client(issue.key(), "root", ["system:masters"], NOW, (mine, key)))
    with pytest.raises(Refused, match="unknown authority"):
        ClientCertificates(pem(CA[0]) + pem(mine), Clock()).authenticate(forged)


def test_of_an_authority_that_has_ended() -> None:
    old = authority(now=NOW - timedelta(days=3651))
    with pytest.raises(Refused, match="expired or is not yet valid"):
        ClientCertificates(pem(old[0]), Clock()).authenticate(client_der(old))


@pytest.mark.parametrize(
    ("usage", "accepted"),
    [
        (None, True),
        (ExtendedKeyUsageOID.CLIENT_AUTH, True),
        (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, True),
        (ExtendedKeyUsageOID.SERVER_AUTH, False),
    ],
)
def test_usage(usage: ObjectIdentifier | None, accepted: bool) -> None:
    data = made((NameOID.COMMON_NAME, "a"), usage=usage)
    if accepted:
        assert certificates().authenticate(data)
    else:
        with pytest.raises(Refused, match="incompatible key usage"):
            certificates().authenticate(data)


@pytest.mark.parametrize("data", [b"x", client_der(CA)[:-1]])
def test_what_is_no_certificate(data: bytes) -> None:
    with pytest.raises(Refused):
        certificates().authenticate(data)
