"""Tokens of service accounts: what they say, when they are good, how they are made.

A token is good while its signature, its times and its audiences are, and while the service account and the object that
it is bound to exist. Signatures are verified once; whether the objects exist is looked up each time, so that what is
deleted is refused at once. Upstream: pkg/serviceaccount (claims.go, jwt.go).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import msgspec

from cluster_shim.api.fields import quoted
from cluster_shim.apiserver.admission.plugin import Reader
from cluster_shim.apiserver.authentication import users
from cluster_shim.apiserver.authentication.jwt import InvalidToken, PublicKey, verified_claims
from cluster_shim.apiserver.authentication.verdict import Audiences, Refused, Verdict, common, for_others
from cluster_shim.apiserver.request import UserInfo

LEEWAY_SECONDS = 60
"""How far clocks may be apart, and how long a deleted object still counts."""

VERIFIED_LIMIT = 20_000

Object = Mapping[str, Any]


class _Ref(msgspec.Struct, frozen=True):
    name: str = ""
    uid: str = ""


class _Private(msgspec.Struct, frozen=True):
    namespace: str = ""
    serviceaccount: _Ref = _Ref()
    pod: _Ref | None = None
    secret: _Ref | None = None
    node: _Ref | None = None


class _Claims(msgspec.Struct, frozen=True):
    iss: str = ""
    sub: str = ""
    aud: tuple[str, ...] | str = ()
    exp: float | None = None
    nbf: float | None = None
    iat: float | None = None
    jti: str = ""
    kubernetes: _Private = msgspec.field(default=_Private(), name="kubernetes.io")


class ServiceAccountTokens:
    """Verifies tokens of service accounts."""

    def __init__(
        self,
        keys: Sequence[PublicKey],
        issuers: Sequence[str],
        audiences: Audiences,
        reader: Reader,
        now: Callable[[], float],
    ) -> None:
        self._keys = keys
        self._issuers = frozenset(issuers)
        self._audiences = audiences
        self._reader = reader
        self._now = now
        self._verified: dict[str, tuple[_Claims, UserInfo]] = {}

    def authenticate(self, token: str, audiences: Audiences) -> Verdict | None:
        """Return whose token it is, None if another issuer made it. Raises Refused."""
        known = self._verified.get(token)
        if known is None:
            claims = self._verify(token)
            if claims is None:
                return None
            known = claims, _user(claims)
            if len(self._verified) >= VERIFIED_LIMIT:
                self._verified.clear()
            self._verified[token] = known
        claims, user = known
        given = (claims.aud if isinstance(claims.aud, tuple) else (claims.aud,)) or self._audiences
        accepted = common(given, audiences)
        if not accepted:
            raise for_others(given, audiences)
        self._check_times(claims)
        self._check_objects(claims)
        return Verdict(user, accepted)

    def _verify(self, text: str) -> _Claims | None:
        try:
            claims = verified_claims(text, self._issuers, self._keys)
            return None if claims is None else msgspec.convert(claims, _Claims)
        except InvalidToken as error:
            raise Refused(str(error)) from None
        except msgspec.ValidationError:  # claims of other types
            return None

    def _check_times(self, claims: _Claims) -> None:
        now = self._now()
        if claims.nbf is not None and now + LEEWAY_SECONDS < claims.nbf:
            raise Refused("service account token is not valid yet")
        if claims.exp is not None and now - LEEWAY_SECONDS > claims.exp:
            raise Refused("service account token has expired")
        if claims.iat is not None and now + LEEWAY_SECONDS < claims.iat:
            raise Refused("service account token is issued in the future")

    def _check_objects(self, claims: _Claims) -> None:
        private = claims.kubernetes
        namespace, account = private.namespace, private.serviceaccount
        found = self._reader.get("", "serviceaccounts", namespace, account.name)
        if found is None:
            raise Refused(f"serviceaccounts {quoted(account.name)} not found")
        if (uid := _uid(found)) != account.uid:
            raise Refused(f"service account UID ({uid}) does not match claim ({account.uid})")
        if self._is_deleted(found):
            raise Refused(f"service account {namespace}/{account.name} has been deleted")
        if private.secret is not None:
            self._check_bound("secret", "secrets", namespace, private.secret)
        if private.pod is not None:
            self._check_bound("pod", "pods", namespace, private.pod)
        elif private.node is not None:
            self._check_bound("node", "nodes", "", private.node)

    def _check_bound(self, what: str, resource: str, namespace: str, ref: _Ref) -> None:
        found = self._reader.get("", resource, namespace, ref.name)
        if found is None:
            _invalidated()
        if (uid := _uid(found)) != ref.uid:
            raise Refused(f"{what} UID ({uid}) does not match service account {what} ref claim ({ref.uid})")
        if self._is_deleted(found):
            _invalidated()

    def _is_deleted(self, found: Object) -> bool:
        deleted = found["metadata"].get("deletionTimestamp")
        return bool(deleted) and _seconds(deleted) < self._now() - LEEWAY_SECONDS


def _invalidated() -> NoReturn:
    raise Refused("service account token has been invalidated")


def _uid(document: Object) -> str:
    return str(document["metadata"].get("uid", ""))


def _seconds(time: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(time).timestamp()


def _user(claims: _Claims) -> UserInfo:
    private = claims.kubernetes
    extra: dict[str, list[str]] = {}
    if private.pod is not None and private.pod.name and private.pod.uid:
        extra |= {users.POD_NAME: [private.pod.name], users.POD_UID: [private.pod.uid]}
    if claims.jti:
        extra[users.CREDENTIAL_ID] = [f"JTI={claims.jti}"]
    if private.node is not None and private.node.name:
        extra[users.NODE_NAME] = [private.node.name]
        if private.node.uid:
            extra[users.NODE_UID] = [private.node.uid]
    account = private.serviceaccount
    name = users.service_account_name(private.namespace, account.name)
    user = UserInfo(name, account.uid, users.service_account_groups(private.namespace), extra)
    return users.authenticated(user)
