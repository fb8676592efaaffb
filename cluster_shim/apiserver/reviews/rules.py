"""SelfSubjectRulesReview: what the one who asks may do in a namespace (upstream: registry/authorization)."""

from __future__ import annotations

from cluster_shim.api import errors
from cluster_shim.apiserver.authorization.messages import aggregate
from cluster_shim.apiserver.request import Request
from cluster_shim.apiserver.reviews.facilities import Facilities, Object

_RESOURCE = ("verbs", "apiGroups", "resources", "resourceNames")
_NON_RESOURCE = ("verbs", "nonResourceURLs")


def self_subject_rules_review(request: Request, review: Object, server: Facilities) -> Object:
    """List the rules of the one who asks."""
    namespace = (review.get("spec") or {}).get("namespace")
    if not namespace:
        raise errors.bad_request("no namespace on request")
    found = server.authorizer.rules_for(request.user, namespace)
    status: Object = {
        "resourceRules": [_only(rule, _RESOURCE) for rule in found.rules if rule.get("resources")],
        "nonResourceRules": [_only(rule, _NON_RESOURCE) for rule in found.rules if rule.get("nonResourceURLs")],
        "incomplete": found.incomplete,
    }
    if found.errors:
        status["evaluationError"] = aggregate(found.errors)
    return {**review, "metadata": {}, "spec": {}, "status": status}


def _only(rule: Object, keys: tuple[str, ...]) -> Object:
    return {key: rule[key] for key in keys if rule.get(key) or key == "verbs"}
