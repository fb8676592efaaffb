"""One request in the audit log: a line when it comes, when a long answer begins, and when it has been answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from cluster_shim.apiserver.audit.policy import METADATA, REQUEST_RESPONSE, Scope
from cluster_shim.apiserver.request import Request, UserInfo
from cluster_shim.apiserver.reviews.facilities import user_info

Write = Callable[[bytes], None]

_MUTATING = ("create", "update", "patch", "delete", "deletecollection")


class Event:
    """Writes the lines of one request. Lines of stages that the policy omits are not written."""

    def __init__(self, request: Request, audit_id: str, scope: Scope, write: Write, now: Callable[[], float]) -> None:
        self._request = request
        self._scope = scope
        self._write = write
        self._now = now
        self.audit_id = audit_id
        self._fields: dict[str, Any] = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": scope.level,
            "auditID": audit_id,
            "stage": "",
            **_what(request),
            "requestReceivedTimestamp": _micro_time(now()),
        }
        self._stage("RequestReceived")

    def impersonated(self, user: UserInfo, constraint: str = "") -> None:
        """Take note of the user that the request is made as."""
        self._fields["impersonatedUser"] = user_info(user)
        if constraint:
            self._fields["authenticationMetadata"] = {"impersonationConstraint": constraint}

    def started(self, code: int) -> None:
        """Take note that a long answer (a watch) has begun."""
        self._fields["responseStatus"] = {"metadata": {}, "code": code}
        self._stage("ResponseStarted")

    def complete(self, code: int, body: bytes = b"", failure: Mapping[str, Any] | None = None) -> None:
        """Take note of the answer: its body, or the Status of an error."""
        status: dict[str, Any] = {"metadata": {}, "code": code}
        if failure is not None:
            shown = ("status", "message", "reason", "details")
            status |= {key: failure[key] for key in shown if key in failure}
        self._fields["responseStatus"] = status
        if self._scope.level != METADATA:
            self._add("requestObject", self._request.body)
        if self._scope.level == REQUEST_RESPONSE:
            self._add("responseObject", body)
        self._stage("ResponseComplete")

    def panicked(self) -> None:
        """Take note that the request has met a defect of the server."""
        self._fields["responseStatus"] = {"metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500}
        self._stage("Panic")

    def _stage(self, stage: str) -> None:
        if stage in self._scope.omit_stages:
            return
        fields = {**self._fields, "stage": stage, "stageTimestamp": _micro_time(self._now())}
        if self._request.annotations:
            fields["annotations"] = dict(self._request.annotations)
        self._write(msgspec.json.encode(fields) + b"\n")

    def _add(self, key: str, body: bytes) -> None:
        """Add an object, if it is JSON: what comes in other forms is not worth taking apart for the log."""
        if not body or self._request.info.verb not in (*_MUTATING, "get", "list"):
            return
        try:
            document = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        if self._scope.omit_managed_fields:
            document = _without_managed_fields(document)
        self._fields[key] = document


def _what(request: Request) -> dict[str, Any]:
    info = request.info
    fields: dict[str, Any] = {"requestURI": _uri(request), "verb": info.verb, "user": user_info(request.user)}
    if request.peer:
        fields["sourceIPs"] = [request.peer]
    if agent := request.header("user-agent"):
        fields["userAgent"] = agent
    if info.is_resource:
        reference = {
            "resource": info.resource,
            "namespace": info.namespace,
            "name": info.name,
            "apiGroup": info.group,
            "apiVersion": info.version,
            "subresource": info.subresource,
        }
        fields["objectRef"] = {key: value for key, value in reference.items() if value}
    return fields


def _uri(request: Request) -> str:
    from urllib.parse import urlencode

    path = request.raw_path or request.path
    return path if "?" in path or not request.query else f"{path}?{urlencode(request.query)}"


def _without_managed_fields(document: Any) -> Any:
    if not isinstance(document, dict):
        return document
    changed = dict(document)
    if isinstance(metadata := document.get("metadata"), dict):
        changed["metadata"] = {key: value for key, value in metadata.items() if key != "managedFields"}
    if isinstance(items := document.get("items"), list):
        changed["items"] = [_without_managed_fields(each) for each in items]
    return changed


def _micro_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
