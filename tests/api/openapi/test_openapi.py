"""OpenAPI documents: what kubectl looks for in them, custom resources, and the types against the published ones."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster_shim.api import openapi
from cluster_shim.api.openapi.custom import pruned
from cluster_shim.api.resources import Catalogue, Resource, built_in

Json = dict[str, Any]
SCHEMA: Json = {
    "type": "object",
    "description": "a foo",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size", "maybe"],
            "properties": {
                "size": {"type": "integer", "default": 3},
                "any": {"x-kubernetes-int-or-string": True},
                "maybe": {"type": "string", "nullable": True},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {}},
                "inner": {"type": "object", "x-kubernetes-embedded-resource": True},
                "one": {"type": "object", "oneOf": [{"required": ["a"]}]},
                "list": {"type": "array", "items": {"type": "string", "nullable": True}},
            },
        }
    },
}
FOO = Resource(
    group="g.example",
    version="v1",
    name="foos",
    kind="Foo",
    singular="foo",
    namespaced=True,
    verbs=("delete", "get", "list", "patch", "create", "update", "watch"),
    key="g.example/foos",
    list_kind="FooList",
    custom=SimpleNamespace(source=SCHEMA, storage_version="v1", selectable_fields=("spec.size",)),
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue([*built_in(), FOO])


@pytest.fixture(scope="module")
def swagger(catalogue: Catalogue) -> Json:
    return openapi.v2_document(catalogue)


def test_there_is_a_document_for_each_version(catalogue: Catalogue) -> None:
    paths = openapi.v3_paths(catalogue)
    assert {"api", "api/v1", "apis", "apis/apps", "apis/apps/v1", "apis/g.example/v1", "version"} <= set(paths)
    assert "apis/g.example" not in paths
    for path in paths:
        assert openapi.v3_document(catalogue, path)["openapi"] == "3.0.0"


@pytest.mark.parametrize("path", ["apis/none.example", "apis/apps/v9", "foo"])
def test_what_is_not_there_has_no_document(catalogue: Catalogue, path: str) -> None:
    with pytest.raises(KeyError):
        openapi.v3_document(catalogue, path)


def test_a_patch_tells_what_the_server_can_do(catalogue: Catalogue) -> None:
    document = openapi.v3_document(catalogue, "apis/apps/v1")
    patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert {"fieldValidation", "fieldManager", "dryRun", "force"} == {each["name"] for each in patch["parameters"]}
    assert patch["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}
    assert patch["x-kubernetes-action"] == "patch"
    assert "application/strategic-merge-patch+json" in patch["requestBody"]["content"]


def test_every_reference_leads_somewhere(catalogue: Catalogue, swagger: Json) -> None:
    for path in openapi.v3_paths(catalogue):
        document = openapi.v3_document(catalogue, path)
        known = {f"#/components/schemas/{name}" for name in document["components"].get("schemas", {})}
        assert references(document) <= known, path
    known = {f"#/definitions/{name}" for name in swagger["definitions"]}
    assert references(swagger) <= known | {f"#/parameters/{name}" for name in swagger["parameters"]}


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(each) for each in value.values()))
    return set().union(*(references(each) for each in value)) if isinstance(value, list) else set()


def test_fields_tell_how_they_are_patched_and_defaulted(catalogue: Catalogue) -> None:
    schemas = openapi.v3_document(catalogue, "api/v1")["components"]["schemas"]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert containers["x-kubernetes-list-map-keys"] == ["name"]
    port = schemas["io.k8s.api.core.v1.ServicePort"]
    assert port["required"] == ["port"]
    assert port["properties"]["protocol"]["default"] == "TCP"
    assert port["properties"]["protocol"]["enum"] == ["SCTP", "TCP", "UDP"]
    assert port["properties"]["port"]["default"] == 0


def test_deleting_says_what_is_answered(catalogue: Catalogue) -> None:
    paths = openapi.v3_document(catalogue, "api/v1")["paths"]
    answers = [
        paths[f"/api/v1/namespaces/{{namespace}}/{plural}/{{name}}"]["delete"]["responses"]["200"]["content"][
            "application/json"
        ]["schema"]["$ref"].rpartition(".")[2]
        for plural in ("pods", "configmaps")
    ]
    assert answers == ["Pod", "Status"]


def test_a_custom_resource_is_published_with_what_every_object_has(catalogue: Catalogue) -> None:
    document = openapi.v3_document(catalogue, "apis/g.example/v1")
    foo = document["components"]["schemas"]["example.g.v1.Foo"]
    assert list(foo["properties"]) == ["apiVersion", "kind", "metadata", "spec"]
    assert foo["x-kubernetes-group-version-kind"] == [{"group": "g.example", "kind": "Foo", "version": "v1"}]
    assert foo["x-kubernetes-selectable-fields"] == [{"fieldPath": "spec.size"}]
    spec = foo["properties"]["spec"]["properties"]
    assert spec["any"]["anyOf"] == [{"type": "integer"}, {"type": "string"}]
    assert spec["inner"]["required"] == ["kind", "apiVersion"]
    assert "apiVersion" not in SCHEMA["properties"]  # the definition itself stays as it is
    patch = document["paths"]["/apis/g.example/v1/namespaces/{namespace}/foos/{name}"]["patch"]
    assert "application/strategic-merge-patch+json" not in patch["requestBody"]["content"]


def test_version_2_leaves_out_what_kubectl_would_check_too_strictly(swagger: Json) -> None:
    spec = swagger["definitions"]["example.g.v1.Foo"]["properties"]["spec"]
    assert spec["required"] == ["size"]
    assert spec["properties"]["size"] == {"type": "integer"}
    assert spec["properties"]["maybe"] == {}
    assert spec["properties"]["free"] == {"x-kubernetes-preserve-unknown-fields": True}
    assert spec["properties"]["one"] == {"type": "object"}
    assert spec["properties"]["list"] == {"type": "array", "items": {}}
    whole = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "items": {}, "required": ["a"]}
    assert pruned(whole) == {"x-kubernetes-preserve-unknown-fields": True, "required": ["a"]}


def without_texts(value: Any) -> Any:
    if isinstance(value, dict):
        texts = ("description", "x-kubernetes-group-version-kind")
        kept = {key: each for key, each in value.items() if key not in texts or isinstance(each, dict)}
        return {key: without_texts(each) for key, each in kept.items()}
    return [without_texts(each) for each in value] if isinstance(value, list) else value


def test_definitions_are_the_published_ones(shared: Path, swagger: Json) -> None:
    path = shared / "tables" / "schema.json"
    if not path.exists():
        pytest.skip("there is no table of published types in ../shared/tables")
    published = json.loads(path.read_bytes())
    common = sorted(published.keys() & swagger["definitions"].keys())
    assert len(common) > 500
    for name in common:
        assert without_texts(swagger["definitions"][name]) == without_texts(published[name]), name


def test_paths_are_the_published_ones(shared: Path, swagger: Json) -> None:
    path = shared / "tables" / "paths.json"
    if not path.exists():
        pytest.skip("there is no table of published paths in ../shared/tables")
    published = json.loads(path.read_bytes())
    common = [each for each in swagger["paths"] if each in published]
    assert len(common) > 300
    for each in common:
        methods = {key: value for key, value in swagger["paths"][each].items() if key != "parameters"}
        assert methods.keys() == published[each].keys(), each
        found = {
            method: [value["x-kubernetes-action"], value["x-kubernetes-group-version-kind"]["kind"]]
            for method, value in methods.items()
        }
        assert found == published[each], each
