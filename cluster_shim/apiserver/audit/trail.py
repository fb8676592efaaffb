"""The way of one request through the audit log: the server says how far it has come, whatever comes of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from cluster_shim.apiserver.audit.event import Event
from cluster_shim.apiserver.audit.log import AuditLog
from cluster_shim.apiserver.authorization.authorizer import Decision
from cluster_shim.apiserver.request import Request, Response, UserInfo

_NOBODY = UserInfo("")


class Trail:
    """Tells the log of one request. Without a log nothing happens."""

    __slots__ = ("_event", "_is_begun", "_log", "_request")

    def __init__(self, log: AuditLog | None, request: Request) -> None:
        self._log = log
        self._request = request
        self._event: Event | None = None
        self._is_begun = log is None

    def identified(self, user: UserInfo) -> None:
        """Take note of who asks."""
        if self._log is not None:
            self._request.user = user
            self._event = self._log.begin(self._request)
            self._is_begun = True

    def impersonates(self, user: UserInfo) -> None:
        """Take note of as whom."""
        if self._event is not None:
            self._event.impersonated(user)

    def decided(self, decision: Decision) -> None:
        """Take note of what the authorizer says."""
        if self._event is not None:
            annotations = self._request.annotations
            annotations["authorization.k8s.io/decision"] = "allow" if decision.allowed else "forbid"
            annotations["authorization.k8s.io/reason"] = decision.reason

    def answered(self, response: Response, failure: Mapping[str, Any] | None = None) -> Response:
        """Take note of the answer; a long one is noted when it begins and when it has ended."""
        if not self._is_begun:  # nobody knows who asked
            self.identified(_NOBODY)
        event = self._event
        if event is None:
            return response
        response.headers.append(("Audit-Id", event.audit_id))
        if response.stream is None:
            event.complete(response.status, response.body, failure)
        else:
            event.started(response.status)
            response.stream = _until_the_end(response.stream, response.status, event)
        return response

    def panicked(self) -> None:
        """Take note that the request has met a defect."""
        if self._event is not None:
            self._event.panicked()


async def _until_the_end(stream: AsyncGenerator[bytes, None], status: int, event: Event) -> AsyncGenerator[bytes, None]:
    try:
        async for piece in stream:
            yield piece
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
        event.complete(status)
