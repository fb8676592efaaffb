"""Reviews: what a webhook is asked, what may stand in its answer, and what it means for the write."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from cluster_shim.api.errors import APIError, bad_request
from cluster_shim.api.fields import quoted
from cluster_shim.apiserver.admission.plugin import Attributes
from cluster_shim.apiserver.admission.webhook.caller import Caller, CallError
from cluster_shim.apiserver.admission.webhook.hooks import Invocation

_GROUP = "admission.k8s.io"
_VERSIONS = ("v1", "v1beta1")
_SCHEME = "k8s.io/apiserver/pkg/util/webhook/client.go:71"

Object = Mapping[str, Any]


class WebhookError(Exception):
    """A webhook that could not be asked, or whose answer is none; whether that stops the write, its policy says."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"failed calling webhook {quoted(name)}: {reason}")


class Verdict(NamedTuple):
    """What a webhook says."""

    patch: bytes
    """A JSON patch, or nothing."""
    patch_type: str


async def ask(
    caller: Caller, invocation: Invocation, attributes: Attributes, new: Object | None, old: Object | None
) -> Verdict:
    """Ask a webhook about a write. Raises APIError if it refuses, WebhookError if it does not answer.

    `new` and `old` are the objects in the version that the webhook wants.
    """
    hook = invocation.hook
    if attributes.dry_run and hook.spec.get("sideEffects") not in ("None", "NoneOnDryRun"):
        raise bad_request(f"admission webhook {quoted(hook.name)} does not support dry run")
    version = next((each for each in hook.spec.get("admissionReviewVersions") or () if each in _VERSIONS), None)
    if version is None:
        raise WebhookError(
            hook.name,
            "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)",
        )
    uid = str(uuid.uuid4())
    review = {
        "kind": "AdmissionReview",
        "apiVersion": f"{_GROUP}/{version}",
        "request": _request(uid, invocation, attributes, new, old),
    }
    try:
        answer = await caller.call(hook.spec.get("clientConfig") or {}, review, hook.timeout_seconds)
    except CallError as error:
        raise WebhookError(hook.name, f"failed to call webhook: {error}") from None
    _check_kind(hook.name, answer, version)
    try:
        response = _response(answer, uid, version)
    except ValueError as error:
        raise WebhookError(hook.name, f"received invalid webhook response: {error}") from None
    for key, value in (response.get("auditAnnotations") or {}).items():
        attributes.annotations[f"{hook.name}/{key}"] = value
    attributes.warnings.extend(response.get("warnings") or ())
    if not response.get("allowed"):
        raise _refusal(hook.name, response.get("status") or {})
    return Verdict(base64.b64decode(response.get("patch") or ""), response.get("patchType") or "")


def check_patch(response: Verdict, is_mutating: bool) -> None:
    """Refuse a patch where there may be none, and one without its type. Raises ValueError."""
    if not is_mutating:
        if response.patch:
            raise ValueError("validating webhook may not return response.patch")
        if response.patch_type:
            raise ValueError("validating webhook may not return response.patchType")
    elif response.patch and not response.patch_type:
        raise ValueError("webhook returned response.patch but not response.patchType")
    elif response.patch_type and not response.patch:
        raise ValueError("webhook returned response.patchType but not response.patch")


def _request(
    uid: str, invocation: Invocation, attributes: Attributes, new: Object | None, old: Object | None
) -> dict[str, Any]:
    resource, kind, user = attributes.resource, attributes.kind, attributes.user
    said = {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
    members: dict[str, Any] = {
        "uid": uid,
        "kind": invocation.kind._asdict(),
        "resource": {"group": invocation.group, "version": invocation.version, "resource": invocation.resource},
        "subResource": attributes.subresource,
        "requestKind": kind._asdict(),
        "requestResource": {"group": resource.group, "version": resource.version, "resource": resource.name},
        "requestSubResource": attributes.subresource,
        "name": attributes.name,
        "namespace": attributes.namespace,
        "operation": attributes.operation,
        "userInfo": {name: value for name, value in said.items() if value},
    }
    if user.extra:
        members["userInfo"]["extra"] = {key: list(values) for key, values in user.extra.items()}
    optional = ("subResource", "requestSubResource", "name", "namespace")
    request = {name: value for name, value in members.items() if value or name not in optional}
    options = dict(attributes.options) or None
    return {**request, "object": new, "oldObject": old, "dryRun": attributes.dry_run, "options": options}


def _check_kind(name: str, answer: Object, version: str) -> None:
    """Refuse what is no review of the version that was sent. Raises WebhookError."""
    api_version, kind = answer.get("apiVersion"), answer.get("kind")
    if not api_version or not kind or (api_version, kind) == (f"{_GROUP}/{version}", "AdmissionReview"):
        return
    if kind == "AdmissionReview" and api_version in (f"{_GROUP}/{each}" for each in _VERSIONS):
        got = str(api_version).rpartition("/")[2]
        reason = f"converting ({got}.AdmissionReview) to ({version}.AdmissionReview): unknown conversion"
    else:
        reason = f'no kind "{kind}" is registered for version "{api_version}" in scheme "{_SCHEME}"'
    raise WebhookError(name, f"failed to call webhook: {reason}")


def _response(answer: Object, uid: str, version: str) -> Object:
    response = answer.get("response")
    if not isinstance(response, dict):
        raise ValueError("webhook response was absent")
    if version == "v1":
        if response.get("uid", "") != uid:
            raise ValueError(f"expected response.uid={quoted(uid)}, got {quoted(str(response.get('uid', '')))}")
        if not answer.get("apiVersion") or not answer.get("kind"):
            raise ValueError(f"expected webhook response of {_GROUP}/v1, Kind=AdmissionReview, got {_gvk(answer)}")
    elif response.get("patch"):
        response = {**response, "patchType": "JSONPatch"}
    return response


def _gvk(answer: Object) -> str:
    api_version = str(answer.get("apiVersion", ""))
    return f"{api_version if '/' in api_version else f'/{api_version}'}, Kind={answer.get('kind', '')}"


def _refusal(name: str, status: Object) -> APIError:
    """Return the error of a write that a webhook refuses: its status, made a failure and with its name in front."""
    denied = f"admission webhook {quoted(name)} denied the request"
    said = status.get("message") or status.get("reason")
    code = int(status.get("code") or 0)
    return APIError(
        code if code >= 400 else 400,
        str(status.get("reason") or ""),
        f"{denied}: {said}" if said else f"{denied} without explanation",
        status.get("details"),
        metadata=status.get("metadata") or {},
    )
