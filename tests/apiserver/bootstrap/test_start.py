"""What the server writes at its start, and what becomes of what is there already."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest

from cluster_shim.api.resources import Catalogue, built_in
from cluster_shim.apiserver.bootstrap import wanted
from cluster_shim.apiserver.bootstrap.start import start
from tests.apiserver.fakes import FakeObjects, Object

NOW = "2026-05-01T12:00:00Z"
RBAC = "rbac.authorization.k8s.io"
FLOW = "flowcontrol.apiserver.k8s.io"
AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"


def started(objects: FakeObjects | None = None) -> FakeObjects:
    objects = objects or FakeObjects()
    asyncio.run(start(objects, Catalogue(built_in()), NOW))
    return objects


@pytest.fixture(scope="module")
def first() -> FakeObjects:
    return started()


def edited(first: FakeObjects, group: str, resource: str, name: str, **changes: Any) -> tuple[FakeObjects, Object]:
    """Return objects of a cluster one of which someone has edited, and that one."""
    objects = copy.deepcopy(first)
    found = objects.rows[group, resource, "", name]
    found |= changes
    return objects, found


def test_namespaces_roles_levels_and_the_rest(first: FakeObjects) -> None:
    counts: dict[str, int] = {}
    for _, resource, _, _ in first.rows:
        counts[resource] = counts.get(resource, 0) + 1
    assert counts["namespaces"] == 4
    assert (counts["clusterroles"], counts["clusterrolebindings"]) == (69, 50)
    assert (counts["roles"], counts["rolebindings"]) == (7, 7)
    assert (counts["flowschemas"], counts["prioritylevelconfigurations"]) == (13 - 2, 8)
    assert counts["priorityclasses"] == 2
    role = first.get(RBAC, "clusterroles", "", "edit")
    assert role is not None
    assert role["metadata"]["annotations"] == {AUTOUPDATE: "true"}
    assert role["metadata"]["labels"] == {
        "kubernetes.io/bootstrapping": "rbac-defaults",
        "rbac.authorization.k8s.io/aggregate-to-admin": "true",
    }


def test_a_second_start_writes_nothing(first: FakeObjects) -> None:
    objects = copy.deepcopy(first)
    assert started(objects).rows == first.rows and objects.revision == first.revision


def test_a_role_gets_back_what_it_lacks_and_keeps_what_was_added(first: FakeObjects) -> None:
    more = {"apiGroups": ["x"], "resources": ["y"], "verbs": ["z"]}
    objects, role = edited(first, RBAC, "clusterroles", "system:discovery", rules=[more])
    role["metadata"]["labels"] = {"mine": "1"}
    role = started(objects).rows[RBAC, "clusterroles", "", "system:discovery"]
    assert role["rules"][0] == more
    urls = {url for rule in role["rules"][1:] for url in rule["nonResourceURLs"]}
    assert urls >= {"/api", "/api/*", "/healthz"}
    assert role["metadata"]["labels"] == {"kubernetes.io/bootstrapping": "rbac-defaults", "mine": "1"}


def test_a_binding_gets_back_its_subjects(first: FakeObjects) -> None:
    bob = {"kind": "User", "apiGroup": RBAC, "name": "bob"}
    objects, _ = edited(first, RBAC, "clusterrolebindings", "cluster-admin", subjects=[bob])
    subjects = started(objects).rows[RBAC, "clusterrolebindings", "", "cluster-admin"]["subjects"]
    assert subjects == [bob, {"kind": "Group", "apiGroup": RBAC, "name": "system:masters"}]


def test_a_binding_of_another_role_is_made_anew(first: FakeObjects) -> None:
    other = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "view"}
    objects, binding = edited(first, RBAC, "clusterrolebindings", "system:discovery", roleRef=other)
    binding["metadata"]["uid"] = "old"
    binding = started(objects).rows[RBAC, "clusterrolebindings", "", "system:discovery"]
    assert binding["roleRef"]["name"] == "system:discovery"
    assert "uid" not in binding["metadata"]


def test_aggregation_is_brought_back(first: FakeObjects) -> None:
    objects, role = edited(first, RBAC, "clusterroles", "view")
    expected = role.pop("aggregationRule")
    assert started(objects).rows[RBAC, "clusterroles", "", "view"]["aggregationRule"] == expected
    objects, _ = edited(first, RBAC, "clusterroles", "system:discovery", aggregationRule=expected)
    assert "aggregationRule" not in started(objects).rows[RBAC, "clusterroles", "", "system:discovery"]


@pytest.mark.parametrize("resource", ["clusterroles", "clusterrolebindings"])
def test_an_annotation_forbids_it(first: FakeObjects, resource: str) -> None:
    objects, found = edited(first, RBAC, resource, "system:discovery", rules=[], subjects=[])
    found["metadata"]["annotations"] = {AUTOUPDATE: "false"}
    before = copy.deepcopy(found)
    assert started(objects).rows[RBAC, resource, "", "system:discovery"] == before


def test_priority_levels(first: FakeObjects) -> None:
    annotation = "apf.kubernetes.io/autoupdate-spec"
    for name, protected, restored in (("system", False, True), ("system", True, False), ("catch-all", True, True)):
        objects, found = edited(first, FLOW, "prioritylevelconfigurations", name, spec={"type": "Limited"})
        found["metadata"]["annotations"] = {annotation: "false"} if protected else {}
        spec = started(objects).rows[FLOW, "prioritylevelconfigurations", "", name]["spec"]
        assert (spec != {"type": "Limited"}) is restored


def test_namespaces_are_left_as_they_are(first: FakeObjects) -> None:
    objects, _ = edited(first, "", "namespaces", "default", spec={"finalizers": []})
    assert started(objects).rows["", "namespaces", "", "default"]["spec"] == {"finalizers": []}


def test_api_services(first: FakeObjects) -> None:
    core = first.get("apiregistration.k8s.io", "apiservices", "", "v1.")
    assert core is not None
    assert core["spec"] == {"version": "v1", "groupPriorityMinimum": 18000, "versionPriority": 1}
    assert core["metadata"]["labels"] == {wanted.MANAGED_LABEL: "onstart"}
    apps = first.get("apiregistration.k8s.io", "apiservices", "", "v1.apps")
    assert apps is not None and apps["spec"]["groupPriorityMinimum"] == 17800
    assert apps["status"]["conditions"][0]["reason"] == "Local"
    assert first.get("apiregistration.k8s.io", "apiservices", "", "v1.apiregistration.k8s.io") is None


class Racing(FakeObjects):
    """Another server writes each object right before this one does."""

    def __init__(self) -> None:
        super().__init__()
        self.others = 0

    async def create(self, group: str, resource: str, obj: Object) -> Object:
        if self.get(group, resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]) is None:
            self.others += 1
            self.add(group, resource, obj)
        return await super().create(group, resource, obj)


def test_another_server_may_be_first(first: FakeObjects) -> None:
    objects = started(Racing())
    assert set(objects.rows) == set(first.rows)
    assert isinstance(objects, Racing) and objects.others == len(first.rows)
