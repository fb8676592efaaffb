"""Definitions and custom resources against the recorded answers, without a server."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from cluster_shim.api import custom, defaults, errors, validation
from cluster_shim.api.codec.json import decode
from cluster_shim.api.custom import CustomVersion
from cluster_shim.api.resources import Resource, built_in
from cluster_shim.apiserver.registry.strategies.strategy import strategy_of
from cluster_shim.apiserver.request import UserInfo

DEFINITIONS = next(each for each in built_in() if each.name == "customresourcedefinitions")
FAMILIES = ("validation", "crud", "defaulting", "list", "options", "patch-apply", "watch", "patch-json", "patch-merge")
NOW = "2026-01-02T03:04:05Z"


def scenarios(shared: Path, families: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    folder = shared / "golden" / "api"
    if not folder.is_dir():
        pytest.skip("there are no exchanges in ../shared/golden/api")
    for family in families:
        with gzip.open(folder / f"{family}.json.gz") as file:
            yield from json.load(file)["scenarios"]


def posted(scenario: dict[str, Any], part: str) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
    for step in scenario["steps"]:
        request = step.get("request", {})
        if request.get("method") == "POST" and part in request["path"] and isinstance(request.get("body"), dict):
            yield deepcopy(request["body"]), step["expect"], request["path"]


def prepared(body: dict[str, Any]) -> dict[str, Any]:
    made = decode(json.dumps(body).encode(), DEFINITIONS.gvk).object
    defaults.apply(DEFINITIONS.gvk, made)
    strategy_of(DEFINITIONS.group, DEFINITIONS.kind).prepare_create(made, UserInfo("admin"), NOW)
    return made


def test_definitions(shared: Path) -> None:
    compared = 0
    for scenario in scenarios(shared, FAMILIES):
        for body, expect, _ in posted(scenario, "/customresourcedefinitions"):
            made = prepared(body)
            found = validation.create(DEFINITIONS, made)
            if expect["status"] == 201:
                assert found == []
            elif expect["status"] == 422:
                name = made["metadata"].get("name", "")
                status = errors.invalid(DEFINITIONS.kind, name, found, DEFINITIONS.group).status
                assert status == expect["body"]
            compared += 1
    assert compared > 20


def resource_of(definition: dict[str, Any], version: dict[str, Any]) -> Resource:
    spec = definition["spec"]
    names, namespaced = spec["names"], spec["scope"] == "Namespaced"
    of = CustomVersion(definition, version)
    group, plural = spec["group"], names["plural"]
    return Resource(group, version["name"], plural, names["kind"], "", namespaced, (), f"{group}/{plural}", custom=of)


@pytest.mark.parametrize("name", ["invalid-cr-schema", "default-crd", "options-validation-custom"])
def test_objects(shared: Path, name: str) -> None:
    scenario = next(each for each in scenarios(shared, FAMILIES) if each["name"] == name)
    definition = prepared(next(posted(scenario, "/customresourcedefinitions"))[0])
    resource = resource_of(definition, definition["spec"]["versions"][0])
    compared = 0
    for body, expect, path in posted(scenario, f"/apis/{resource.group}/"):
        document, complaints = custom.decode(resource, json.dumps(body).encode(), "application/json")
        custom.default(resource, document)
        if "fieldValidation=Strict" in path:
            assert ", ".join(complaints) == expect["body"]["message"].partition("strict decoding error: ")[2]
            continue
        document["metadata"]["namespace"] = "default"
        found = custom.validate_create(resource, document)
        if expect["status"] == 201:
            assert found == []
            assert document.get("spec") == expect["body"].get("spec")
        else:
            name = document["metadata"]["name"]
            assert errors.invalid(resource.kind, name, found, resource.group).status == expect["body"]
        compared += 1
    assert compared > 5
