"""What upstream's server answered at paths that are no resources, as recorded."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster_shim.apiserver.request import Response

Json = dict[str, Any]
SCENARIOS = ("protocol-discovery", "protocol-openapi", "protocol-health", "protocol-paths")
ELSEWHERE = ("/.well-known", "/openid")  # the issuer of tokens answers there


def exchanges(shared: Path) -> Iterator[Json]:
    """Yield the recorded exchanges at paths that name no resource."""
    path = shared / "golden" / "api" / "protocol.json.gz"
    if not path.exists():
        pytest.skip("there are no recorded exchanges in ../shared/golden/api")
    for scenario in json.loads(gzip.decompress(path.read_bytes()))["scenarios"]:
        for step in scenario["steps"] if scenario["name"] in SCENARIOS else ():
            url = step["request"]["path"]
            parts = url.partition("?")[0].strip("/").split("/")
            is_resource = (parts[0] == "api" and len(parts) > 2) or (parts[0] == "apis" and len(parts) > 3)
            if not is_resource and not url.startswith(ELSEWHERE):
                yield step


def seen(response: Response, expect: Json) -> Json:
    """Return what of an answer was recorded."""
    found: Json = {"status": response.status, "contentType": response.content_type or None}
    if etag := [value for name, value in response.headers if name == "ETag"]:
        found["headers"] = {"ETag": ["<etag>"] * len(etag)}
    if "text" in expect:
        found["text"] = response.body.decode()
    if expect.keys() & {"body", "keys", "select"}:
        document = json.loads(response.body)
        found["body"], found["keys"] = document, sorted(document)
        found["select"] = {pointer: document.get(pointer[1:]) for pointer in expect.get("select", ())}
    return {key: value for key, value in found.items() if key in expect or key == "headers"}


def test_recorded_exchanges(shared: Path, ask: Callable[..., Response]) -> None:
    captured: dict[str, str] = {}
    count = 0
    for step in exchanges(shared):
        request, expect = step["request"], step["expect"]
        headers = {"accept": "application/json"}
        for name, value in request.get("headers", {}).items():
            headers[name.lower().replace("-", "_")] = captured["e"] if value == "${e}" else value
        response = ask(request["path"], request["method"], **headers)
        captured.update(("e", value) for name, value in response.headers if name == "ETag")
        assert seen(response, expect) == expect, request
        count += 1
    assert count > 50
