"""The recorded exchanges with a real server, as far as they can be looked at without one: bodies and their answers."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cluster_shim.api.resources import GroupVersionKind, Resource, built_in

_REPEAT = re.compile(r"\$\{repeat:(.):(\d+)\}")


class Exchange(NamedTuple):
    """A POST or PUT of a body to a built-in kind, and what came back."""

    where: str
    gvk: GroupVersionKind
    method: str
    path: str
    content_type: str
    body: bytes
    status: int
    answer: dict[str, Any]
    warnings: list[str]


def written(folder: Path, families: tuple[str, ...]) -> Iterator[Exchange]:
    """Yield the exchanges of some families whose bodies stand in them in full."""
    catalogue = {(each.group, each.version, each.name): each for each in built_in()}
    for family in families:
        with gzip.open(folder / f"{family}.json.gz") as file:
            scenarios = json.load(file)["scenarios"]
        for scenario in scenarios:
            for index, step in enumerate(scenario["steps"]):
                made = _exchange(f"{scenario['name']}:{index}", step, catalogue)
                if made is not None:
                    yield made


def _exchange(where: str, step: dict[str, Any], catalogue: dict[Any, Resource]) -> Exchange | None:
    request, expect = step.get("request", {}), step.get("expect", {})
    if request.get("method") not in ("POST", "PUT") or "base" in request or request.get("body") is None:
        return None
    gvk = _kind(request["path"], catalogue)
    if gvk is None:
        return None
    body = request["body"] if isinstance(request["body"], str) else json.dumps(request["body"])
    body = _REPEAT.sub(lambda found: found[1] * int(found[2]), body)
    answer = expect.get("body") or {"message": (expect.get("select") or {}).get("/message") or ""}
    headers = request.get("headers") or {}
    return Exchange(
        where,
        gvk,
        request["method"],
        request["path"],
        headers.get("Content-Type", "application/json"),
        body.encode(),
        expect["status"],
        answer if isinstance(answer, dict) else {},
        (expect.get("headers") or {}).get("Warning", []),
    )


def _kind(path: str, catalogue: dict[Any, Resource]) -> GroupVersionKind | None:
    parts = path.partition("?")[0].strip("/").split("/")
    group, version, rest = ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
    if len(rest) > 2 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        rest = rest[2:]
    resource = catalogue.get((group, version, rest[0])) if rest else None
    if resource is None or len(rest) < 3:
        return resource.gvk if resource else None
    subresource = resource.subresources.get(rest[2])
    return subresource.gvk if subresource else None
