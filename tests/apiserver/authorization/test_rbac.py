"""RBAC: matching of rules, reasons, what changes; random policies against the naive twin."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_shim.apiserver.authorization.authorizer import NO_OPINION
from cluster_shim.apiserver.authorization.rbac import RBAC
from cluster_shim.apiserver.request import UserInfo
from tests.apiserver.authorization.defaults import path, resource, user
from tests.apiserver.authorization.naive_rbac import allows

ALICE = user("alice", "team-a", "system:authenticated")
GROUP = "rbac.authorization.k8s.io"


def role(name: str, *rules: dict[str, Any], namespace: str = "") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"kind": "Role" if namespace else "ClusterRole", "metadata": metadata, "rules": list(rules)}


def binding(name: str, kind: str, role: str, *subjects: dict[str, str], namespace: str = "") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": metadata,
        "subjects": list(subjects),
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": role},
    }


def rbac_of(*objects: dict[str, Any]) -> RBAC:
    rbac = RBAC()
    for each in objects:
        put(rbac, each)
    return rbac


def put(rbac: RBAC, each: dict[str, Any], gone: bool = False) -> None:
    metadata = each["metadata"]
    resource = f"{each['kind'].lower()}s"
    rbac.put(resource, metadata.get("namespace", ""), metadata["name"], None if gone else each)


READ = {"apiGroups": [""], "resources": ["pods", "*/scale"], "verbs": ["get", "list"]}
USER = {"kind": "User", "name": "alice"}
TEAM = {"kind": "Group", "name": "team-a"}
ROBOT = {"kind": "ServiceAccount", "name": "robot"}


def test_a_role_binding_counts_in_its_namespace_only() -> None:
    rbac = rbac_of(role("r", READ, namespace="a"), binding("b", "Role", "r", USER, namespace="a"))
    assert rbac.authorize(ALICE, resource("get", "pods", namespace="a")).allowed
    assert not rbac.authorize(ALICE, resource("get", "pods", namespace="b")).allowed
    assert not rbac.authorize(ALICE, resource("get", "pods")).allowed


@pytest.mark.parametrize(
    ("subject", "who", "text"),
    [
        (USER, ALICE, 'User "alice"'),
        (TEAM, ALICE, 'Group "team-a"'),
        (ROBOT, user("system:serviceaccount:a:robot"), 'ServiceAccount "robot/a"'),
    ],
)
def test_the_reason_names_binding_role_and_subject(subject: dict[str, str], who: UserInfo, text: str) -> None:
    rbac = rbac_of(role("r", READ), binding("b", "ClusterRole", "r", subject, namespace="a"))
    decision = rbac.authorize(who, resource("list", "pods", namespace="a"))
    assert decision == (True, f'RBAC: allowed by RoleBinding "b/a" of ClusterRole "r" to {text}', False)


def test_a_service_account_of_a_cluster_binding_needs_a_namespace() -> None:
    rbac = rbac_of(role("r", READ), binding("b", "ClusterRole", "r", ROBOT))
    assert not rbac.authorize(user("system:serviceaccount::robot"), resource("get", "pods")).allowed


def test_a_role_that_is_missing_is_named_when_nothing_else_allows() -> None:
    rbac = rbac_of(
        binding("a", "ClusterRole", "none", USER),
        binding("b", "ClusterRole", "none", TEAM),
        binding("c", "Role", "lost", USER, namespace="n"),
    )
    cluster, local = f'clusterrole.{GROUP} "none" not found', f'role.{GROUP} "lost" not found'
    assert rbac.authorize(ALICE, resource("get", "pods")).reason == f"RBAC: {cluster}"
    assert rbac.authorize(ALICE, resource("get", "pods", namespace="n")).reason == f"RBAC: [{cluster}, {local}]"
    assert rbac.rules_of("Role", "lost", "n") is None
    assert rbac.missing_roles(ALICE, "n") == ["none", "none", "lost"]


def test_strangers_cannot_fill_the_memory_with_long_questions() -> None:
    rbac = rbac_of(role("r", READ), binding("b", "ClusterRole", "r", USER))
    tracemalloc.start()
    for number in range(100):
        long = f"{number}" + "x" * 100_000
        assert not rbac.authorize(user("nobody", long), resource("get", "pods", name=long, namespace=long)).allowed
        assert rbac.authorize(ALICE, resource("get", "pods", name=long)).allowed
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1_000_000


def test_a_change_counts_at_once() -> None:
    rbac = rbac_of(role("r", READ), bound := binding("b", "ClusterRole", "r", USER))
    asked = resource("get", "pods")
    assert rbac.authorize(ALICE, asked).allowed
    put(rbac, role("r", {**READ, "verbs": ["watch"]}))
    assert rbac.authorize(ALICE, asked) is NO_OPINION
    put(rbac, role("r", READ))
    put(rbac, binding("b", "ClusterRole", "r", TEAM))
    assert rbac.authorize(user("alice"), asked) is NO_OPINION
    assert rbac.authorize(ALICE, asked).allowed
    put(rbac, bound, gone=True)
    assert rbac.authorize(ALICE, asked) is NO_OPINION


@pytest.mark.parametrize(
    ("urls", "asked", "expected"),
    [
        (["/metrics"], "/metrics", True),
        (["/metrics"], "/metrics/", False),
        (["/x/*"], "/x/y/z", True),
        (["/x/*"], "/x", False),
        (["*"], "/anything", True),
    ],
)
def test_paths(urls: list[str], asked: str, expected: bool) -> None:
    rbac = rbac_of(role("r", {"nonResourceURLs": urls, "verbs": ["get"]}), binding("b", "ClusterRole", "r", USER))
    assert rbac.authorize(ALICE, path("get", asked)).allowed is expected
    assert not rbac.authorize(ALICE, path("post", asked)).allowed


VERBS = st.sampled_from(["get", "list", "create", "*"])
GROUPS = st.sampled_from(["", "apps", "*"])
RESOURCES = st.sampled_from(["pods", "pods/log", "*/log", "nodes", "*"])
NAMES = st.sampled_from(["x", "y"])
NAMESPACES = st.sampled_from(["", "n", "m"])
RULES = st.one_of(
    st.builds(
        lambda verbs, groups, resources, names: {
            "verbs": verbs,
            "apiGroups": groups,
            "resources": resources,
            **({"resourceNames": names} if names else {}),
        },
        st.lists(VERBS, min_size=1, max_size=2),
        st.lists(GROUPS, min_size=1, max_size=2),
        st.lists(RESOURCES, min_size=1, max_size=2),
        st.lists(NAMES, max_size=1),
    ),
    st.builds(
        lambda verbs, urls: {"verbs": verbs, "nonResourceURLs": urls},
        st.lists(VERBS, min_size=1, max_size=2),
        st.lists(st.sampled_from(["/a", "/a/*", "/b*", "*"]), min_size=1, max_size=2),
    ),
)
ROLES = st.builds(
    lambda name, rules, namespace: role(name, *rules, namespace=namespace),
    NAMES,
    st.lists(RULES, max_size=2),
    NAMESPACES,
)
SUBJECTS = st.sampled_from([USER, TEAM, ROBOT, {**ROBOT, "namespace": "m"}, {"kind": "User", "name": "bob"}])


@st.composite
def bindings(draw: st.DrawFn) -> dict[str, Any]:
    namespace = draw(NAMESPACES)
    kind = draw(st.sampled_from(["ClusterRole", "Role"])) if namespace else "ClusterRole"
    subjects = draw(st.lists(SUBJECTS, min_size=1, max_size=2))
    return binding(draw(NAMES), kind, draw(NAMES), *subjects, namespace=namespace)


REQUESTS = st.one_of(
    st.builds(
        resource,
        st.sampled_from(["get", "list", "create", "watch"]),
        st.sampled_from(["pods", "nodes"]),
        st.sampled_from(["", "apps"]),
        NAMESPACES,
        st.sampled_from(["", "x", "y"]),
        st.sampled_from(["", "log"]),
    ),
    st.builds(path, st.sampled_from(["get", "list"]), st.sampled_from(["/a", "/a/b", "/bc", "/c"])),
)
USERS = st.sampled_from(
    [ALICE, user("bob"), user("system:serviceaccount:n:robot"), user("system:serviceaccount:m:robot")]
)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.one_of(ROLES, bindings()), max_size=8),
    st.lists(st.tuples(USERS, REQUESTS), min_size=1, max_size=12),
)
def test_random_policies_as_the_naive_twin(written: list[dict[str, Any]], asked: list[Any]) -> None:
    rbac, objects = RBAC(), {}
    for each in written:
        put(rbac, each)
        metadata = each["metadata"]
        objects[each["kind"], metadata.get("namespace"), metadata["name"]] = each
        for who, info in asked:
            assert rbac.authorize(who, info).allowed == allows(objects.values(), who, info)
