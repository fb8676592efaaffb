"""Dispatch: from what a request asks for to the handler of its resource, subresource and verb."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from cluster_shim.api import errors
from cluster_shim.api.resources import Resource
from cluster_shim.apiserver.handlers.binding import bind
from cluster_shim.apiserver.handlers.component_statuses import component_statuses
from cluster_shim.apiserver.handlers.connect import pod_log, pod_stream, proxy
from cluster_shim.apiserver.handlers.create import post
from cluster_shim.apiserver.handlers.delete import delete_collection, delete_one
from cluster_shim.apiserver.handlers.eviction import evict
from cluster_shim.apiserver.handlers.get import get
from cluster_shim.apiserver.handlers.list import list_
from cluster_shim.apiserver.handlers.patch import patch
from cluster_shim.apiserver.handlers.review import review
from cluster_shim.apiserver.handlers.scale import scaled
from cluster_shim.apiserver.handlers.update import put
from cluster_shim.apiserver.handlers.watch import watch
from cluster_shim.apiserver.nonresource.site import page_not_found
from cluster_shim.apiserver.request import Request, RequestInfo, Response
from cluster_shim.apiserver.reviews.table import REVIEWS

if TYPE_CHECKING:
    from cluster_shim.apiserver.server import Server

Handle = Callable[["Server", Resource, Request], Awaitable[Response]]

_COLLECTION = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
_OBJECT = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_SUBRESOURCE = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch"}
_CONNECT = {**_SUBRESOURCE, "DELETE": "delete", "HEAD": "get", "OPTIONS": "get"}

VERBS: dict[str, Handle] = {
    "get": lambda server, resource, request: get(server.registry, resource, request),
    "list": lambda server, resource, request: list_(server.registry, resource, request),
    "watch": lambda server, resource, request: watch(server.registry, server.hub, resource, request),
    "create": lambda server, resource, request: post(server.registry, resource, request),
    "update": lambda server, resource, request: put(server.registry, resource, request),
    "patch": lambda server, resource, request: patch(server.registry, resource, request),
    "delete": lambda server, resource, request: delete_one(server.registry, resource, request),
    "deletecollection": lambda server, resource, request: delete_collection(server.registry, resource, request),
}

DEPRECATED = {
    ("", "componentstatuses"): "v1 ComponentStatus is deprecated in v1.19+",
    ("", "endpoints"): "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
}
"""What every answer says of a resource that one should not use any more."""

SPECIAL: dict[tuple[str, str, str], Handle] = {
    **dict.fromkeys(REVIEWS, review),
    ("", "bindings", ""): bind,
    ("", "pods", "binding"): bind,
    ("", "pods", "eviction"): evict,
    ("", "componentstatuses", ""): component_statuses,
    ("", "pods", "log"): pod_log,
    **dict.fromkeys([("", "pods", name) for name in ("exec", "attach", "portforward")], pod_stream),
    ("*", "*", "proxy"): proxy,
    ("*", "*", "scale"): scaled,
}
"""Handlers of resources that are no objects, and of subresources, by group, resource and subresource."""


async def dispatch(server: Server, request: Request) -> Response:
    """Return the answer of the handler that a request is for. Raises APIError 404 and 405."""
    info = request.info
    resource = server.catalogue.find(info.group, info.version, info.resource)
    if resource is None:
        return _unknown(server, info)
    _check_scope(resource, request)
    if resource.custom is not None and resource.custom.deprecation_warning:
        request.warnings.append(resource.custom.deprecation_warning)
    if info.subresource:
        return await _subresource(server, resource, request)
    verb = _verb(resource, request)
    if (text := DEPRECATED.get((resource.group, resource.name))) is not None:
        request.warnings.append(text)
    special = SPECIAL.get((resource.group, resource.name, ""))
    if special is not None:
        return await special(server, resource, request)
    return await VERBS[verb](server, resource, request)


def _unknown(server: Server, info: RequestInfo) -> Response:
    """Return 404: as a Status below a group and version that there is, as a page elsewhere."""
    if any(each.group == info.group and each.custom is None for each in server.catalogue):
        raise errors.unknown_path()
    return page_not_found()


def _check_scope(resource: Resource, request: Request) -> None:
    """Refuse paths that no object of the resource can have."""
    info = request.info
    if resource.namespaced:
        if not info.namespace:
            if "/" in info.path.rstrip("/").rpartition(f"/{resource.name}")[2] or _named(info):
                raise errors.unknown_path()
            if request.method != "GET":
                raise errors.method_not_allowed()
    elif info.namespace and resource.name != "namespaces":
        raise errors.unknown_path()
    if info.rest and info.subresource != "proxy":
        raise errors.unknown_path()


def _named(info: RequestInfo) -> bool:
    """Tell whether the path itself has a name, and not only a field selector."""
    return bool(info.name) and info.path.rstrip("/").endswith(f"/{info.name}")


def _verb(resource: Resource, request: Request) -> str:
    info = request.info
    has_name = _has_name(info)
    methods: Mapping[str, str] = _OBJECT if has_name else _COLLECTION
    if has_name and not set(resource.verbs) & set(_OBJECT.values()):
        raise errors.unknown_path()  # nothing has a name there
    verb = "watch" if info.verb == "watch" and request.method == "GET" else methods.get(request.method, "")
    if verb not in resource.verbs:
        raise errors.method_not_allowed()
    if verb == "create" and resource.custom is not None and resource.custom.is_terminating:
        refusal = errors.method_not_supported(resource.name, verb, resource.group)
        refusal.message = "create not allowed while custom resource definition is terminating"
        raise refusal
    return verb


def _has_name(info: RequestInfo) -> bool:
    return bool(info.name) and info.verb not in ("list", "watch", "deletecollection")


async def _subresource(server: Server, resource: Resource, request: Request) -> Response:
    info = request.info
    found = resource.subresources.get(info.subresource)
    if found is None:
        if resource.custom is not None:
            raise errors.not_found(resource.name, info.name, resource.group)
        raise errors.unknown_path()
    special = SPECIAL.get((resource.group, resource.name, info.subresource))
    special = special or SPECIAL.get(("*", "*", info.subresource))
    methods = _CONNECT if info.subresource == "proxy" else _SUBRESOURCE
    verb = methods.get(request.method, "")
    if verb not in found.verbs:
        raise errors.method_not_allowed()
    if special is not None:
        return await special(server, resource, request)
    return await VERBS[verb](server, resource, request)
