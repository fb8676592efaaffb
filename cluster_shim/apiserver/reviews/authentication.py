"""SelfSubjectReview and TokenReview: who someone is (upstream: registry/authentication)."""

from __future__ import annotations

from cluster_shim.api import errors
from cluster_shim.apiserver.authentication.verdict import Refused
from cluster_shim.apiserver.request import Request
from cluster_shim.apiserver.reviews.facilities import Facilities, Object, time, user_info


def self_subject_review(request: Request, review: Object, server: Facilities) -> Object:
    """Say who asks."""
    metadata = {"creationTimestamp": time(server.now())}
    return {**review, "metadata": metadata, "status": {"userInfo": user_info(request.user)}}


def token_review(request: Request, review: Object, server: Facilities) -> Object:
    """Say whose a token is, and for which of the audiences asked for."""
    spec = review.get("spec") or {}
    token = spec.get("token")
    if not token:
        raise errors.bad_request("token is required for TokenReview in authentication")
    audiences = tuple(spec.get("audiences") or server.authenticator.audiences)
    try:
        verdict = server.authenticator.review(token, audiences)
    except Refused as refused:
        texts = refused.texts
        error = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        return {**review, "status": {"user": {}, "error": error}}
    if audiences and not set(audiences) & set(verdict.audiences):
        raise errors.internal("error validating audiences")
    status: Object = {"authenticated": True, "user": user_info(verdict.user)}
    if verdict.audiences:
        status["audiences"] = list(verdict.audiences)
    return {**review, "status": status}
