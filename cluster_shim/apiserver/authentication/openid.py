"""What others need to verify tokens of service accounts: the OpenID configuration and the public keys.

Upstream: pkg/serviceaccount/openidmetadata.go, pkg/routes/openidmetadata.go.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cluster_shim.api import errors
from cluster_shim.apiserver.authentication.jwt import PublicKey
from cluster_shim.apiserver.request import Request, Response

CONFIGURATION_PATH = "/.well-known/openid-configuration"
KEYS_PATH = "/openid/v1/jwks"
KEYS_TYPE = "application/jwk-set+json"

_CACHE = [("Cache-Control", "public, max-age=3600")]


class OpenID:
    """Answers both paths, with the same bytes each time."""

    def __init__(self, issuer: str, keys_uri: str, keys: Sequence[PublicKey]) -> None:
        configuration = {
            "issuer": issuer,
            "jwks_uri": keys_uri,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": sorted({key.algorithm for key in keys}),
        }
        self._configuration = msgspec.json.encode(configuration)
        self._keys = msgspec.json.encode({"keys": [key.jwk() for key in keys]})

    def configuration(self, request: Request) -> Response:
        """Answer ``/.well-known/openid-configuration``. Raises 406."""
        _check(request, "application/json")
        return Response(200, self._configuration, "application/json", list(_CACHE))

    def keys(self, request: Request) -> Response:
        """Answer ``/openid/v1/jwks``. Raises 406."""
        _check(request, KEYS_TYPE)
        return Response(200, self._keys, KEYS_TYPE, list(_CACHE))


def _check(request: Request, offered: str) -> None:
    accepted = [each.partition(";")[0].strip() for each in request.header("accept", "*/*").split(",")]
    kind = offered.partition("/")[0]
    if not any(each in ("*/*", f"{kind}/*", offered, "") for each in accepted):
        message = f"406: Not Acceptable\n\nAvailable representations: {offered}"
        raise errors.APIError(406, "NotAcceptable", message, {})
