"""Defaults against the recorded answers: nothing too much, and missing only what other parts of the server add."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster_shim.api import defaults
from cluster_shim.api.codec import json as json_codec
from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.api.types import settle
from tests.api.exchanges import written

FAMILIES = ("defaulting", "crud", "table", "services", "patch-strategic")
# What strategies, allocation and admission add on creation.
OTHERS = re.compile(
    r"/metadata/(uid|resourceVersion|creationTimestamp|generation|namespace|name|annotations|finalizers|labels|selfLink)"
    r"|/status\b|/spec/(finalizers|preemptionPolicy|priority|tolerations|taints|volumes|selector|username|uid|groups)"
    r"|/spec/(serviceAccount|serviceAccountName|clusterIPs?|ipFamilies|ipFamilyPolicy|healthCheckNodePort|dataSourceRef)$"
    r"|/spec/ports/\d+/nodePort$|/spec/containers/\d+/volumeMounts$|/spec/targetCPUUtilizationPercentage$"
    r"|/spec/template/metadata/labels"
)


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in ours.keys() | theirs.keys():
            if name in ours and name in theirs:
                yield from differences(ours[name], theirs[name], f"{path}/{name}")
            else:
                yield f"{path}/{name}"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{path}/{index}")
    elif ours != theirs and not re.search(r"<|\w+:\d+$", str(theirs)):
        yield path


@pytest.mark.parametrize("family", FAMILIES)
def test_creations(shared: Path, family: str) -> None:
    folder = shared / "golden" / "api"
    if not folder.is_dir():
        pytest.skip("there are no exchanges in ../shared/golden/api")
    compared = 0
    for exchange in written(folder, (family,)):
        about = exchange.answer.get("apiVersion"), exchange.answer.get("kind")
        if exchange.status != 201 or exchange.content_type != "application/json" or b"${" in exchange.body:
            continue
        if about != (exchange.gvk.api_version, exchange.gvk.kind):
            continue
        obj = json_codec.decode(exchange.body, exchange.gvk).object
        defaults.apply(exchange.gvk, obj)
        settle(exchange.gvk, obj)
        wrong = [each for each in differences(obj, exchange.answer) if not OTHERS.match(each)]
        assert wrong == [], f"{exchange.where}: {json.dumps(obj)}"
        again = copy.deepcopy(obj)
        defaults.apply(exchange.gvk, again)
        assert again == obj, exchange.where
        compared += 1
    assert compared > 10


def test_kinds_without_defaults_are_left_alone() -> None:
    obj: dict[str, Any] = {"metadata": {"name": "a"}}
    defaults.apply(GroupVersionKind("coordination.k8s.io", "v1", "Lease"), obj)
    defaults.apply(GroupVersionKind("example.com", "v1", "Box"), obj)
    assert obj == {"metadata": {"name": "a"}}
