"""The authenticator: who sends a request. Certificate, then token, then anonymous; what is wrong is 401.

A request that shows something which is not accepted is refused, never taken for anonymous.
"""

from __future__ import annotations

import logging

from cluster_shim.api import errors
from cluster_shim.apiserver.authentication.bearer import INVALID, Bearer
from cluster_shim.apiserver.authentication.certificates import ClientCertificates
from cluster_shim.apiserver.authentication.verdict import Audiences, Refused, Verdict, common, first
from cluster_shim.apiserver.request import ANONYMOUS, Request, UserInfo

_log = logging.getLogger(__name__)


class Authenticator:
    """Tells who sends a request, and whose a token is."""

    def __init__(
        self,
        bearer: Bearer,
        certificates: ClientCertificates | None = None,
        audiences: Audiences = (),
        anonymous: bool = True,
    ) -> None:
        self._bearer = bearer
        self._certificates = certificates
        self._anonymous = anonymous
        self.audiences = audiences
        """For whom the server accepts tokens (``--api-audiences``)."""

    def authenticate(self, request: Request) -> UserInfo:
        """Return who sends a request. Raises 401."""
        try:
            verdict = self._authenticate(request)
        except Refused as refused:
            _log.info("unable to authenticate a request from %s: %s", request.peer, refused)
            raise errors.unauthorized() from None
        if verdict is not None:
            if verdict.audiences and self.audiences and not common(verdict.audiences, self.audiences):
                raise errors.unauthorized()
            return verdict.user
        if not self._anonymous:
            raise errors.unauthorized()
        return ANONYMOUS

    def _authenticate(self, request: Request) -> Verdict | None:
        attempts = [
            lambda: self._bearer.of_header(request, self.audiences),
            lambda: self._bearer.of_subprotocol(request, self.audiences),
        ]
        certificates = self._certificates
        if certificates is not None and request.certificate:
            attempts.insert(0, lambda: certificates.authenticate(request.certificate))
        return first(attempts)

    def review(self, token: str, audiences: Audiences) -> Verdict:
        """Return whose token it is, for a TokenReview. Raises Refused; its texts begin as upstream's do."""
        try:
            return self._bearer.authenticate(token, audiences)
        except Refused as refused:
            raise Refused(*dict.fromkeys((INVALID, *refused.texts))) from None
