"""Tokens of service accounts that live in Secrets (type ``kubernetes.io/service-account-token``) and have no end.

They are good while the Secret has them. Upstream: pkg/serviceaccount/legacy.go; when one was last used is not noted.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cluster_shim.api.fields import quoted
from cluster_shim.apiserver.admission.plugin import Reader
from cluster_shim.apiserver.authentication import users
from cluster_shim.apiserver.authentication.jwt import InvalidToken, PublicKey, verified_claims
from cluster_shim.apiserver.authentication.verdict import Audiences, Refused, Verdict, common, for_others
from cluster_shim.apiserver.request import UserInfo

ISSUER = "kubernetes/serviceaccount"
INVALID_SINCE = "kubernetes.io/legacy-token-invalid-since"
_PREFIX = f"{ISSUER.replace('kubernetes/', 'kubernetes.io/')}/"

Object = Mapping[str, Any]


class _Claims(msgspec.Struct, frozen=True):
    sub: str = ""
    namespace: str = msgspec.field(default="", name=f"{_PREFIX}namespace")
    secret: str = msgspec.field(default="", name=f"{_PREFIX}secret.name")
    account: str = msgspec.field(default="", name=f"{_PREFIX}service-account.name")
    uid: str = msgspec.field(default="", name=f"{_PREFIX}service-account.uid")


def claims(account: Object, secret_name: str) -> dict[str, str]:
    """Return what the token of a Secret says, for whoever makes it."""
    metadata = account["metadata"]
    said = _Claims(
        users.service_account_name(metadata["namespace"], metadata["name"]),
        *(metadata["namespace"], secret_name, metadata["name"], metadata["uid"]),
    )
    made: dict[str, str] = msgspec.to_builtins(said)
    return {"iss": ISSUER, **made}


class SecretTokens:
    """Verifies tokens that live in Secrets."""

    def __init__(self, keys: Sequence[PublicKey], audiences: Audiences, reader: Reader) -> None:
        self._keys = keys
        self._audiences = audiences
        self._reader = reader

    def authenticate(self, token: str, audiences: Audiences) -> Verdict | None:
        """Return whose token it is, None if it is of another kind. Raises Refused."""
        try:
            said = verified_claims(token, (ISSUER,), self._keys)
            found = None if said is None else msgspec.convert(said, _Claims)
        except InvalidToken as error:
            raise Refused(str(error)) from None
        except msgspec.ValidationError:
            return None
        if found is None:
            return None
        accepted = common(self._audiences, audiences)
        if not accepted:
            raise for_others(self._audiences, audiences)
        if users.split_service_account(found.sub) != (found.namespace, found.account):
            raise Refused("sub claim is invalid")
        self._check(found, token)
        user = UserInfo(found.sub, found.uid, users.service_account_groups(found.namespace))
        return Verdict(users.authenticated(user), accepted)

    def _check(self, found: _Claims, token: str) -> None:
        secret = self._reader.get("", "secrets", found.namespace, found.secret)
        if secret is None or secret["metadata"].get("deletionTimestamp"):
            raise Refused("Token has been invalidated")
        kept = base64.b64decode((secret.get("data") or {}).get("token", ""))
        if not hmac.compare_digest(kept, token.encode()):
            raise Refused("Token does not match server's copy")
        account = self._reader.get("", "serviceaccounts", found.namespace, found.account)
        if account is None:
            raise Refused(f"serviceaccounts {quoted(found.account)} not found")
        metadata = account["metadata"]
        if metadata.get("deletionTimestamp"):
            raise Refused(f"ServiceAccount {found.namespace}/{found.account} has been deleted")
        if metadata.get("uid") != found.uid:
            raise Refused(f"ServiceAccount UID ({metadata.get('uid')}) does not match claim ({found.uid})")
        if (secret["metadata"].get("labels") or {}).get(INVALID_SINCE):
            where = f"secret {found.namespace}/{found.secret} for service account {found.namespace}/{found.account}"
            way_out = "Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the"
            label = f"'{INVALID_SINCE}' label from the secret to temporarily allow use of this token"
            raise Refused(f"the token in {where} has been marked invalid. {way_out} {label}")
