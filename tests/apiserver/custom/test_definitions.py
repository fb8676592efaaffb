"""Definitions in a whole server: served and withdrawn at once, names in conflict, objects that hold one back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cluster_shim.apiserver.config import Config
from tests.apiserver.whole import Client, looped, whole

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def definition(plural: str = "widgets", kind: str = "Widget", group: str = "shop.example.com", **more: Any) -> Any:
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {"size": {"type": "integer", "default": 3}, "name": {"type": "string", "maxLength": 5}},
                "x-kubernetes-validations": [
                    {"rule": "self.size <= 10", "messageExpression": "'too large: ' + string(self.size)"},
                    {"rule": "self.size >= oldSelf.size", "message": "must not shrink"},
                ],
            }
        },
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    spec = {
        "group": group,
        "scope": "Namespaced",
        "names": {"plural": plural, "kind": kind},
        "versions": [version],
        **more,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": spec,
    }


def widget(name: str = "w", **members: Any) -> Any:
    return {"apiVersion": "shop.example.com/v1", "kind": "Widget", "metadata": {"name": name}, **members}


WIDGETS = "/apis/shop.example.com/v1/namespaces/default/widgets"


def conditions(answer: Any) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in answer.body["status"]["conditions"]}


async def is_served(client: Client, path: str = WIDGETS) -> bool:
    return (await client.until(path, lambda answer: answer.status == 200)).status == 200


@looped
async def test_life() -> None:
    async with whole() as client:
        assert (await client("GET", WIDGETS)).status == 404
        assert (await client("POST", DEFINITIONS, definition())).status == 201
        assert await is_served(client)
        made = await client("POST", WIDGETS, widget(spec={"nothing": 1}))
        assert (made.status, made.body["spec"]) == (201, {"size": 3})
        assert (await client("DELETE", f"{DEFINITIONS}/widgets.shop.example.com")).status == 200
        assert (await client.until(WIDGETS, lambda answer: answer.status == 404)).status == 404
        gone = await client.until(f"{DEFINITIONS}/widgets.shop.example.com", lambda answer: answer.status == 404)
        assert gone.status == 404
        await client("POST", DEFINITIONS, definition())
        assert await is_served(client)
        assert (await client("GET", WIDGETS)).body["items"] == []


@looped
async def test_rules() -> None:
    async with whole() as client:
        await client("POST", DEFINITIONS, definition())
        assert await is_served(client)
        refused = await client("POST", WIDGETS, widget(spec={"size": 11, "name": "longer"}))
        causes = [(each["field"], each["message"]) for each in refused.body["details"]["causes"]]
        assert refused.status == 422
        assert causes == [
            ("spec.name", "Too long: may not be more than 5 bytes"),
            ("<nil>", "Invalid value: null: some validation rules were not checked because the object was invalid; "
             "correct the existing errors to complete validation"),
        ]  # fmt: skip
        refused = await client("POST", WIDGETS, widget(spec={"size": 11}))
        assert "spec: Invalid value: too large: 11" in refused.body["message"].replace('"object": ', "")
        await client("POST", WIDGETS, widget(spec={"size": 5}))
        refused = await client("PATCH", f"{WIDGETS}/w", {"spec": {"size": 4}}, "application/merge-patch+json")
        assert "must not shrink" in refused.body["message"]
        grown = await client("PATCH", f"{WIDGETS}/w", {"spec": {"size": 6}}, "application/merge-patch+json")
        assert grown.status == 200


@looped
async def test_rules_of_the_object_itself() -> None:
    made = definition()
    schema = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["x-kubernetes-validations"] = [{"rule": "self.metadata.name != 'no'", "message": "not this name"}]
    async with whole() as client:
        await client("POST", DEFINITIONS, made)
        assert await is_served(client)
        refused = await client("POST", WIDGETS, widget("no"))
        [cause] = refused.body["details"]["causes"]
        assert (cause["field"], cause["message"]) == ("<nil>", "Invalid value: not this name")


@looped
async def test_a_finalizer_holds_a_definition_back() -> None:
    async with whole() as client:
        await client("POST", DEFINITIONS, definition())
        assert await is_served(client)
        held = widget("held")
        held["metadata"]["finalizers"] = ["example.com/hold"]
        await client("POST", WIDGETS, held)
        await client("POST", WIDGETS, widget("free"))
        await client("DELETE", f"{DEFINITIONS}/widgets.shop.example.com")
        left = await client.until(WIDGETS, lambda answer: len(answer.body.get("items", ())) == 1)
        assert [each["metadata"]["name"] for each in left.body["items"]] == ["held"]
        waiting = await client("GET", f"{DEFINITIONS}/widgets.shop.example.com")
        assert conditions(waiting)["Terminating"][0] == "True"
        refused = await client("POST", WIDGETS, widget("late"))
        assert refused.status == 405
        assert refused.body["message"] == "create not allowed while custom resource definition is terminating"
        freed = {"metadata": {"finalizers": None}}
        assert (await client("PATCH", f"{WIDGETS}/held", freed, "application/merge-patch+json")).status == 200


@looped
async def test_names_in_conflict() -> None:
    async with whole() as client:
        await client("POST", DEFINITIONS, definition())
        assert await is_served(client)
        names = {"plural": "gadgets", "kind": "Widget", "listKind": "GadgetList"}
        await client("POST", DEFINITIONS, definition("gadgets", names=names))
        path = f"{DEFINITIONS}/gadgets.shop.example.com"
        second = await client.until(path, lambda answer: bool(answer.body["status"]["conditions"]))
        assert conditions(second)["NamesAccepted"] == ("False", "KindConflict")
        assert conditions(second)["Established"] == ("False", "NotAccepted")
        assert (await client("GET", WIDGETS.replace("widgets", "gadgets"))).status == 404
        await client("DELETE", f"{DEFINITIONS}/widgets.shop.example.com")
        assert await is_served(client, WIDGETS.replace("widgets", "gadgets"))


@looped
async def test_another_version_of_a_definition() -> None:
    async with whole() as client:
        made = definition()
        await client("POST", DEFINITIONS, made)
        assert await is_served(client)
        await client("POST", WIDGETS, widget(spec={"size": 5}))
        path = f"{DEFINITIONS}/widgets.shop.example.com"
        properties = {"spec": {"type": "object", "properties": {"colour": {"type": "string", "default": "red"}}}}
        versions = [
            {**made["spec"]["versions"][0], "storage": False, "served": False},
            {
                "name": "v2",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
            },
        ]
        await client("PATCH", path, {"spec": {"versions": versions}}, "application/merge-patch+json")
        assert (await client("GET", WIDGETS)).status == 404
        found = await client("GET", f"{WIDGETS.replace('/v1/', '/v2/')}/w")
        assert found.body["spec"] == {"colour": "red"}
        assert found.body["apiVersion"] == "shop.example.com/v2"


@looped
async def test_after_a_restart(tmp_path: Path) -> None:
    config = Config(data=tmp_path, secure_port=0)
    async with whole(config) as client:
        await client("POST", DEFINITIONS, definition())
        assert await is_served(client)
        await client("POST", WIDGETS, widget(spec={"size": 5}))
    async with whole(config) as client:
        found = await client("GET", f"{WIDGETS}/w")
        assert found.body["spec"] == {"size": 5}
