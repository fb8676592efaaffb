"""SubjectAccessReview, SelfSubjectAccessReview, LocalSubjectAccessReview: may someone do something?

Upstream: registry/authorization, apis/authorization/validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api import errors, fields
from cluster_shim.api.fields import FieldError, Path
from cluster_shim.apiserver.request import Request, RequestInfo, UserInfo
from cluster_shim.apiserver.reviews.facilities import Facilities, Object
from cluster_shim.apiserver.reviews.selectors import check_selectors, narrow

GROUP = "authorization.k8s.io"
_SPEC = Path("spec")


def subject_access_review(request: Request, review: Object, server: Facilities) -> Object:
    """Say whether a user may do something."""
    spec = review.get("spec") or {}
    _refuse(
        [*_check_spec(spec), *_check_user(spec), *_check_selectors(spec), *_check_metadata(review, "must be empty")]
    )
    return _answer(review, _subject(spec), spec, server)


def self_subject_access_review(request: Request, review: Object, server: Facilities) -> Object:
    """Say whether the one who asks may do something."""
    spec = review.get("spec") or {}
    _refuse([*_check_spec(spec), *_check_selectors(spec), *_check_metadata(review, "must be empty")])
    return _answer(review, request.user, spec, server)


def local_subject_access_review(request: Request, review: Object, server: Facilities) -> Object:
    """Say whether a user may do something in the namespace of the request."""
    namespace = request.info.namespace
    metadata = _ordered({**(review.get("metadata") or {}), "namespace": namespace})
    review = {**review, "metadata": metadata}
    spec = review.get("spec") or {}
    found = [*_check_spec(spec), *_check_user(spec), *_check_selectors(spec)]
    found += _check_metadata(review, "must be empty except for namespace", "namespace")
    resource = spec.get("resourceAttributes")
    if resource is not None and (other := resource.get("namespace", "")) != namespace:
        path = Path("spec.resourceAttributes.namespace")
        found.append(fields.invalid(path, other, "must match metadata.namespace"))
    if spec.get("nonResourceAttributes") is not None:
        shown = _shown(spec["nonResourceAttributes"])
        found.append(fields.invalid(Path("spec.nonResourceAttributes"), shown, "disallowed on this kind of request"))
    _refuse(found)
    return _answer(review, _subject(spec), spec, server)


def _answer(review: Object, user: UserInfo, spec: Mapping[str, Any], server: Facilities) -> Object:
    info, ignored = _request_info(spec)
    decision = server.authorizer.authorize(user, info)
    status: Object = {"allowed": decision.allowed}
    if decision.denied:
        status["denied"] = True
    if decision.reason:
        status["reason"] = decision.reason
    if ignored:
        status["evaluationError"] = "; ".join(ignored)
    return {**review, "metadata": review.get("metadata") or {}, "status": status}


def _request_info(spec: Mapping[str, Any]) -> tuple[RequestInfo, list[str]]:
    """Return what is asked about, and what of it cannot be understood and is ignored."""
    resource = spec.get("resourceAttributes")
    if resource is None:
        plain = spec["nonResourceAttributes"]
        return RequestInfo(plain.get("verb", ""), plain.get("path", "")), []
    info = RequestInfo(
        verb=resource.get("verb", ""),
        path="",
        is_resource=True,
        group=resource.get("group", ""),
        version=resource.get("version", "*"),
        resource=resource.get("resource", ""),
        subresource=resource.get("subresource", ""),
        namespace=resource.get("namespace", ""),
        name=resource.get("name", ""),
    )
    selection = narrow(resource)
    return info._replace(field_selector=selection.fields, label_selector=selection.labels), selection.ignored


def _subject(spec: Mapping[str, Any]) -> UserInfo:
    groups = tuple(spec.get("groups") or ())
    return UserInfo(spec.get("user", ""), spec.get("uid", ""), groups, spec.get("extra") or {})


def _check_spec(spec: Mapping[str, Any]) -> list[FieldError]:
    resource, plain = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and plain is not None:
        detail = "cannot be specified in combination with resourceAttributes"
        return [fields.invalid(_SPEC.child("nonResourceAttributes"), _shown(plain), detail)]
    if resource is None and plain is None:
        detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        return [fields.invalid(_SPEC.child("resourceAttributes"), None, detail)]
    return []


def _shown(plain: Mapping[str, Any]) -> dict[str, str]:
    """Return non-resource attributes as upstream's internal type shows them."""
    return {"Path": plain.get("path", ""), "Verb": plain.get("verb", "")}


def _check_user(spec: Mapping[str, Any]) -> list[FieldError]:
    if spec.get("user") or spec.get("groups"):
        return []
    return [fields.invalid(_SPEC.child("user"), "", "at least one of user or group must be specified")]


def _check_selectors(spec: Mapping[str, Any]) -> list[FieldError]:
    resource = spec.get("resourceAttributes")
    return check_selectors(resource) if resource is not None else []


def _check_metadata(review: Mapping[str, Any], detail: str, *but: str) -> list[FieldError]:
    metadata = review.get("metadata") or {}
    if set(metadata) <= {"managedFields", *but}:
        return []
    return [fields.invalid(Path("metadata"), fields.as_json(metadata, None), detail)]


def _ordered(metadata: Object) -> Object:
    """Return metadata in the order in which messages show it: names and namespace first."""
    first = ("name", "generateName", "namespace")
    rest = {key: value for key, value in metadata.items() if key not in first}
    return {key: metadata[key] for key in first if key in metadata} | rest


def _refuse(found: list[FieldError]) -> None:
    if found:
        raise errors.invalid("", "", found, GROUP)
