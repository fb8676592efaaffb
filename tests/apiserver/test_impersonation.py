"""Impersonation: which modes are tried, what is asked, what comes out."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.authorization.authorizer import Authorizer
from cluster_shim.apiserver.authorization.rbac import RBAC
from cluster_shim.apiserver.impersonation import Impersonation
from cluster_shim.apiserver.request import Request, RequestInfo, UserInfo
from tests.apiserver.authorization.defaults import resource, user

ADMIN = user("admin", "system:masters", "system:authenticated")
ALICE = user("alice", "system:authenticated")
LIST_PODS = resource("list", "pods", "", "n")
AUTHN = "authentication.k8s.io"


def impersonation(*rules: dict[str, Any]) -> Impersonation:
    """Return what impersonates, where alice has some rules."""
    rbac = RBAC()
    rbac.put("clusterroles", "", "r", {"rules": list(rules)})
    subjects = [{"kind": "User", "name": "alice"}, {"kind": "User", "name": AGENT.name}]
    rbac.put("clusterrolebindings", "", "b", {"subjects": subjects, "roleRef": {"kind": "ClusterRole", "name": "r"}})
    return Impersonation(Authorizer([rbac]))


AGENT = UserInfo(
    "system:serviceaccount:n:agent",
    groups=("system:serviceaccounts", "system:authenticated"),
    extra={"authentication.kubernetes.io/node-name": ["node-1"]},
)


def request(who: UserInfo, *headers: tuple[str, str], info: RequestInfo = LIST_PODS) -> Request:
    listed = [(f"impersonate-{name}", value) for name, value in headers]
    return Request("GET", "/x", headers=[("accept", "*/*"), *listed], user=who, info=info)


def refusal(known: Impersonation, sent: Request) -> str:
    with pytest.raises(APIError) as refused:
        known.impersonate(sent)
    return refused.value.message


def rule(verb: str, resource: str, group: str = "", names: list[str] | None = None) -> dict[str, Any]:
    more = {"resourceNames": names} if names else {}
    return {"verbs": [verb], "apiGroups": [group], "resources": [resource], **more}


def test_without_headers_one_is_who_one_is() -> None:
    assert impersonation().impersonate(request(ALICE)) is ALICE


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("user", "carol")], UserInfo("carol", "", ("system:authenticated",))),
        (
            [("user", "carol"), ("group", "g1"), ("group", "g2")],
            UserInfo("carol", "", ("g1", "g2", "system:authenticated")),
        ),
        ([("user", "carol"), ("uid", "u-1")], UserInfo("carol", "u-1", ("system:authenticated",))),
        (
            [("user", "carol"), ("extra-example.com%2fx", "y"), ("extra-scopes", "a"), ("extra-scopes", "b")],
            UserInfo("carol", "", ("system:authenticated",), {"example.com/x": ["y"], "scopes": ["a", "b"]}),
        ),
        (
            [("user", "system:serviceaccount:n:x")],
            UserInfo(
                "system:serviceaccount:n:x",
                "",
                ("system:serviceaccounts", "system:serviceaccounts:n", "system:authenticated"),
            ),
        ),
        (
            [("user", "system:serviceaccount:n:x"), ("group", "g")],
            UserInfo("system:serviceaccount:n:x", "", ("g", "system:authenticated")),
        ),
        ([("user", "system:node:n1")], UserInfo("system:node:n1", "", ("system:nodes", "system:authenticated"))),
        ([("user", "system:anonymous")], UserInfo("system:anonymous", "", ("system:unauthenticated",))),
        (
            [("user", "carol"), ("group", "system:masters")],
            UserInfo("carol", "", ("system:masters", "system:authenticated")),
        ),
        (
            [("user", "carol"), ("group", "system:unauthenticated")],
            UserInfo("carol", "", ("system:unauthenticated",)),
        ),
    ],
)
def test_an_administrator_may_be_anyone(headers: list[tuple[str, str]], expected: UserInfo) -> None:
    sent = request(ADMIN, *headers)
    assert impersonation().impersonate(sent) == expected
    assert sent.headers == [("accept", "*/*")]


def test_names_are_utf8() -> None:
    for written in ("ünï", "ünï".encode().decode("latin-1"), "名"):
        assert impersonation().impersonate(request(ADMIN, ("user", written))).name in ("ünï", "名")


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (("group", "g"), 'Name:"", UID:"", Groups:[]string{"g"}, Extra:map[string][]string(nil)'),
        (("uid", "u"), 'Name:"", UID:"u", Groups:[]string(nil), Extra:map[string][]string(nil)'),
        (("extra-a", "b"), 'Name:"", UID:"", Groups:[]string(nil), Extra:map[string][]string{"a":[]string{"b"}}'),
    ],
)
def test_everything_needs_a_name(header: tuple[str, str], text: str) -> None:
    expected = f"requested &user.DefaultInfo{{{text}}} without impersonating a user name"
    assert refusal(impersonation(), request(ADMIN, header)) == expected


def test_the_error_is_that_of_the_mode_that_is_tried_first() -> None:
    known = impersonation(rule("impersonate", "users", names=["carol"]))
    where = 'resource "pods" in API group "" in the namespace "n"'
    dave = request(ALICE, ("user", "dave"))
    assert refusal(known, dave) == f'pods is forbidden: User "alice" cannot impersonate-on:user-info:list {where}'
    assert known.impersonate(request(ALICE, ("user", "carol"))).name == "carol"
    cluster = 'in API group "" at the cluster scope'
    text = f'users "dave" is forbidden: User "alice" cannot impersonate resource "users" {cluster}'
    assert refusal(known, dave) == text
    groups = request(ALICE, ("user", "carol"), ("group", "g"))
    text = f'groups "g" is forbidden: User "alice" cannot impersonate resource "groups" {cluster}'
    assert refusal(known, groups) == text


def test_a_constrained_mode_limits_what_is_done() -> None:
    known = impersonation(
        rule("impersonate-on:user-info:list", "pods"), rule("impersonate:user-info", "users", AUTHN, ["carol"])
    )
    assert known.impersonate(request(ALICE, ("user", "carol"))).name == "carol"
    listing_nodes = request(ALICE, ("user", "carol"), info=resource("list", "nodes"))
    assert "cannot impersonate-on:user-info:list" in refusal(known, listing_nodes)
    text = refusal(known, request(ALICE, ("user", "carol"), ("group", "system:masters")))
    assert text.endswith("impersonating the system:masters group is not allowed")


def test_many_groups_are_asked_about_at_once() -> None:
    rules = [rule("impersonate-on:user-info:list", "pods"), rule("impersonate:user-info", "users", AUTHN)]
    many = [("group", f"g{number}") for number in range(4)]
    everyone = rule("impersonate:user-info", "groups", AUTHN, ["*"])
    sent = request(ALICE, ("user", "carol"), *many)
    assert len(impersonation(*rules, everyone).impersonate(sent).groups) == 5
    few = request(ALICE, ("user", "carol"), *many[:3])
    assert 'groups.authentication.k8s.io "g0" is forbidden' in refusal(impersonation(*rules, everyone), few)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("scopes", "a", "impersonating an invalid key in extra is not allowed"),
        ("example.com%2FUp", "a", "impersonating a non-lowercase key in extra is not allowed"),
        ("example.com%2fx", "", "impersonating the empty string value in extra is not allowed"),
    ],
)
def test_extra_values_that_constrained_modes_refuse(key: str, value: str, text: str) -> None:
    rules = [rule("impersonate-on:user-info:list", "pods"), rule("impersonate:user-info", "*", AUTHN)]
    assert text in refusal(impersonation(*rules), request(ALICE, ("user", "carol"), (f"extra-{key}", value)))


def test_an_agent_may_be_the_node_that_it_runs_on() -> None:
    known = impersonation(
        rule("impersonate-on:associated-node:list", "pods"), rule("impersonate:associated-node", "nodes", AUTHN, ["*"])
    )
    assert known.impersonate(request(AGENT, ("user", "system:node:node-1"))).groups[0] == "system:nodes"
    assert "impersonate-on:arbitrary-node:list" in refusal(known, request(AGENT, ("user", "system:node:node-2")))
    assert "impersonate-on:arbitrary-node:list" in refusal(known, request(ALICE, ("user", "system:node:node-1")))
