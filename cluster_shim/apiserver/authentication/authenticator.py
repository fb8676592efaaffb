"""The authenticator: who sends a request. Certificate, then token, then anonymous; what is wrong is 401.

A request that shows something which is not accepted is refused, never taken for anonymous.
"""

from __future__ import annotations

import logging

from cluster_shim.api import errors
from cluster_shim.apiserver.authentication.bearer import INVALID, Bearer
from cluster_shim.apiserver.authentication.certificates import ClientCertificates
from cluster_shim.apiserver.authentication.verdict import Audiences, Refused, Verdict
from cluster_shim.apiserver.request import ANONYMOUS, Request, UserInfo

_log = logging.getLogger(__name__)

_FRONT_PROXY = "x-remote-"
"""What headers begin with in which a proxy in front says who asks: nobody is believed that."""


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
        self._attempts = (self._of_certificate, self._of_header, self._of_subprotocol)

    def authenticate(self, request: Request) -> UserInfo:
        """Return who sends a request. Raises 401."""
        refused: Refused | None = None
        for attempt in self._attempts:
            try:
                verdict = attempt(request)
            except Refused as error:
                refused = error
                continue
            if verdict is not None:
                _take_away_credentials(request)
                return verdict.user
        if refused is not None:
            _log.info("unable to authenticate a request from %s: %s", request.peer, refused)
        if refused is not None or not self._anonymous:
            raise errors.unauthorized() from None
        return ANONYMOUS

    def _of_certificate(self, request: Request) -> Verdict | None:
        if self._certificates is None or not request.certificate:
            return None
        return self._certificates.authenticate(request.certificate)

    def _of_header(self, request: Request) -> Verdict | None:
        return self._bearer.of_header(request, self.audiences)

    def _of_subprotocol(self, request: Request) -> Verdict | None:
        return self._bearer.of_subprotocol(request, self.audiences)

    def review(self, token: str, audiences: Audiences) -> Verdict:
        """Return whose token it is, for a TokenReview. Raises Refused; its texts begin as upstream's do."""
        try:
            return self._bearer.authenticate(token, audiences)
        except Refused as refused:
            raise Refused(*dict.fromkeys((INVALID, *refused.texts))) from None


def _take_away_credentials(request: Request) -> None:
    """Take away what no one behind the server (a kubelet, a service) may see or take for true."""
    for name, _ in request.headers:
        if name == "authorization" or name.startswith(_FRONT_PROXY):
            request.headers = [
                each for each in request.headers if each[0] != "authorization" and not each[0].startswith(_FRONT_PROXY)
            ]
            return
