"""Which reviews there are: (group, resource, subresource) -> function."""

from __future__ import annotations

from collections.abc import Mapping

from cluster_shim.apiserver.reviews.access import (
    local_subject_access_review,
    self_subject_access_review,
    subject_access_review,
)
from cluster_shim.apiserver.reviews.authentication import self_subject_review, token_review
from cluster_shim.apiserver.reviews.facilities import Review
from cluster_shim.apiserver.reviews.rules import self_subject_rules_review
from cluster_shim.apiserver.reviews.token_request import token_request

REVIEWS: Mapping[tuple[str, str, str], Review] = {
    ("authentication.k8s.io", "selfsubjectreviews", ""): self_subject_review,
    ("authentication.k8s.io", "tokenreviews", ""): token_review,
    ("authorization.k8s.io", "localsubjectaccessreviews", ""): local_subject_access_review,
    ("authorization.k8s.io", "selfsubjectaccessreviews", ""): self_subject_access_review,
    ("authorization.k8s.io", "selfsubjectrulesreviews", ""): self_subject_rules_review,
    ("authorization.k8s.io", "subjectaccessreviews", ""): subject_access_review,
    ("", "serviceaccounts", "token"): token_request,
}
