"""Bearer tokens: where a request carries one, and the authenticators that are asked whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cluster_shim.apiserver.authentication.jwt import decode
from cluster_shim.apiserver.authentication.verdict import Audiences, Refused, Verdict
from cluster_shim.apiserver.request import Request

INVALID = "invalid bearer token"
SUBPROTOCOL_PREFIX = "base64url.bearer.authorization.k8s.io."

_SPACE_WARNING = "the provided Authorization header contains extra space before the bearer token, and is ignored"


class TokenAuthenticator(Protocol):
    """Knows one kind of tokens."""

    def authenticate(self, token: str, audiences: Audiences) -> Verdict | None:
        """Return whose token it is, None if it is of another kind. Raises Refused."""


class Bearer:
    """Asks the authenticators of all kinds of tokens in order."""

    def __init__(self, kinds: Sequence[TokenAuthenticator]) -> None:
        self._kinds = tuple(kinds)

    def authenticate(self, token: str, audiences: Audiences) -> Verdict:
        """Return whose token it is. Raises Refused, with what all kinds have said."""
        texts: list[str] = []
        for kind in self._kinds:
            try:
                verdict = kind.authenticate(token, audiences)
            except Refused as refused:
                texts += refused.texts
                continue
            if verdict is not None:
                return verdict
        raise Refused(*(dict.fromkeys(texts) or (INVALID,)))

    def of_header(self, request: Request, audiences: Audiences) -> Verdict | None:
        """Return the user of the header Authorization, None if there is no bearer token."""
        header = request.header("authorization")
        if not header:
            return None
        scheme, *rest = header.strip().split(" ", 2)
        if not rest or scheme.lower() != "bearer":
            return None
        if not rest[0]:
            if len(rest) == 2:
                request.warnings.append(_SPACE_WARNING)
            return None
        return self.authenticate(rest[0], audiences)

    def of_subprotocol(self, request: Request, audiences: Audiences) -> Verdict | None:
        """Return the user of a websocket's subprotocol, which is taken away; None if there is none.

        Browsers cannot set headers on websockets.
        """
        if request.header("upgrade").lower() != "websocket":
            return None
        headers = [value for name, value in request.headers if name == "sec-websocket-protocol"]
        offered = [each.strip() for value in headers for each in value.split(",")]
        tokens = [each for each in offered if each.startswith(SUBPROTOCOL_PREFIX)]
        if not tokens:
            return None
        if len(tokens) > 1:
            raise Refused("multiple base64.bearer.authorization tokens specified")
        others = [each for each in offered if each not in tokens]
        try:
            token = decode(tokens[0][len(SUBPROTOCOL_PREFIX) :]).decode()
        except UnicodeDecodeError:
            raise Refused("invalid base64.bearer.authorization token") from None
        except ValueError:
            raise Refused("invalid base64.bearer.authorization token encoding") from None
        if not token:
            return None
        if not others:
            raise Refused("missing additional subprotocol")
        verdict = self.authenticate(token, audiences)
        kept = [(name, value) for name, value in request.headers if name != "sec-websocket-protocol"]
        request.headers = [*kept, ("sec-websocket-protocol", ", ".join(others))]
        return verdict
