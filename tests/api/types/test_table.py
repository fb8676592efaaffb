"""The table of types: against the facts of ../shared, and what the other parts read from it."""

from __future__ import annotations

import json
from pathlib import Path

from cluster_shim.api.resources import GroupVersionKind, built_in
from cluster_shim.api.types import kinds, model, normalise, normaliser, ordered, settle, type_by_name, type_of

POD = GroupVersionKind("", "v1", "Pod")


def test_every_resource_has_its_types() -> None:
    for resource in built_in():
        gvks = {resource.gvk, *(each.gvk for each in resource.subresources.values())}
        if "list" in resource.verbs:
            gvks.add(GroupVersionKind(resource.group, resource.version, resource.list_kind))
        for gvk in gvks:
            assert type_of(gvk) is not None, gvk


def test_options_are_kinds_of_every_group() -> None:
    assert type_of(GroupVersionKind("apps", "v1", "DeleteOptions")) is type_by_name("meta/v1.DeleteOptions")
    assert type_of(GroupVersionKind("nowhere", "v1", "DeleteOptions")) is None
    assert type_of(GroupVersionKind("", "v1", "pod")) is None


def test_fields_are_those_of_the_published_schema(shared: Path) -> None:
    schema = json.loads((shared / "tables" / "schema.json").read_text())
    compared = 0
    for gvk in kinds():
        found = type_of(gvk)
        assert found is not None
        if found.model not in schema:
            continue
        published = schema[found.model].get("properties", {})
        assert found.fields.keys() == published.keys(), gvk
        for name, field in found.fields.items():
            expected = published[name]
            assert (field.list_type or None) == expected.get("x-kubernetes-list-type", field.list_type or None)
            assert list(field.map_keys) == expected.get("x-kubernetes-list-map-keys", [])
            assert (field.merge_key or None) == expected.get("x-kubernetes-patch-merge-key")
            assert field.required == (name in schema[found.model].get("required", []))
            compared += 1
    assert compared > 500


def test_names_are_those_of_messages() -> None:
    spec = type_of(POD).fields["spec"].type  # type: ignore[union-attr]
    assert spec.name == "v1.PodSpec"
    assert spec.model == "io.k8s.api.core.v1.PodSpec"
    assert spec.fields["volumes"].type.name == "[]v1.Volume"
    assert spec.fields["restartPolicy"].type.name == "v1.RestartPolicy"
    assert spec.fields["nodeSelector"].type.name == "map[string]string"
    assert type_by_name("core/v1.ConfigMap").fields["binaryData"].type.name == "map[string][]uint8"


def test_embedded_structs_are_known_by_name_and_number() -> None:
    volume = type_by_name("core/v1.Volume")
    assert volume.fields["emptyDir"].embedded == ("VolumeSource",)
    assert {number: each.name for number, each in volume.messages.items()} == {2: "VolumeSource"}
    named = type_by_name("admissionregistration/v1.NamedRuleWithOperations")
    assert named.fields["apiGroups"].embedded == ("RuleWithOperations", "Rule")


def test_markers_for_patches() -> None:
    container = type_by_name("core/v1.Container")
    ports = container.fields["ports"]
    assert (ports.list_type, ports.map_keys, ports.merge_key) == ("map", ("containerPort", "protocol"), "containerPort")
    volumes = type_by_name("core/v1.PodSpec").fields["volumes"]
    assert volumes.patch_strategy == ("merge", "retainKeys")
    assert type_by_name("meta/v1.LabelSelector").atomic
    assert type_by_name("core/v1.PodSpec").fields["nodeSelector"].map_type == "atomic"


def test_recursive_types_end() -> None:
    schema = type_by_name("apiextensions/v1.JSONSchemaProps")
    assert schema.fields["properties"].type.element is schema
    assert schema.fields["items"].type.kind == model.SCHEMA_OR_ARRAY


def test_what_go_writes_of_empty_objects() -> None:
    gvk = GroupVersionKind("networking.k8s.io", "v1", "NetworkPolicy")
    assert normalise(gvk, {"metadata": {"creationTimestamp": None}}) == {"metadata": {}, "spec": {"podSelector": {}}}
    role = GroupVersionKind("rbac.authorization.k8s.io", "v1", "Role")
    assert normalise(role, {}) == {"metadata": {}, "rules": None}
    kept = normalise(role, {"rules": []})
    assert kept["rules"] == []
    settle(role, kept)
    assert kept["rules"] is None
    lease = GroupVersionKind("coordination.k8s.io", "v1", "Lease")
    assert normalise(lease, {"spec": {"leaseTransitions": 0, "strategy": ""}})["spec"] == {
        "leaseTransitions": 0,
        "strategy": "",
    }


def test_order() -> None:
    of = type_by_name("core/v1.ObjectReference")
    value = normaliser(of)({"name": "a", "kind": "Pod", "namespace": "n"})
    assert list(ordered(of, value)) == ["kind", "namespace", "name"]
