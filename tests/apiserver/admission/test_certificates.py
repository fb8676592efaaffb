"""Certificates: who may approve and sign, and which subjects nobody gets."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.admission.certificates import (
    CertificateApproval,
    CertificateSigning,
    CertificateSubjectRestriction,
)
from cluster_shim.apiserver.request import RequestInfo, UserInfo
from tests.apiserver.admission.writes import named, write

GROUP, REQUESTS = "certificates.k8s.io", "certificatesigningrequests"


class Decision(NamedTuple):
    allowed: bool
    reason: str = ""


class Rights:
    """Lets do what is listed as ``verb name``."""

    def __init__(self, *rights: str) -> None:
        self.rights = rights

    def authorize(self, user: UserInfo, info: RequestInfo) -> Decision:
        assert (info.group, info.resource) == (GROUP, "signers")
        return Decision(f"{info.verb} {info.name}" in self.rights)


@cache
def request_for(common_name: str, *organisations: str) -> str:
    """Return a request for a certificate, as a CertificateSigningRequest has it."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    names += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in organisations]
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(key, hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


def asking(signer: str, request: str = "", **status: Any) -> dict[str, Any]:
    return named("r", spec={"signerName": signer, "request": request}, status=status)


@pytest.mark.parametrize(
    ("rights", "allowed"),
    [
        ((), False),
        (("approve example.com/a",), True),
        (("approve example.com/*",), True),
        (("sign example.com/a",), False),
        (("approve example.com/b",), False),
    ],
)
def test_approving_takes_a_right(rights: tuple[str, ...], allowed: bool) -> None:
    old = asking("example.com/a")
    attributes = write(REQUESTS, asking("other/b"), old, group=GROUP, subresource="approval")
    plugin = CertificateApproval(Rights(*rights))
    if allowed:
        plugin.validate(attributes)
        return
    with pytest.raises(APIError) as refused:
        plugin.validate(attributes)
    assert refused.value.message == (
        f'{REQUESTS}.{GROUP} "r" is forbidden: user not permitted to approve requests with signerName "example.com/a"'
    )


def test_signing_takes_a_right_if_something_is_signed() -> None:
    old, new = asking("example.com/a"), asking("example.com/a", certificate="abc")
    plugin = CertificateSigning(Rights())
    plugin.validate(write(REQUESTS, old, old, group=GROUP, subresource="status"))
    with pytest.raises(APIError):
        plugin.validate(write(REQUESTS, new, old, group=GROUP, subresource="status"))
    CertificateSigning(Rights("sign example.com/*")).validate(
        write(REQUESTS, new, old, group=GROUP, subresource="status")
    )


def test_nobody_becomes_a_master() -> None:
    signer = "kubernetes.io/kube-apiserver-client"
    plugin = CertificateSubjectRestriction()
    plugin.validate(write(REQUESTS, asking(signer, request_for("jane", "dev")), group=GROUP))
    plugin.validate(write(REQUESTS, asking("other/b", request_for("jane", "system:masters")), group=GROUP))
    with pytest.raises(APIError) as refused:
        plugin.validate(write(REQUESTS, asking(signer, request_for("jane", "dev", "system:masters")), group=GROUP))
    assert refused.value.message.endswith(f"use of {signer} signer with system:masters group is not allowed")
    with pytest.raises(APIError) as refused:
        plugin.validate(write(REQUESTS, asking(signer, base64.b64encode(b"no").decode()), group=GROUP))
    assert "failed to parse CSR" in refused.value.message
