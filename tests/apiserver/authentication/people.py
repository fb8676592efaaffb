"""The people and machines of these tests: a clock that stands, an authority, one service account, and its keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from cluster_shim.apiserver.authentication.jwt import PublicKey, Signer
from cluster_shim.apiserver.authentication.service_accounts import ServiceAccountTokens
from cluster_shim.apiserver.pki import issue
from cluster_shim.apiserver.request import Request
from tests.apiserver.fakes import FakeObjects

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ISSUER = "https://kubernetes.default.svc"


class Clock:
    def __init__(self, seconds: float = NOW.timestamp()) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


@cache
def rsa_signer() -> Signer:
    return Signer(rsa.generate_private_key(65537, 2048))


@cache
def ec_signer() -> Signer:
    return Signer(ec.generate_private_key(ec.SECP256R1()))


def authority(name: str = "kubernetes", now: datetime = NOW) -> tuple[Certificate, ec.EllipticCurvePrivateKey]:
    key = issue.key()
    return issue.authority(key, now, name), key


def pem(certificate: Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def der(certificate: Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def client_der(
    by: tuple[Certificate, ec.EllipticCurvePrivateKey],
    *groups: str,
    now: datetime = NOW,
    lifetime: timedelta = timedelta(hours=1),
    name: str = "alice",
) -> bytes:
    return der(issue.client(issue.key(), name, groups, now, by, lifetime))


def objects() -> FakeObjects:
    def obj(name: str, namespace: str = "team", **more: Any) -> dict[str, Any]:
        metadata = {"name": name, "uid": f"uid-{name}", **({"namespace": namespace} if namespace else {})}
        return {"metadata": metadata, **more}

    return FakeObjects(
        ("", "serviceaccounts", obj("robot")),
        ("", "secrets", obj("sec")),
        ("", "pods", obj("pod", spec={"serviceAccountName": "robot", "nodeName": "node"})),
        ("", "pods", obj("stranger", spec={"serviceAccountName": "other"})),
        ("", "nodes", obj("node", namespace="")),
    )


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a good token, with some of them changed (None: absent)."""
    now = int(NOW.timestamp())
    private = {"namespace": "team", "serviceaccount": {"name": "robot", "uid": "uid-robot"}}
    good = {
        "aud": [ISSUER],
        "exp": now + 3600,
        "iat": now,
        "nbf": now,
        "iss": ISSUER,
        "jti": "j-1",
        "sub": "system:serviceaccount:team:robot",
        "kubernetes.io": private | changes.pop("private", {}),
    }
    return {key: value for key, value in (good | changes).items() if value is not None}


def tokens(reader: FakeObjects, clock: Clock, *keys: PublicKey) -> ServiceAccountTokens:
    return ServiceAccountTokens(keys or (rsa_signer().public,), (ISSUER,), (ISSUER,), reader, clock)


def request(*headers: tuple[str, str], certificate: bytes = b"") -> Request:
    return Request("GET", "/api", headers=list(headers), certificate=certificate, peer="192.0.2.1")
