"""Routing: from method, path and query to what a request asks for, as upstream's RequestInfoFactory does."""

from __future__ import annotations

from collections.abc import Sequence

from cluster_shim.api.selectors import name_in_field_selector
from cluster_shim.apiserver.request import RequestInfo

_VERB_OF_METHOD = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_SPECIAL_VERBS = frozenset({"proxy", "watch"})
_SUBRESOURCES_OF_NAMESPACES = frozenset({"status", "finalize"})


def request_info(method: str, path: str, query: Sequence[tuple[str, str]] = ()) -> RequestInfo:
    """Return what a request asks for; a path that is not below /api/V or /apis/G/V is no resource request."""
    parts = path.strip("/").split("/")
    prefix = parts[0]
    minimum = 3 if prefix == "apis" else 2
    if prefix not in ("api", "apis") or len(parts) <= minimum:
        return RequestInfo(method.lower(), path)
    group = parts[1] if prefix == "apis" else ""
    version = parts[2] if prefix == "apis" else parts[1]
    rest = parts[minimum:]
    verb = _VERB_OF_METHOD.get(method, "")
    if rest[0] in _SPECIAL_VERBS:
        if len(rest) < 2:
            return RequestInfo(method.lower(), path)
        verb, rest = rest[0], rest[1:]

    namespace, rest = _namespace(rest)
    resource = rest[0] if rest else ""
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 and verb != "proxy" else ""
    tail = "/".join(rest[3:] if subresource else rest[2:])

    label_selector = field_selector = ""
    if not name and verb in ("get", "delete", "watch"):
        if verb != "watch":
            verb = {"get": "list", "delete": "deletecollection"}[verb]
        for key, value in query:
            if key == "watch" and verb == "list" and value.lower() not in ("0", "false"):
                verb = "watch"
            elif key == "labelSelector" and not label_selector:
                label_selector = value
            elif key == "fieldSelector" and not field_selector:
                field_selector = value
        if field_selector and verb != "deletecollection":  # who may delete one by its name may not delete a collection
            name = name_in_field_selector(field_selector)
    return RequestInfo(
        verb=verb,
        path=path,
        is_resource=True,
        prefix=prefix,
        group=group,
        version=version,
        resource=resource,
        subresource=subresource,
        namespace=namespace,
        name=name,
        rest=tail,
        label_selector=label_selector,
        field_selector=field_selector,
    )


def _namespace(rest: list[str]) -> tuple[str, list[str]]:
    """Return the namespace that a path names, and the parts from the resource on."""
    if rest[0] != "namespaces":
        return "", rest
    if len(rest) > 2 and rest[2] not in _SUBRESOURCES_OF_NAMESPACES:
        return rest[1], rest[2:]
    return (rest[1] if len(rest) > 1 else ""), rest
