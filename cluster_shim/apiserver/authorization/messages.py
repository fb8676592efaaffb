"""What a client is told that may not do what it asks for (upstream: responsewriters/errors.go)."""

from __future__ import annotations

from collections.abc import Iterable

from cluster_shim.api import errors
from cluster_shim.api.fields import quoted
from cluster_shim.apiserver.request import RequestInfo, UserInfo

_NO_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def forbidden(user: UserInfo, info: RequestInfo, reason: str = "") -> errors.APIError:
    """Return 403 for a request that no authorizer allows."""
    message = _message(user, info).translate(_NO_HTML)
    if reason:
        message = f"{message}: {reason}"
    return errors.forbidden(info.resource, info.name, message, info.group)


def _message(user: UserInfo, info: RequestInfo) -> str:
    who = f"User {quoted(user.name)} cannot {info.verb}"
    if not info.is_resource:
        return f"{who} path {quoted(info.path)}"
    resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    where = f"in the namespace {quoted(info.namespace)}" if info.namespace else "at the cluster scope"
    return f"{who} resource {quoted(resource)} in API group {quoted(info.group)} {where}"


def aggregate(texts: Iterable[str]) -> str:
    """Return several errors as one, as upstream writes it; repetitions count once."""
    different = list(dict.fromkeys(texts))
    return different[0] if len(different) == 1 else f"[{', '.join(different)}]" if different else ""
