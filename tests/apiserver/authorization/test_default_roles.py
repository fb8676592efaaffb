"""Each default role tried against each verb of each resource: exactly as its rules say, for whom it is bound to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cluster_shim.api.resources import built_in
from cluster_shim.apiserver.authorization.rbac import RBAC
from cluster_shim.apiserver.bootstrap.wanted import table
from cluster_shim.apiserver.request import RequestInfo
from tests.apiserver.authorization.defaults import default_rbac, path, resource, user
from tests.apiserver.authorization.naive_rbac import matches

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "impersonate", "escalate")
PATHS = ("/", "/api", "/api/v1", "/apis/apps", "/healthz", "/livez/ping", "/metrics", "/openapi/v3", "/version", "/x")
ROLES = [row for row in table("rbac") if row["kind"] == "ClusterRole"]


def requests() -> Iterator[RequestInfo]:
    """Yield each verb on each resource and subresource there is, with and without a name, and on paths."""
    for each in built_in():
        for subresource in ("", *each.subresources):
            for verb in VERBS:
                for name in ("", "x"):
                    yield resource(verb, each.name, each.group, "n" if each.namespaced else "", name, subresource)
    for verb in ("get", "post", "delete"):
        yield from (path(verb, each) for each in PATHS)


REQUESTS = list(requests())


def rules_of(name: str) -> list[dict[str, Any]]:
    """Return the rules of a role; those of an aggregated one by its label, worked out on paper."""
    found = next(row for row in ROLES if row["name"] == name)
    if "aggregationRule" not in found:
        return list(found["rules"])
    label = f"rbac.authorization.k8s.io/aggregate-to-{name}"
    parts = [row["name"] for row in ROLES if row.get("labels", {}).get(label) == "true"]
    return [rule for part in parts for rule in rules_of(part)]


@pytest.fixture(scope="module")
def rbac() -> RBAC:
    authorizer = default_rbac()
    for row in ROLES:
        subject = {"kind": "User", "name": f"only {row['name']}"}
        bound = {"subjects": [subject], "roleRef": {"kind": "ClusterRole", "name": row["name"]}}
        authorizer.put("clusterrolebindings", "", f"test:{row['name']}", bound)
    return authorizer


def test_there_are_as_many_as_upstream_has() -> None:
    names = [row["name"] for row in ROLES]
    assert len([name for name in names if not name.startswith("system:controller:")]) == 31
    assert len([name for name in names if name.startswith("system:controller:")]) == 38


@pytest.mark.parametrize("name", [row["name"] for row in ROLES])
def test_a_role_gives_what_its_rules_say_and_nothing_else(rbac: RBAC, name: str) -> None:
    who, rules = user(f"only {name}"), rules_of(name)
    allowed = [info for info in REQUESTS if rbac.authorize(who, info).allowed]
    assert allowed == [info for info in REQUESTS if any(matches({"verbs": [], **rule}, info) for rule in rules)]


@pytest.mark.parametrize(
    ("subject", "allowed", "refused"),
    [
        (user("x", "system:authenticated"), path("get", "/apis"), resource("list", "pods", namespace="n")),
        (user("x", "system:unauthenticated"), path("get", "/healthz"), path("get", "/api")),
        (
            user("system:kube-scheduler"),
            resource("create", "pods", "", "n", "x", "binding"),
            resource("list", "secrets"),
        ),
        (
            user("system:kube-controller-manager"),
            resource("list", "secrets"),
            resource("create", "pods", namespace="n"),
        ),
        (user("system:kube-proxy"), resource("watch", "services"), resource("list", "pods")),
        (user("x", "system:monitoring"), path("get", "/metrics"), path("get", "/api")),
        (user("system:node:a", "system:nodes"), path("get", "/x"), resource("get", "nodes", name="a")),
        (
            user("system:serviceaccount:kube-system:job-controller"),
            resource("create", "pods", namespace="n"),
            resource("create", "nodes"),
        ),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_default_bindings(subject: Any, allowed: RequestInfo, refused: RequestInfo) -> None:
    rbac = default_rbac()
    if subject.groups != ("system:nodes",):  # nodes have no rights by RBAC
        assert rbac.authorize(subject, allowed).allowed
    assert not rbac.authorize(subject, refused).allowed


def test_aggregated_roles_are_empty_where_nobody_aggregates() -> None:
    rbac = default_rbac(aggregate=False)
    assert rbac.rules_of("ClusterRole", "admin", "") == []
    assert default_rbac().rules_of("ClusterRole", "admin", "") != []
