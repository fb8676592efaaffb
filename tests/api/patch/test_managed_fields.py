"""Tracking and applying on a custom type: what recordings do not show well (limits, resets, kubectl, versions)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.api.patch.apply import Version, custom_manager_for, keep_times, manager_for, scale
from cluster_shim.api.patch.apply.last_applied import LAST_APPLIED
from cluster_shim.api.patch.schema import of_custom
from cluster_shim.api.resources import Resource, built_in

STRINGS = {"type": "object", "additionalProperties": {"type": "string"}}
SCHEMA = {
    "type": "object",
    "properties": {
        "data": STRINGS,
        "whole": {**STRINGS, "x-kubernetes-map-type": "atomic"},
        "list": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
            "items": {
                "type": "object",
                "properties": {"k": {"type": "string", "default": "d"}, "v": {"type": "integer"}},
            },
        },
        "status": {"type": "object", "properties": {"s": {"type": "string"}}},
    },
}
THING = Resource(
    "x.example", "v1", "things", "Thing", "thing", True, (), "", custom=True, subresources={"status": None}  # type: ignore[dict-item]
)  # fmt: skip
MANAGER = custom_manager_for(THING, SCHEMA)
RESOURCES = {each.qualified: each for each in built_in()}


def thing(entries: Any = None, **members: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "t", "uid": "u"}
    if entries is not None:
        metadata["managedFields"] = entries
    return {"apiVersion": "x.example/v1", "kind": "Thing", "metadata": metadata, **members}


def owners(entries: Any) -> dict[str, Any]:
    return {each["manager"]: each["fieldsV1"] for each in entries}


def test_an_update_moves_what_it_changes() -> None:
    first = MANAGER.track_create(thing(data={"a": "1", "b": "1"}), "one", "t1")
    assert owners(first) == {"one": {"f:data": {".": {}, "f:a": {}, "f:b": {}}}}
    second = MANAGER.track_update(
        thing(first, data={"a": "1", "b": "1"}), thing(first, data={"a": "2", "c": "1"}), "two", "t2"
    )
    assert owners(second) == {"one": {"f:data": {}}, "two": {"f:data": {"f:a": {}, "f:c": {}}}}
    assert [each["time"] for each in second] == ["t1", "t2"]


def test_status_of_the_main_resource_and_all_but_status_of_the_other_are_nobodys() -> None:
    created = MANAGER.track_create(thing(data={"a": "1"}, status={"s": "x"}), "one", "t1")
    assert owners(created) == {"one": {"f:data": {".": {}, "f:a": {}}}}
    status = custom_manager_for(THING, SCHEMA, "status")
    new = thing(created, data={"a": "1"}, status={"s": "y"})
    new["metadata"]["labels"] = {"l": "1"}
    entries = status.track_update(thing(created, data={"a": "1"}, status={"s": "x"}), new, "two", "t2")
    assert owners(entries)["two"] == {"f:status": {"f:s": {}}}
    assert entries[1]["subresource"] == "status"


def test_the_eleventh_updater_makes_the_two_oldest_one() -> None:
    live = thing(MANAGER.track_create(thing(data={"k": "v"}), "m00", "2026-01-01T00:00:00Z"), data={"k": "v"})
    for index in range(1, 11):
        data = {**live["data"], f"k{index}": "v"}
        entries = MANAGER.track_update(live, {**live, "data": data}, f"m{index:02}", f"2026-01-01T00:00:{index:02}Z")
        live = thing(entries, data=data)
    names = [each["manager"] for each in live["metadata"]["managedFields"]]
    assert names == ["ancient-changes", *(f"m{index:02}" for index in range(2, 11))]
    assert owners(live["metadata"]["managedFields"])["ancient-changes"] == {"f:data": {".": {}, "f:k": {}, "f:k1": {}}}


@pytest.mark.parametrize("given", [[], [{}]])
def test_a_client_resets(given: Any) -> None:
    live = thing(MANAGER.track_create(thing(data={"a": "1"}), "one", "t1"), data={"a": "1"})
    assert MANAGER.track_update(live, thing(given, data={"a": "2"}), "two", "t2") == []


def test_a_client_gives_entries() -> None:
    live = thing(MANAGER.track_create(thing(data={"a": "1"}), "one", "t1"), data={"a": "1"})
    entry = {"manager": "x", "operation": "Update", "apiVersion": "x.example/v1", "fieldsType": "FieldsV1"}
    good = {**entry, "fieldsV1": {"f:data": {"f:a": {}, "q:new": {}}}}
    assert owners(MANAGER.track_update(live, thing([good], data={"a": "1"}), "two", "t2")) == {
        "x": {"f:data": {"f:a": {}}}
    }
    bad: dict[str, Any]
    for bad in ({"operation": "Bogus"}, {"apiVersion": ""}, {"fieldsType": ""}, {"fieldsV1": {"bad": {}}}):
        kept = MANAGER.track_update(live, thing([{**good, **bad}], data={"a": "1"}), "two", "t2")
        assert kept == live["metadata"]["managedFields"]


def test_what_was_never_tracked_is_not_until_somebody_applies() -> None:
    assert MANAGER.track_update(thing(data={"a": "1"}), thing(data={"a": "2"}), "two", "t2") == []
    applied = MANAGER.apply(thing(data={"a": "1"}), thing_to_apply(data={"b": "1"}), "one", False, "t1")
    assert owners(applied["metadata"]["managedFields"]) == {
        "one": {"f:data": {"f:b": {}}},
        "before-first-apply": {"f:data": {".": {}, "f:a": {}}},
    }


def thing_to_apply(**members: Any) -> dict[str, Any]:
    return {"apiVersion": "x.example/v1", "kind": "Thing", "metadata": {"name": "t"}, **members}


def test_applying_again_changes_no_time_and_less_removes() -> None:
    both = thing_to_apply(data={"a": "1", "b": "1"}, list=[{"v": 1}, {"k": "x"}])
    live = MANAGER.apply(None, both, "one", False, "t1")
    live["metadata"]["uid"] = "u"
    again = MANAGER.apply(live, both, "one", False, "t2")
    assert again["metadata"]["managedFields"] == live["metadata"]["managedFields"]
    less = MANAGER.apply(live, thing_to_apply(data={"a": "1"}, list=[{"k": "x"}]), "one", False, "t2")
    assert (less["data"], less["list"]) == ({"a": "1"}, [{"k": "x"}])
    assert keep_times(live, {**live, "metadata": {**live["metadata"], "managedFields": [
        {**each, "time": "t9"} for each in live["metadata"]["managedFields"]
    ]}}) == live  # fmt: skip


def test_true_is_not_one_where_there_is_no_schema() -> None:
    free = custom_manager_for(THING, {"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    live = free.apply(None, thing_to_apply(spec={"deep": {"x": 1}}), "one", False, "t1")
    with pytest.raises(APIError, match=r'conflict with "one": \.spec\.deep\.x$'):
        free.apply(live, thing_to_apply(spec={"deep": {"x": True}}), "two", False, "t2")


def test_kubectl_takes_over_what_client_side_apply_wrote() -> None:
    original = thing_to_apply(data={"a": "1"})
    text = msgspec.json.encode(original).decode()
    live = thing(data={"a": "1", "z": "1"})
    live["metadata"]["annotations"] = {LAST_APPLIED: text}
    live["metadata"]["managedFields"] = MANAGER.track_create(live, "kubectl-client-side-apply", "t1")
    applied = MANAGER.apply(live, thing_to_apply(data={"a": "2"}), "kubectl", False, "t2")
    assert applied["data"] == {"a": "2", "z": "1"}
    assert msgspec.json.decode(applied["metadata"]["annotations"][LAST_APPLIED])["data"] == {"a": "2"}
    with pytest.raises(APIError, match=r"\.data\.z$"):
        MANAGER.apply(live, thing_to_apply(data={"a": "2", "z": "2"}), "kubectl", False, "t2")


def test_fields_are_known_by_other_names_in_another_version() -> None:
    old = {"type": "object", "properties": {"old": STRINGS}}

    def to_old(document: dict[str, Any]) -> dict[str, Any]:
        return {**{k: v for k, v in document.items() if k != "data"}, "old": document.get("data", {})}

    def to_new(document: dict[str, Any]) -> dict[str, Any]:
        return {**{k: v for k, v in document.items() if k != "old"}, "data": document.get("old", {})}

    versions = {"x.example/v0": Version(of_custom(old), to_old), "x.example/v1": Version(of_custom(SCHEMA), to_new)}
    manager = custom_manager_for(THING, SCHEMA, versions=versions.get)
    entry = {"manager": "one", "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": {"f:old": {"f:a": {}}}}
    live = thing([{**entry, "apiVersion": "x.example/v0"}, {**entry, "apiVersion": "gone/v9", "manager": "gone"}])
    live["data"] = {"a": "1", "b": "1"}
    with pytest.raises(APIError, match=r'conflict with "one": \.old\.a$'):
        manager.apply(live, thing_to_apply(data={"a": "2"}), "two", False, "t2")
    applied = manager.apply(live, thing_to_apply(whole={"x": "y"}), "one", False, "t2")
    assert applied["data"] == {"b": "1"}
    assert owners(applied["metadata"]["managedFields"]) == {"one": {"f:whole": {}}}


def test_scale_and_its_parent() -> None:
    deployments = manager_for(RESOURCES["deployments.apps"])
    document = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"replicas": 1}}
    entries = deployments.track_create(document, "one", "t1")
    paths = {"apps/v1": ("f:spec", "f:replicas")}
    of_scale = scale.to_scale(entries, paths)
    assert [(each["manager"], each["apiVersion"], each["fieldsV1"]) for each in of_scale] == [
        ("one", "autoscaling/v1", {"f:spec": {"f:replicas": {}}})
    ]
    taken = [{**of_scale[0], "manager": "scaler", "subresource": "scale", "time": "t2"}]
    after = scale.to_parent(entries, taken, "apps/v1", paths)
    assert owners(after) == {"scaler": {"f:spec": {"f:replicas": {}}}}
    assert "time" not in after[0]
    applied = deployments.apply(None, document, "one", False, "t1")["metadata"]["managedFields"]
    assert scale.to_parent(applied, scale.to_scale(applied, paths), "apps/v1", paths) == applied
