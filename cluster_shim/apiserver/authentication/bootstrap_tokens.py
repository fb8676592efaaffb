"""Bootstrap tokens: ``<id>.<secret>``, kept in Secrets of namespace kube-system (``--enable-bootstrap-token-auth``)."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cluster_shim.apiserver.admission.plugin import Reader
from cluster_shim.apiserver.authentication.users import authenticated
from cluster_shim.apiserver.authentication.verdict import Audiences, Verdict, common
from cluster_shim.apiserver.request import UserInfo

SECRET_TYPE = "bootstrap.kubernetes.io/token"
GROUP = "system:bootstrappers"

_TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")


class BootstrapTokens:
    """Verifies bootstrap tokens. One that does not count for any reason is as if it were not there."""

    def __init__(self, reader: Reader, now: Callable[[], float], audiences: Audiences) -> None:
        self._reader = reader
        self._now = now
        self._audiences = audiences

    def authenticate(self, token: str, audiences: Audiences) -> Verdict | None:
        """Return the user of a token. The tokens are for the audiences of the server."""
        match = _TOKEN.fullmatch(token)
        accepted = common(self._audiences, audiences)
        if match is None or not accepted:
            return None
        secret = self._reader.get("", "secrets", "kube-system", f"bootstrap-token-{match[1]}")
        if secret is None or secret["metadata"].get("deletionTimestamp") or secret.get("type") != SECRET_TYPE:
            return None
        data = _texts(secret)
        groups = _groups(data.get("auth-extra-groups", ""))
        if (
            not hmac.compare_digest(data.get("token-secret", "").encode(), match[2].encode())
            or data.get("token-id") != match[1]
            or data.get("usage-bootstrap-authentication") != "true"
            or self._has_expired(data.get("expiration", ""))
            or groups is None
        ):
            return None
        user = UserInfo(f"system:bootstrap:{match[1]}", "", groups)
        return Verdict(authenticated(user), accepted)

    def _has_expired(self, expiration: str) -> bool:
        if not expiration:
            return False
        try:
            return datetime.fromisoformat(expiration).timestamp() <= self._now()
        except ValueError:
            return True


def _texts(secret: Mapping[str, Any]) -> dict[str, str]:
    data = secret.get("data") or {}
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}


def _groups(extra: str) -> tuple[str, ...] | None:
    """Return all groups, sorted, or None if one of the extra ones is no group for that."""
    found = set(extra.split(",")) if extra else set()
    if not all(_GROUP.fullmatch(group) for group in found):
        return None
    return tuple(sorted({GROUP, *found}))
