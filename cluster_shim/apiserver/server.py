"""Server: the way of a request, from who asks to the answer. Knows no sockets: http/ and client/ hand it requests.

Order, as upstream: request info, authentication, audit, impersonation, flow, limit of requests in flight,
authorization, handler.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable

from cluster_shim.api import errors
from cluster_shim.api.errors import APIError
from cluster_shim.api.resources import Catalogue
from cluster_shim.apiserver import warning_headers
from cluster_shim.apiserver.audit.log import AuditLog
from cluster_shim.apiserver.audit.trail import Trail
from cluster_shim.apiserver.authentication.authenticator import Authenticator
from cluster_shim.apiserver.authorization.authorizer import Authorizer
from cluster_shim.apiserver.authorization.messages import forbidden
from cluster_shim.apiserver.dispatch import dispatch
from cluster_shim.apiserver.flows import Flows
from cluster_shim.apiserver.handlers.connect import NoAgent, NodeAgent
from cluster_shim.apiserver.impersonation import Impersonation
from cluster_shim.apiserver.inflight import InFlight, is_long
from cluster_shim.apiserver.nonresource.metrics import Metrics
from cluster_shim.apiserver.nonresource.site import page_not_found
from cluster_shim.apiserver.options import check_timeout
from cluster_shim.apiserver.registry.registry import Registry
from cluster_shim.apiserver.rendering import error_response
from cluster_shim.apiserver.request import Request, RequestInfo, Response, UserInfo
from cluster_shim.apiserver.reviews.facilities import Facilities
from cluster_shim.apiserver.routing import request_info
from cluster_shim.apiserver.watching.hub import Hub
from cluster_shim.storage.store import Unavailable

_log = logging.getLogger(__name__)

STALE_CODES = (404, 409)
"""What a write is refused with that has seen less than another server has written."""

NonResource = Callable[["Server", Request], Awaitable[Response]]


class Server:
    """One API server over one store."""

    def __init__(
        self,
        registry: Registry,
        authenticator: Authenticator,
        authorizer: Authorizer,
        impersonation: Impersonation,
        flows: Flows,
        inflight: InFlight,
        facilities: Facilities,
        audit: AuditLog | None = None,
    ) -> None:
        self.registry: Registry = registry
        self.catalogue: Catalogue = registry.catalogue
        self.hub: Hub = Hub(registry.store)
        self.authenticator = authenticator
        self.authorizer = authorizer
        self.impersonation = impersonation
        self.flows = flows
        self.inflight = inflight
        self.facilities = facilities
        self.audit = audit
        self.agent: NodeAgent = NoAgent()
        """Who runs the pods; a kubelet, once there is one."""
        self.metrics = Metrics(registry.catalogue)
        self.paths: dict[str, NonResource] = {}
        """Handlers of what is no resource, by path; one that ends in ``/`` is for all paths below."""
        registry.check_may_create = self._check_may_create

    async def handle(self, request: Request, is_authenticated: bool = False) -> Response:
        """Return the answer to a request; never raises but for a cancellation.

        `is_authenticated` tells that `request.user` is right already: whoever calls is in this process.
        """
        started = time.perf_counter()
        response = await self._answer(request, is_authenticated)
        self.metrics.finished(request, response.status, time.perf_counter() - started)
        return response

    async def _answer(self, request: Request, is_authenticated: bool) -> Response:
        trail = Trail(self.audit, request)
        try:
            return trail.answered(self._finished(request, await self._handle(request, is_authenticated, trail)))
        except APIError as error:
            return trail.answered(self._finished(request, error_response(request, error)), error.status)
        except Unavailable as error:
            refusal = errors.unclassified(str(error))
            return trail.answered(error_response(request, refusal), refusal.status)
        except Exception:
            _log.exception("%s %s", request.method, request.path)
            trail.panicked()
            return error_response(request, errors.internal("the server has a defect; its log says more"))

    async def _handle(self, request: Request, is_authenticated: bool, trail: Trail) -> Response:
        request.info = request_info(request.method, request.path, request.query)
        if not is_long(request.info):
            check_timeout(request)
        if is_authenticated:
            trail.identified(request.user)
        else:
            user = request.user = self.authenticator.authenticate(request)
            trail.identified(user)
            request.user = self.impersonation.impersonate(request)
            if request.user is not user:
                trail.impersonates(request.user)
        if request.info.verb == "watch" or not is_long(request.info):
            request.flow = self.flows.headers(request.user, request.info)
        ticket = self.inflight.enter(request.user, request.info)
        try:
            decision = self.authorizer.authorize(request.user, request.info)
            trail.decided(decision)
            if not decision.allowed:
                raise forbidden(request.user, request.info, decision.reason)
            if request.info.is_resource:
                return await self._dispatched(request)
            handler = self._non_resource(request.path)
            return await handler(self, request) if handler is not None else page_not_found()
        finally:
            ticket.leave()

    async def _dispatched(self, request: Request) -> Response:
        """Dispatch; what is refused for a state that another server may have changed meanwhile, is looked at again."""
        store = self.registry.store
        before = store.revision
        try:
            return await dispatch(self, request)
        except APIError as error:
            if not store.is_shared or error.code not in STALE_CODES or request.method == "GET":
                raise
            await store.current()
            if store.revision == before:
                raise
        request.warnings.clear()
        return await dispatch(self, request)

    def check(self, user: UserInfo, info: RequestInfo) -> None:
        """Refuse what a user may not do. Raises APIError 403."""
        decision = self.authorizer.authorize(user, info)
        if not decision.allowed:
            raise forbidden(user, info, decision.reason)

    def _check_may_create(self, request: Request) -> None:
        self.check(request.user, request.info._replace(verb="create"))

    def _non_resource(self, path: str) -> NonResource | None:
        found = self.paths.get(path)
        if found is None and path.endswith("/"):
            found = self.paths.get(path.rstrip("/"))
        while found is None and path:
            path = path[: path.rfind("/", 0, len(path) - 1) + 1] if len(path) > 1 else ""
            found = self.paths.get(path) if path != "/" else None
        return found

    def _finished(self, request: Request, response: Response) -> Response:
        response.headers += request.flow
        if request.warnings:
            response.headers += [("Warning", each) for each in warning_headers.values(request.warnings)]
        return response
