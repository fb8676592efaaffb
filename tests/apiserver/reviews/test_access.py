"""Access reviews: answers, refusals, selectors; which rules someone has."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.reviews.facilities import Object, Review
from cluster_shim.apiserver.reviews.table import REVIEWS
from tests.apiserver.authorization.defaults import default_rbac, user
from tests.apiserver.reviews.server import ALICE, facilities, request

GROUP = "authorization.k8s.io"
SAR, SELF, LOCAL, RULES = (
    REVIEWS[GROUP, f"{name}reviews", ""]
    for name in ("subjectaccess", "selfsubjectaccess", "localsubjectaccess", "selfsubjectrules")
)
PODS = {"namespace": "n", "verb": "get", "resource": "pods"}
API = {"path": "/api", "verb": "get"}
VIEW = 'RBAC: allowed by RoleBinding "view/n" of ClusterRole "view" to User "alice"'


def server() -> Any:
    rbac = default_rbac()
    role = {"kind": "ClusterRole", "name": "view"}
    rbac.put("rolebindings", "n", "view", {"subjects": [{"kind": "User", "name": "alice"}], "roleRef": role})
    return facilities(rbac=rbac)


def status(review: Review, namespace: str = "", **spec: Any) -> Object:
    body = {"kind": "K", "apiVersion": f"{GROUP}/v1", "spec": spec}
    answer = review(request(namespace=namespace), body, server())
    assert answer["metadata"] == ({"namespace": namespace} if namespace else {})
    assert {key: answer[key] for key in body} == body
    return dict(answer["status"])


def refusal(review: Review, namespace: str = "", metadata: Object | None = None, **spec: Any) -> str:
    with pytest.raises(APIError) as refused:
        review(request(namespace=namespace), {"metadata": metadata or {}, "spec": spec}, server())
    error = refused.value
    assert error.code == 422
    prefix = f'.{GROUP} "" is invalid: '
    assert error.message.startswith(prefix)
    assert error.status["details"]["group"] == GROUP and "kind" not in error.status["details"]
    return error.message[len(prefix) :]


def test_allowed_and_not() -> None:
    assert status(SELF, resourceAttributes=PODS) == {"allowed": True, "reason": VIEW}
    assert status(SAR, user="alice", resourceAttributes=PODS) == {"allowed": True, "reason": VIEW}
    assert status(SAR, user="bob", resourceAttributes=PODS) == {"allowed": False}
    assert status(SELF, resourceAttributes=PODS | {"verb": "delete"}) == {"allowed": False}
    assert status(LOCAL, "n", user="alice", resourceAttributes=PODS) == {"allowed": True, "reason": VIEW}


def test_only_the_groups_that_are_named_count() -> None:
    reason = 'RBAC: allowed by ClusterRoleBinding "system:discovery" of ClusterRole "system:discovery" to Group'
    assert status(SELF, nonResourceAttributes=API) == {"allowed": True, "reason": f'{reason} "system:authenticated"'}
    assert status(SAR, user="alice", nonResourceAttributes=API) == {"allowed": False}
    assert status(SAR, groups=["system:masters"], nonResourceAttributes=API) == {"allowed": True}


def test_a_role_that_is_missing_is_a_reason() -> None:
    rbac = default_rbac()
    role = {"kind": "ClusterRole", "name": "x"}
    rbac.put("clusterrolebindings", "", "b", {"subjects": [{"kind": "User", "name": "alice"}], "roleRef": role})
    answer = SELF(request(), {"spec": {"resourceAttributes": PODS}}, facilities(rbac=rbac))
    text = 'RBAC: clusterrole.rbac.authorization.k8s.io "x" not found'
    assert answer["status"] == {"allowed": False, "reason": text}


def test_what_is_refused() -> None:
    one = "spec.resourceAttributes: Invalid value: null: "
    one += "exactly one of nonResourceAttributes or resourceAttributes must be specified"
    both = 'spec.nonResourceAttributes: Invalid value: {"Path":"/api","Verb":"get"}: '
    both += "cannot be specified in combination with resourceAttributes"
    nobody = 'spec.user: Invalid value: "": at least one of user or group must be specified'
    assert refusal(SELF) == one
    assert refusal(SELF, resourceAttributes=PODS, nonResourceAttributes=API) == both
    assert refusal(SAR, resourceAttributes=PODS) == nobody
    assert refusal(SAR) == f"[{one}, {nobody}]"
    text = 'spec.resourceAttributes.namespace: Invalid value: "n": must match metadata.namespace'
    assert refusal(LOCAL, "other", user="alice", resourceAttributes=PODS) == text
    text = 'spec.nonResourceAttributes: Invalid value: {"Path":"/api","Verb":"get"}: disallowed on this kind of request'
    assert refusal(LOCAL, "n", user="alice", nonResourceAttributes=API) == text
    local = {"labels": {"a": "b"}}
    text = 'metadata: Invalid value: {"namespace":"n","labels":{"a":"b"}}: must be empty except for namespace'
    assert refusal(LOCAL, "n", metadata=local, user="alice", resourceAttributes=PODS) == text
    text = 'metadata: Invalid value: {"name":"x"}: must be empty'
    assert refusal(SELF, metadata={"name": "x"}, resourceAttributes=PODS) == text


def test_selectors_that_are_not_understood_are_ignored() -> None:
    for key, raw in (("labelSelector", "a in (b"), ("fieldSelector", "a")):
        found = status(SELF, resourceAttributes=PODS | {key: {"rawSelector": raw}})["evaluationError"]
        assert found == f"spec.resourceAttributes.{key} ignored due to parse error"
        assert "evaluationError" not in status(SELF, resourceAttributes=PODS | {key: {"rawSelector": "a=b"}})
    known = {"key": "a", "operator": "In", "values": ["b"]}
    unknown = {"key": "a", "operator": "Near", "values": ["b"]}
    for requirements, how in (([known], ""), ([known, unknown], "partially ignored"), ([unknown], "ignored")):
        attributes = PODS | {"fieldSelector": {"requirements": requirements}}
        found = status(SELF, resourceAttributes=attributes).get("evaluationError", "")
        assert found == (f"spec.resourceAttributes.fieldSelector {how} due to parse error" if how else "")


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        ({}, ".requirements: Required value: when {path} is specified, requirements or rawSelector is required"),
        (
            {"rawSelector": "a=b", "requirements": [{"key": "a", "operator": "Exists"}]},
            '.rawSelector: Invalid value: "a=b": may not specified at the same time as requirements',
        ),
        ({"requirements": [{"operator": "Exists"}]}, ".requirements[0].key: Required value: must be specified"),
        (
            {"requirements": [{"key": "a", "operator": "In"}]},
            ".requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            {"requirements": [{"key": "a", "operator": "Exists", "values": ["x"]}]},
            ".requirements[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
    ],
)
def test_selectors_that_are_refused(selector: Object, text: str) -> None:
    path = "spec.resourceAttributes.fieldSelector"
    found = refusal(SELF, resourceAttributes=PODS | {"fieldSelector": selector})
    assert found == path + text.replace("{path}", path)


def test_labels_of_selectors_are_checked() -> None:
    requirements = [{"key": "a", "operator": "Later"}, {"key": "a b", "operator": "In", "values": ["c"]}]
    found = refusal(SELF, resourceAttributes=PODS | {"labelSelector": {"requirements": requirements}})
    path = "spec.resourceAttributes.labelSelector.requirements[1].key"
    assert found.startswith(f'{path}: Invalid value: "a b": name part must consist of')


def test_rules() -> None:
    answer = RULES(request(), {"kind": "K", "spec": {"namespace": "n"}}, server())
    rules = answer["status"]["resourceRules"]
    assert {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]} in rules
    assert any("pods" in rule["resources"] for rule in rules)
    assert any("/healthz" in rule["nonResourceURLs"] for rule in answer["status"]["nonResourceRules"])
    assert answer["status"]["incomplete"] is False
    assert (answer["metadata"], answer["spec"]) == ({}, {})
    other = RULES(request(user("bob")), {"kind": "K", "spec": {"namespace": "n"}}, server())
    assert other["status"] == {"resourceRules": [], "nonResourceRules": [], "incomplete": False}


def test_rules_need_a_namespace() -> None:
    with pytest.raises(APIError, match="no namespace on request"):
        RULES(request(ALICE), {"spec": {}}, server())
