"""CertificateApproval, CertificateSigning, CertificateSubjectRestriction: who may say what of which signer."""

from __future__ import annotations

import base64
from typing import Any

from cluster_shim.apiserver.admission.plugin import CREATE, UPDATE, Attributes, Authorizer, Interest, forbidden
from cluster_shim.apiserver.request import RequestInfo, UserInfo

_GROUP, _REQUESTS = "certificates.k8s.io", "certificatesigningrequests"
_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"


class CertificateApproval:
    """Approving takes the right to approve for the signer."""

    name = "CertificateApproval"
    interests = (Interest((UPDATE,), _GROUP, _REQUESTS, "approval"),)

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def validate(self, attributes: Attributes) -> None:
        """Refuse who may not. Raises Forbidden."""
        signer = attributes.old["spec"].get("signerName", "")
        if not _may(self._authorizer, attributes.user, "approve", signer):
            raise forbidden(attributes, f'user not permitted to approve requests with signerName "{signer}"')


class CertificateSigning:
    """Writing a certificate takes the right to sign for the signer."""

    name = "CertificateSigning"
    interests = (Interest((UPDATE,), _GROUP, _REQUESTS, "status"),)

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def validate(self, attributes: Attributes) -> None:
        """Refuse who may not. Raises Forbidden."""
        new, old = attributes.new.get("status") or {}, attributes.old.get("status") or {}
        if all(new.get(name) == old.get(name) for name in ("certificate", "conditions")):
            return
        signer = attributes.old["spec"].get("signerName", "")
        if not _may(self._authorizer, attributes.user, "sign", signer):
            raise forbidden(attributes, f'user not permitted to sign requests with signerName "{signer}"')


class CertificateSubjectRestriction:
    """Nobody gets a client certificate of the group that may do everything."""

    name = "CertificateSubjectRestriction"
    interests = (Interest((CREATE,), _GROUP, _REQUESTS),)

    def validate(self, attributes: Attributes) -> None:
        """Refuse the group. Raises Forbidden."""
        spec = attributes.new["spec"]
        if spec.get("signerName") != _CLIENT_SIGNER:
            return
        try:
            groups = _organisations(spec)
        except ValueError as error:
            raise forbidden(attributes, f"failed to parse CSR: {error}") from None
        if "system:masters" in groups:
            raise forbidden(attributes, f"use of {_CLIENT_SIGNER} signer with system:masters group is not allowed")


def _organisations(spec: dict[str, Any]) -> list[str]:
    from cryptography.x509.oid import NameOID

    return _subject(spec, NameOID.ORGANIZATION_NAME)


def common_name(spec: dict[str, Any]) -> str:
    """Return the common name that a certificate is asked for. Raises ValueError."""
    from cryptography.x509.oid import NameOID

    return next(iter(_subject(spec, NameOID.COMMON_NAME)), "")


def _subject(spec: dict[str, Any], attribute: Any) -> list[str]:
    from cryptography import x509

    pem = base64.b64decode(spec.get("request") or "")
    if b"BEGIN CERTIFICATE REQUEST" not in pem:
        raise ValueError("PEM block type must be CERTIFICATE REQUEST")
    return [str(each.value) for each in x509.load_pem_x509_csr(pem).subject.get_attributes_for_oid(attribute)]


def _may(authorizer: Authorizer, user: UserInfo, verb: str, signer: str) -> bool:
    """Tell whether a user has a right for a signer, or for all signers of its domain."""
    names = (signer, f"{signer.split('/')[0]}/*")
    infos = (
        RequestInfo(verb, "", is_resource=True, group=_GROUP, version="*", resource="signers", name=name)
        for name in names
    )
    return any(authorizer.authorize(user, info).allowed for info in infos)
