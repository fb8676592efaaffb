"""Discovery documents: what follows from the catalogue, above all for custom resources."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cluster_shim.api import discovery
from cluster_shim.api.resources import Catalogue, GroupVersionKind, Resource, Subresource, built_in

SCALE = Subresource("scale", GroupVersionKind("autoscaling", "v1", "Scale"), ("get", "update"))
VERBS = ("delete", "get", "watch")


def custom(group: str, version: str, plural: str = "foos") -> Resource:
    return Resource(
        group=group,
        version=version,
        name=plural,
        kind="Foo",
        singular="foo",
        namespaced=True,
        verbs=VERBS,
        key=f"{group}/{plural}",
        short_names=("fo",),
        subresources={"scale": SCALE},
        custom=SimpleNamespace(storage_version="v1"),
    )


@pytest.fixture
def catalogue() -> Catalogue:
    versions = (("z.example", "v1alpha1"), ("z.example", "v2"), ("a.example", "v1beta1"), ("a.example", "v1"))
    return Catalogue([*built_in(), *(custom(group, version) for group, version in versions)])


def test_custom_groups_come_last_by_name_and_their_versions_by_age(catalogue: Catalogue) -> None:
    groups = discovery.api_group_list(catalogue)["groups"]
    assert [(each["name"], each["preferredVersion"]["version"]) for each in groups[-2:]] == [
        ("a.example", "v1"),
        ("z.example", "v2"),
    ]
    assert [each["name"] for each in groups[:2]] == ["apiregistration.k8s.io", "apps"]


def test_a_version_lists_resources_with_their_subresources(catalogue: Catalogue) -> None:
    document = discovery.api_resource_list(catalogue, "a.example", "v1beta1")
    assert document is not None
    foo, scale = document["resources"]
    assert foo["shortNames"] == ["fo"]
    assert scale == {
        "name": "foos/scale",
        "singularName": "",
        "namespaced": True,
        "group": "autoscaling",
        "version": "v1",
        "kind": "Scale",
        "verbs": ["get", "update"],
    }


def test_all_versions_tell_the_hash_of_the_one_that_is_kept(catalogue: Catalogue) -> None:
    documents = [discovery.api_resource_list(catalogue, "a.example", version) for version in ("v1", "v1beta1")]
    hashes = {document["resources"][0]["storageVersionHash"] for document in documents if document}
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("group", "version", "name", "expected"),
    [
        ("", "v1", "pods", "xPOwRZ+Yhw8="),
        ("", "v1", "events", "r2yiGXH7wu8="),
        ("events.k8s.io", "v1", "events", "r2yiGXH7wu8="),
        ("autoscaling", "v1", "horizontalpodautoscalers", "qwQve8ut294="),
        ("apiextensions.k8s.io", "v1", "customresourcedefinitions", "jfWCUB31mvA="),
        ("", "v1", "bindings", None),
    ],
)
def test_the_hash_is_that_of_the_stored_kind(
    catalogue: Catalogue, group: str, version: str, name: str, expected: str | None
) -> None:
    document = discovery.api_resource_list(catalogue, group, version)
    assert document is not None
    assert next(each for each in document["resources"] if each["name"] == name).get("storageVersionHash") == expected


def test_the_aggregated_document_names_groups_of_kinds_only_where_they_differ(catalogue: Catalogue) -> None:
    items = discovery.aggregated(catalogue, core=False)["items"]
    apps, last = (next(each for each in items if each["metadata"]["name"] == name) for name in ("apps", "a.example"))
    deployments = next(each for each in apps["versions"][0]["resources"] if each["resource"] == "deployments")
    assert deployments["responseKind"] == {"group": "", "version": "", "kind": "Deployment"}
    assert [each["responseKind"]["group"] for each in deployments["subresources"]] == ["autoscaling", ""]
    assert last["versions"][0]["resources"][0]["responseKind"]["group"] == "a.example"
    assert discovery.aggregated(catalogue, core=True)["items"][0]["metadata"] == {}


def test_what_is_not_there_has_no_document(catalogue: Catalogue) -> None:
    assert discovery.api_group(catalogue, "b.example") is None
    assert discovery.api_group(catalogue, "") is None
    assert discovery.api_resource_list(catalogue, "apps", "v2") is None


def test_versions_are_ordered_by_maturity_and_number() -> None:
    versions = ["foo1", "v1alpha2", "v2", "v3beta1", "v10", "v11beta2", "bar", "v1"]
    assert sorted(versions, key=discovery.kube_aware) == [
        "v10",
        "v2",
        "v1",
        "v11beta2",
        "v3beta1",
        "v1alpha2",
        "bar",
        "foo1",
    ]
