"""Structs in messages: Go's names and order, zero values, what differs."""

from __future__ import annotations

from cluster_shim.api.fields import Path, invalid
from cluster_shim.api.validation.structs import difference, dump, dump_list


def test_internal_structs_have_all_members() -> None:
    taint = dump("Taint", {"effect": "NoSchedule", "key": "a"})
    assert taint == '{"Key":"a","Value":"","Effect":"NoSchedule","TimeAdded":null}'
    assert invalid(Path("x"), taint).body == f"Invalid value: {taint}"


def test_versioned_structs_leave_out_what_is_empty() -> None:
    owners = [{"name": "a", "kind": "Pod", "controller": True}]
    expected = '[{"apiVersion":"","kind":"Pod","name":"a","uid":"","controller":true}]'
    assert dump_list("OwnerReference", owners) == expected
    assert dump("LabelSelector", {"matchLabels": {"b": "2", "a": "<"}}) == '{"matchLabels":{"a":"\\u003c","b":"2"}}'


def test_members_of_the_pod_spec_stand_in_its_security_context() -> None:
    text = dump("PodSpec", {"hostNetwork": True, "containers": []})
    assert '"SecurityContext":{"HostNetwork":true,"HostPID":false' in text


def test_embedded_metadata() -> None:
    assert dump("PodTemplateSpec", {"metadata": {"labels": {"a": "b"}}}).startswith('{"labels":{"a":"b"},"Spec":{')


def test_pointers_and_lists_that_are_absent_are_null() -> None:
    assert dump("*VolumeNodeAffinity", None) == "null"
    assert dump_list("PodIP", None) == "null"
    assert dump_list("PodIP", []) == "[]"


def test_difference() -> None:
    assert difference("Taint", {"key": "a"}, {"key": "b"}) == (
        '@@ -1,5 +1,5 @@\n {\n- "Key": "a",\n+ "Key": "b",\n  "Value": "",\n  "Effect": "",\n  "TimeAdded": null\n'
    )
