"""Server-side apply and tracking against recorded exchanges: the object before, the request, what the server answered.

Without a server: what comes before and after (defaults, strategies, validation) is not looked at, only who owns what
and who is in conflict.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.api.patch.apply import FieldManager, custom_manager_for, keep_times, manager_for, name_of
from cluster_shim.api.resources import Resource, built_in, gvk_of

APPLY = "application/apply-patch+yaml"
NOW = "2026-01-01T00:00:00Z"
MANY_MANAGERS = "many08"
"""The first that is one too many: which entries are oldest cannot be seen in a recording without times."""


class Step:
    """One write of a recording with the object before it."""

    def __init__(self, exchange: Any, live: Any) -> None:
        request = exchange["request"]
        path, _, query = request["path"].partition("?")
        headers = request.get("headers") or {}
        self.params = dict(parse_qsl(query))
        self.method, self.path, self.body = request["method"], path, request.get("body")
        self.status, self.answer = exchange["expect"]["status"], exchange["expect"].get("body")
        self.applies = headers.get("Content-Type") == APPLY
        self.name = name_of(self.params.get("fieldManager", ""), headers.get("User-Agent") or "replay/1.0")
        self.subresource = "status" if path.endswith("/status") else ""
        self.live = live


def steps(scenario: Any) -> Iterator[Step]:
    objects: dict[str, Any] = {}
    for exchange in scenario["steps"]:
        if exchange["request"]["path"].split("?")[0].endswith("/scale"):
            objects.clear()  # what a scale made of its parent is not told
            continue
        step = Step(exchange, None)
        if not isinstance(step.answer, dict):
            continue
        key = step.path.removesuffix("/status")
        if step.method == "POST" and step.status < 300:
            key = f"{key}/{step.answer['metadata']['name']}"
        step.live = objects.get(key)
        yield step
        if step.status < 300 and step.answer.get("metadata", {}).get("uid") and step.method != "DELETE":
            objects[key] = step.answer


class Managers:
    """Field managers by kind; custom resources as the recording defines them."""

    def __init__(self) -> None:
        self._resources = {each.gvk: each for each in built_in()}
        self._schemas: dict[Any, Any] = {}
        self._made: dict[Any, FieldManager] = {}

    def define(self, crd: Any) -> None:
        spec = crd["spec"]
        for version in spec["versions"]:
            names = spec["names"]
            resource = Resource(
                spec["group"], version["name"], names["plural"], names["kind"], "", True, (), "", custom=True,
                subresources=version.get("subresources", {}),
            )  # fmt: skip
            self._resources[resource.gvk] = resource
            self._schemas[resource.gvk] = version["schema"]["openAPIV3Schema"]

    def of(self, document: Any, subresource: str) -> FieldManager:
        gvk = gvk_of(document)
        if (gvk, subresource) not in self._made:
            resource = self._resources[gvk]
            self._made[gvk, subresource] = (
                custom_manager_for(resource, self._schemas[gvk], subresource)
                if resource.custom
                else manager_for(resource, subresource)
            )
        return self._made[gvk, subresource]


def entries(document: Any) -> list[Any]:
    found = document["metadata"].get("managedFields") or []
    return sorted(found, key=lambda each: [each.get(key, "") for key in ("operation", "manager", "subresource")])


def check_apply(step: Step, managers: Managers) -> None:
    manager = managers.of(step.live or step.answer, step.subresource)
    try:
        applied = manager.apply(step.live, step.body, step.name, step.params.get("force") == "true", NOW)
    except APIError as refusal:
        assert step.status == refusal.code, step.answer
        assert step.answer["message"] == refusal.message
        causes = [each["field"] for each in step.answer.get("details", {}).get("causes", [])]
        assert sorted(causes) == sorted(each["field"] for each in (refusal.details or {}).get("causes", []))
        return
    if step.status < 300:
        if step.live is not None:
            applied = keep_times(step.live, applied)
        assert entries(applied) == entries(step.answer)
    else:
        assert step.answer["reason"] in ("Invalid", "BadRequest") or "has been modified" in step.answer["message"]


def check_update(step: Step, managers: Managers) -> None:
    """The object after the update is taken from the answer, its managed fields from the request."""
    new = {**step.answer, "metadata": {**step.answer["metadata"]}}
    new["metadata"].pop("managedFields", None)
    if isinstance(step.body, dict) and "managedFields" in (step.body.get("metadata") or {}):
        new["metadata"]["managedFields"] = step.body["metadata"]["managedFields"]
    manager = managers.of(new, step.subresource)
    new["metadata"]["managedFields"] = manager.track_update(step.live, new, step.name, NOW)
    assert entries(new) == entries(step.answer)


def test_who_owns_what_is_as_recorded(shared: Path) -> None:
    file = shared / "golden" / "api" / "patch-apply.json.gz"
    if not file.exists():
        pytest.skip("there are no recorded exchanges with an API server in ../shared/golden/api")
    checked = 0
    recording = gzip.decompress(file.read_bytes()).replace(b'"<time>"', f'"{NOW}"'.encode())
    for scenario in json.loads(recording)["scenarios"]:
        managers = Managers()
        for step in steps(scenario):
            if step.answer.get("kind") == "CustomResourceDefinition":
                managers.define(step.answer)
            elif step.applies and isinstance(step.body, dict) and (step.live or step.status == 201):
                check_apply(step, managers)
                checked += 1
            elif step.live and step.status < 300 and step.method in ("PUT", "PATCH") and isinstance(step.body, dict):
                if step.name >= MANY_MANAGERS and step.name.startswith("many"):
                    continue
                check_update(step, managers)
                checked += 1
    assert checked > 200
