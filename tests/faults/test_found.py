"""Requests that were defects once, found by the fuzzer: each is refused with a Status."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.assembly import Assembly
from cluster_shim.apiserver.config import Config
from cluster_shim.client import client as api
from cluster_shim.client.client import Client
from cluster_shim.client.in_process import InProcess

MAPS, SERVICES = "/api/v1/namespaces/default/configmaps", "/api/v1/namespaces/default/services"
JSON_PATCH, STRATEGIC = "application/json-patch+json", "application/strategic-merge-patch+json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
CRDS = api.Path("apiextensions.k8s.io", "v1", "customresourcedefinitions")
REVISIONS = "/apis/apps/v1/namespaces/default/controllerrevisions"
TO_ONE = "/kubernetes"


class Found(NamedTuple):
    """A request, and its answer."""

    method: str
    path: str
    body: bytes
    content_type: str
    code: int
    message: str
    accept: str = "application/json"


SERVICE = json.dumps({"kind": "Service", "apiVersion": "v1", "metadata": {}, "spec": {"ports": [{"port": 80}]}})
FOUND = {
    "number that no float can hold": Found(
        "PATCH", SERVICES + TO_ONE, b'{"spec":1' + b"0" * 400 + b"}", STRATEGIC, 400, "json: cannot unmarshal number 1"
    ),
    "operation that is no text": Found(
        "PATCH", SERVICES + TO_ONE, b'[{"op":"add\xff","path":"/x"}]', JSON_PATCH, 422, "the server rejected our"
    ),
    "applied nothing": Found("PATCH", MAPS + "/a?fieldManager=f", b"null", "application/apply-patch+yaml", 400, "a"),
    "service without a name": Found(
        "POST", SERVICES, SERVICE.encode(), "application/json", 422, "spec.parentRef.name: Required value"
    ),
    "no text in what is stored as it is spelled": Found(
        "POST", REVISIONS, b'{"metadata":{"name":"a"},"data":{"a":"\xff"},"revis\xfeon":1}', "application/json", 201, ""
    ),
    "watch for a list": Found(
        "GET", MAPS + "?watch=1", b"", "", 406, "the requested object is not a list", METADATA_LIST
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_is_refused(name: str) -> None:
    found = FOUND[name]

    async def answer() -> tuple[int, dict[str, Any]]:
        assembly = Assembly(Config(secure_port=0))
        transport = InProcess(await assembly.start())
        path, _, query = found.path.partition("?")
        pairs = [tuple(each.split("=")) for each in query.split("&") if each]
        headers = [("content-type", found.content_type), ("accept", found.accept)]
        got = await transport.request(found.method, path, pairs, headers, found.body)  # type: ignore[arg-type]
        await assembly.stop()
        status: dict[str, Any] = json.loads(got.body)
        return got.status, status

    code, status = asyncio.run(answer())
    assert code == found.code, status
    assert found.message in status.get("message", "")


@pytest.mark.parametrize("metadata", [0, "a", [], {"labels": 4}, {"finalizers": [{}]}])
def test_a_custom_object_of_another_kind(metadata: Any) -> None:
    """Its kind is wrong, and its metadata no metadata."""
    schema = {"openAPIV3Schema": {"type": "object"}}
    spec = {
        "group": "x.example.com",
        "scope": "Namespaced",
        "names": {"plural": "rules", "kind": "Rule"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
    }
    definition = {"kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1", "spec": spec}
    rules = api.Path("x.example.com", "v1", "rules")
    document = {"kind": "Pod", "apiVersion": "x.example.com/v1", "metadata": metadata}

    async def scenario() -> None:
        assembly = Assembly(Config(secure_port=0))
        client = Client(InProcess(await assembly.start()))
        await client.create(CRDS, {**definition, "metadata": {"name": "rules.x.example.com"}})
        async with asyncio.timeout(20):
            while True:
                with pytest.raises(APIError) as refusal:
                    await client.create(rules, document, "default")
                if refusal.value.code != 404:
                    break
                await asyncio.sleep(0.02)
        await assembly.stop()
        assert refusal.value.code == 400
        assert "json: cannot unmarshal" in refusal.value.message

    asyncio.run(scenario())
