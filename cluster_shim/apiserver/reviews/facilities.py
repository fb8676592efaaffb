"""What reviews need of the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cluster_shim.apiserver.admission.plugin import Reader
from cluster_shim.apiserver.authentication.authenticator import Authenticator
from cluster_shim.apiserver.authentication.jwt import Signer
from cluster_shim.apiserver.authorization.authorizer import Authorizer
from cluster_shim.apiserver.request import Request, UserInfo

Object = dict[str, Any]


@dataclass(frozen=True)
class Facilities:
    """The parts of a server that reviews ask."""

    authenticator: Authenticator
    authorizer: Authorizer
    reader: Reader
    signer: Signer
    """Signs tokens of service accounts."""
    issuer: str
    now: Callable[[], float]
    """Seconds since 1970."""


Review = Callable[[Request, Object, Facilities], Object]
"""Takes the object that is to be created, normalised; returns the answer. Raises APIError."""


def time(seconds: float) -> str:
    """Return a time of the API."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def user_info(user: UserInfo) -> Object:
    """Return a user as reviews show it."""
    info: Object = {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
    info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return {key: value for key, value in info.items() if value}
