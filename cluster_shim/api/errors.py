"""Errors that a client sees: each is a Status of kind Failure with upstream's reason, code, text and details.

What a request asks for and cannot have is an APIError; whoever raises it names the resource, the handler turns it into
an answer. Upstream: apimachinery/pkg/api/errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cluster_shim.api.fields import quoted

if TYPE_CHECKING:
    from cluster_shim.api.fields import FieldError

Status = dict[str, Any]


class APIError(Exception):
    """A request that is refused; `status` is the body of the answer, `headers` go with it."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: dict[str, Any] | None = None,
        headers: Sequence[tuple[str, str]] = (),
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.headers = tuple(headers)
        self.metadata = metadata or {}

    @property
    def status(self) -> Status:
        """Return the Status object; members that are empty are absent, as upstream writes it."""
        status: Status = {"kind": "Status", "apiVersion": "v1", "metadata": self.metadata, "status": "Failure"}
        if self.message:
            status["message"] = self.message
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        status["code"] = self.code
        return status


def qualified(resource: str, group: str = "") -> str:
    """Return a resource as messages write it: ``deployments.apps``."""
    return f"{resource}.{group}" if group else resource


def _details(name: str, group: str, kind: str, **more: Any) -> dict[str, Any]:
    pairs = {"name": name, "group": group, "kind": kind, **more}
    return {key: value for key, value in pairs.items() if value not in ("", None, [])}


def bad_request(message: str) -> APIError:
    """Return 400: the request cannot be understood."""
    return APIError(400, "BadRequest", message)


def unauthorized(message: str = "Unauthorized") -> APIError:
    """Return 401: who asks is not known."""
    return APIError(401, "Unauthorized", message)


def forbidden(resource: str, name: str, message: str, group: str = "", causes: Sequence[Any] = ()) -> APIError:
    """Return 403 for an object: not allowed, by authorization, admission or a quota."""
    text = (
        f"{qualified(resource, group)} {quoted(name)} is forbidden: {message}"
        if name
        else (f"{qualified(resource, group)} is forbidden: {message}" if resource else f"forbidden: {message}")
    )
    return APIError(403, "Forbidden", text, _details(name, group, resource, causes=list(causes)))


def not_found(resource: str, name: str, group: str = "") -> APIError:
    """Return 404 for an object that is not there."""
    message = f"{qualified(resource, group)} {quoted(name)} not found"
    return APIError(404, "NotFound", message, _details(name, group, resource))


def unknown_path() -> APIError:
    """Return 404 for a path that names no resource."""
    return APIError(404, "NotFound", "the server could not find the requested resource", {})


def method_not_supported(resource: str, action: str, group: str = "") -> APIError:
    """Return 405: the resource has no such verb."""
    message = f'{action} is not supported on resources of kind "{qualified(resource, group)}"'
    return APIError(405, "MethodNotAllowed", message, _details("", group, resource))


def not_acceptable(media_types: Iterable[str]) -> APIError:
    """Return 406: no media type of Accept can be written."""
    listed = ", ".join(media_types)
    return APIError(406, "NotAcceptable", f"only the following media types are accepted: {listed}")


def already_exists(resource: str, name: str, group: str = "") -> APIError:
    """Return 409 for a name that is taken."""
    message = f"{qualified(resource, group)} {quoted(name)} already exists"
    return APIError(409, "AlreadyExists", message, _details(name, group, resource))


def conflict(resource: str, name: str, message: str, group: str = "", causes: Sequence[Any] = ()) -> APIError:
    """Return 409: the object is not in the state that the request presumes."""
    text = f"Operation cannot be fulfilled on {qualified(resource, group)} {quoted(name)}: {message}"
    return APIError(409, "Conflict", text, _details(name, group, resource, causes=list(causes)))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
"""What `conflict` says when resourceVersion is not the stored one."""


def expired(message: str, continue_token: str = "") -> APIError:
    """Return 410: a resourceVersion or a continue token that is too old."""
    return APIError(410, "Expired", message, metadata={"continue": continue_token} if continue_token else None)


def request_entity_too_large(message: str) -> APIError:
    """Return 413: a body over the limit."""
    return APIError(413, "RequestEntityTooLarge", f"Request entity too large: {message}")


def unsupported_media_type(media_types: Iterable[str]) -> APIError:
    """Return 415: a body in a media type that cannot be read."""
    listed = ", ".join(media_types)
    message = f"the body of the request was in an unknown format - accepted media types include: {listed}"
    return APIError(415, "UnsupportedMediaType", message)


def invalid(kind: str, name: str, errors: Sequence[FieldError], group: str = "") -> APIError:
    """Return 422 with a cause for each error of a field."""
    texts = list(dict.fromkeys(each.message() for each in errors))  # upstream's aggregate drops repetitions
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    message = f"{qualified(kind, group)} {quoted(name)} is invalid: {listed}"
    details = _details(name, group, kind, causes=[each.cause() for each in errors])
    return APIError(422, "Invalid", message, details)


def too_many_requests(message: str, retry_after_seconds: int) -> APIError:
    """Return 429 with Retry-After."""
    headers = [("Retry-After", str(retry_after_seconds))]
    return APIError(429, "TooManyRequests", message, {"retryAfterSeconds": retry_after_seconds}, headers)


def internal(message: str) -> APIError:
    """Return 500: something that is not the client's fault."""
    causes = [{"message": message}]
    return APIError(500, "InternalError", f"Internal error occurred: {message}", {"causes": causes})


def service_unavailable(message: str) -> APIError:
    """Return 503."""
    return APIError(503, "ServiceUnavailable", message)


def too_large_resource_version(requested: int, current: int) -> APIError:
    """Return 504: a resourceVersion that the store has not reached."""
    message = f"Timeout: Too large resource version: {requested}, current: {current}"
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    headers = [("Retry-After", "1")]
    return APIError(504, "Timeout", message, {"causes": causes, "retryAfterSeconds": 1}, headers)


def unclassified(message: str) -> APIError:
    """Return 500 for what upstream returns as a plain error: no reason, no details."""
    return APIError(500, "", message)


def method_not_allowed() -> APIError:
    """Return 405 for a method that the router does not know at a path."""
    return APIError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})
