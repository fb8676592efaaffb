"""Escalation prevention: who may write which roles and bindings."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.api.resources import Catalogue, built_in
from cluster_shim.apiserver.admission.chain import AdmissionChain
from cluster_shim.apiserver.admission.plugin import CREATE, UPDATE, Attributes
from cluster_shim.apiserver.authorization.authorizer import Authorizer
from cluster_shim.apiserver.authorization.covers import missing, show
from cluster_shim.apiserver.authorization.escalation import Escalation
from cluster_shim.apiserver.request import UserInfo
from tests.apiserver.authorization.defaults import default_rbac, user
from tests.apiserver.authorization.naive_rbac import Object

GROUP = "rbac.authorization.k8s.io"
CATALOGUE = Catalogue(built_in())
CAROL = user("carol", "dev", "system:authenticated")
CONFIG = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}


def attributes(resource: str, obj: Object, old: Object | None = None, who: UserInfo = CAROL) -> Attributes:
    found = CATALOGUE.find(GROUP, "v1", resource)
    assert found is not None
    namespace = "n" if found.namespaced else ""
    obj = {"metadata": {"name": "x"}, **obj}
    operation = CREATE if old is None else UPDATE
    return Attributes(operation, found, "", found.gvk, namespace, "x", obj, old, {}, who)


def refusal(written: Attributes, *carols: Object) -> str:
    """Return why carol, with these rules, may not write something; the empty text if she may."""
    rbac = default_rbac()
    rbac.put("clusterroles", "", "carols", {"rules": list(carols)})
    rbac.put("roles", "n", "strong", {"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]})
    subject = {"kind": "User", "name": "carol"}
    rbac.put(
        "clusterrolebindings",
        "",
        "carols",
        {"subjects": [subject], "roleRef": {"kind": "ClusterRole", "name": "carols"}},
    )
    chain = AdmissionChain([Escalation(rbac, Authorizer([rbac]))])
    coroutine = chain.admit(written)
    try:
        coroutine.send(None)
    except StopIteration:
        return ""
    except APIError as error:
        assert error.code in (403, 404)
        return error.message
    raise AssertionError("the check does not wait for anything")


def lacking(resource: str, *lines: str) -> str:
    who = 'user "carol" (groups=["dev" "system:authenticated"])'
    text = f"{who} is attempting to grant RBAC permissions not currently held:"
    return "\n".join([f'{resource}.{GROUP} "x" is forbidden: {text}', *lines])


def role(*rules: Object) -> Object:
    return {"rules": list(rules)}


def binding(kind: str, name: str) -> Object:
    return {"roleRef": {"apiGroup": GROUP, "kind": kind, "name": name}, "subjects": [{"kind": "User", "name": "carol"}]}


def test_what_one_has_one_may_give() -> None:
    assert refusal(attributes("roles", role({**CONFIG, "verbs": ["get"]})), CONFIG) == ""
    assert refusal(attributes("roles", role()), CONFIG) == ""


def test_what_is_lacking_is_listed() -> None:
    wanted = role(
        {"apiGroups": ["", "apps"], "resources": ["pods"], "verbs": ["get", "watch"], "resourceNames": ["a"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "delete"]},
        {"nonResourceURLs": ["/x"], "verbs": ["get"]},
    )
    assert refusal(attributes("roles", wanted), CONFIG) == lacking(
        "roles",
        '{APIGroups:[""], Resources:["configmaps"], Verbs:["delete"]}',
        '{APIGroups:[""], Resources:["pods"], ResourceNames:["a"], Verbs:["get" "watch"]}',
        '{APIGroups:["apps"], Resources:["pods"], ResourceNames:["a"], Verbs:["get" "watch"]}',
        '{NonResourceURLs:["/x"], Verbs:["get"]}',
    )


def test_the_verb_escalate() -> None:
    wanted = role({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]})
    may = {"apiGroups": [GROUP], "resources": ["roles"], "verbs": ["escalate"]}
    assert refusal(attributes("roles", wanted), may) == ""
    assert refusal(attributes("clusterroles", wanted), may) != ""
    named = {**may, "resourceNames": ["x"]}
    old = {"metadata": {"name": "x"}, "rules": []}
    assert refusal(attributes("roles", wanted, old), named) == ""
    assert refusal(attributes("roles", wanted), named) != ""  # a create has no name that a rule could mean


def test_the_verb_bind() -> None:
    may = {"apiGroups": [GROUP], "resources": ["roles"], "verbs": ["bind"], "resourceNames": ["strong", "absent"]}
    assert refusal(attributes("rolebindings", binding("Role", "strong")), may) == ""
    assert refusal(attributes("rolebindings", binding("Role", "absent")), may) == ""
    assert (
        refusal(attributes("rolebindings", binding("Role", "other")), may) == f'rolebindings.{GROUP} "other" not found'
    )


def test_a_binding_gives_what_its_role_has() -> None:
    secrets = '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'
    assert refusal(attributes("rolebindings", binding("Role", "strong"))) == lacking("rolebindings", secrets)
    admin = '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}', '{NonResourceURLs:["*"], Verbs:["*"]}'
    wanted = attributes("clusterrolebindings", binding("ClusterRole", "cluster-admin"))
    assert refusal(wanted) == lacking("clusterrolebindings", *admin)
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, {"nonResourceURLs": ["*"], "verbs": ["*"]}
    assert refusal(wanted, *everything) == ""


def test_roles_that_are_missing_are_told() -> None:
    rbac = default_rbac()
    for name in ("b1", "b2"):
        gone = {"kind": "ClusterRole", "name": f"gone-{name}"}
        rbac.put("clusterrolebindings", "", name, {"subjects": [{"kind": "User", "name": "carol"}], "roleRef": gone})
    with pytest.raises(APIError) as refused:
        Escalation(rbac, Authorizer([rbac])).admit(attributes("roles", role(CONFIG)))
    texts = f'roles.{GROUP} "gone-b1" not found, roles.{GROUP} "gone-b2" not found'
    assert refused.value.message.endswith(f"; resolution errors: [[{texts}]]")


def test_aggregation_needs_everything() -> None:
    wanted = {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}}
    text = f'clusterroles.{GROUP} "x" is forbidden: must have cluster-admin privileges to use the aggregationRule'
    assert refusal(attributes("clusterroles", wanted), CONFIG) == text
    assert refusal(attributes("clusterroles", role(), {**wanted, "metadata": {"name": "x"}}), CONFIG) == text


def test_a_cluster_wide_binding_has_no_namespace_for_a_role() -> None:
    with pytest.raises(APIError, match="Namespace parameter required") as refused:
        rbac = default_rbac()
        Escalation(rbac, Authorizer([rbac])).admit(attributes("clusterrolebindings", binding("Role", "strong")))
    assert refused.value.code == 400


def test_masters_may_write_everything() -> None:
    masters = user("root", "system:masters")
    assert refusal(attributes("clusterrolebindings", binding("ClusterRole", "cluster-admin"), who=masters)) == ""


@pytest.mark.parametrize(("field", "allowed"), [("finalizers", True), ("ownerReferences", True), ("labels", False)])
def test_garbage_collection_may_go_on(field: str, allowed: bool) -> None:
    strong = role({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]})
    old = {"metadata": {"name": "x", field: ["f"]}, **strong}
    assert (refusal(attributes("roles", {"metadata": {"name": "x"}, **strong}, old)) == "") is allowed


@pytest.mark.parametrize(
    ("owned", "wanted", "covered"),
    [
        ({"resources": ["*/scale"]}, {"resources": ["deployments/scale"]}, True),
        ({"resources": ["*/scale"]}, {"resources": ["deployments/status"]}, False),
        ({"resources": ["deployments"]}, {"resources": ["deployments/scale"]}, False),
        ({"resources": ["*"]}, {"resources": ["deployments/scale"]}, True),
        ({"resourceNames": ["a", "b"]}, {"resourceNames": ["b"]}, True),
        ({"resourceNames": ["a"]}, {}, False),
        ({}, {"resourceNames": ["a"]}, True),
        ({"verbs": ["*"]}, {"verbs": ["get", "x"]}, True),
        ({"verbs": ["get"]}, {"verbs": ["*"]}, False),
        ({"apiGroups": ["*"]}, {"apiGroups": ["b"]}, True),
    ],
)
def test_covers(owned: Any, wanted: Any, covered: bool) -> None:
    base = {"apiGroups": ["a"], "resources": ["r"], "verbs": ["get"]}
    assert (missing([base | owned], [base | wanted]) == []) is covered


@pytest.mark.parametrize(("owned", "covered"), [("/a/*", True), ("/a*", True), ("/a", False), ("/b/*", False)])
def test_covers_paths(owned: str, covered: bool) -> None:
    rules = [{"nonResourceURLs": [each], "verbs": ["get"]} for each in (owned, "/a/b")]
    assert (missing(rules[:1], rules[1:]) == []) is covered


def test_show_sorts_and_joins() -> None:
    rules = [{"apiGroups": [""], "resources": [name], "verbs": [verb]} for name in ("b", "a") for verb in ("y", "x")]
    assert show(rules) == [f'{{APIGroups:[""], Resources:["{name}"], Verbs:["y" "x"]}}' for name in ("a", "b")]
