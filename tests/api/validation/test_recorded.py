"""Creations against the recorded answers: what a real server refuses is refused in its words, the rest is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cluster_shim.api import defaults, errors, validation
from cluster_shim.api.codec.json import decode
from cluster_shim.api.conversion import hub
from cluster_shim.api.resources import built_in
from cluster_shim.apiserver.registry.strategies.strategy import strategy_of
from cluster_shim.apiserver.request import UserInfo
from tests.api.exchanges import Exchange, written

FAMILIES = ("validation", "crud", "defaulting", "table", "options", "update")
NOW = "2026-01-02T03:04:05Z"
RESOURCES = {each.gvk: each for each in built_in()}
NOT_HERE = {
    "invalid-batch:8": "shows a uid that the server made up",
    "invalid-batch:15": "shows an empty list, which is read as none",
    "options-warnings:14": "labels of pod security are looked at by admission",
}


def _prepared(exchange: Exchange) -> dict[str, Any] | None:
    resource = RESOURCES[exchange.gvk]
    try:
        obj = decode(exchange.body, exchange.gvk).object
    except errors.APIError:
        return None
    meta = obj.setdefault("metadata", {})
    if resource.namespaced:
        meta["namespace"] = exchange.path.split("/namespaces/")[1].split("/")[0]
    meta.update(uid="0", creationTimestamp=NOW)
    defaults.apply(exchange.gvk, obj)
    strategy_of(resource.group, resource.kind).prepare_create(obj, UserInfo("admin"), NOW)
    if resource.kind == "Pod":
        obj["spec"].setdefault("serviceAccountName", "default")
    return obj


@pytest.mark.parametrize("family", FAMILIES)
def test_creations(shared: Path, family: str) -> None:
    folder = shared / "golden" / "api"
    if not folder.is_dir():
        pytest.skip("there are no exchanges in ../shared/golden/api")
    compared = 0
    for exchange in written(folder, (family,)):
        resource = RESOURCES.get(exchange.gvk)
        is_made = (
            exchange.method == "POST"
            and exchange.status in (201, 422)
            and b"${" not in exchange.body
            and b"generateName" not in exchange.body
        )
        if resource is None or not is_made or exchange.where in NOT_HERE or exchange.content_type != "application/json":
            continue
        if exchange.path.partition("?")[0].rpartition("/")[2] != resource.name or resource.kind == "Service":
            continue  # what services get is allocated before they are validated
        obj = _prepared(exchange)
        if obj is None:
            continue
        found = validation.create(resource, obj)
        compared += 1
        if exchange.status == 201:
            assert found == [], exchange.where
        elif exchange.answer.get("details", {}).get("kind") == resource.kind:
            name = obj["metadata"].get("name", "")
            status = errors.invalid(resource.kind, name, found, hub(resource.gvk).group).status
            assert status == exchange.answer, exchange.where
    assert compared > 0
