"""Requests that were defects once, found by the fuzzer: each is refused with a Status."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
RULES = api.Path("x.example.com", "v1", "rules")
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


@asynccontextmanager
async def rules_of_example() -> AsyncIterator[Client]:
    """A client of a server that has a custom resource."""
    schema = {"openAPIV3Schema": {"type": "object"}}
    spec = {
        "group": "x.example.com",
        "scope": "Namespaced",
        "names": {"plural": "rules", "kind": "Rule"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
    }
    definition = {"kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1", "spec": spec}
    assembly = Assembly(Config(secure_port=0))
    client = Client(InProcess(await assembly.start()))
    await client.create(CRDS, {**definition, "metadata": {"name": "rules.x.example.com"}})
    rule = {"kind": "Rule", "apiVersion": "x.example.com/v1", "metadata": {"name": "a"}}
    async with asyncio.timeout(20):
        while True:
            try:
                await client.create(RULES, rule, "default")
                break
            except APIError as error:
                assert error.code == 404
                await asyncio.sleep(0.02)
    yield client
    await assembly.stop()


@pytest.mark.parametrize(
    ("metadata", "code", "message"),
    [
        (0, 400, 'Pod in version "v1" cannot be handled as a Rule: json: cannot unmarshal number'),
        ({"labels": 4}, 400, 'Pod in version "v1" cannot be handled as a Rule: json: cannot unmarshal number'),
        (None, 422, 'Pod.x.example.com "" is invalid: kind: Invalid value: "Pod": must be Rule'),
    ],
)
def test_a_custom_object_of_another_kind(metadata: Any, code: int, message: str) -> None:
    """Its kind is wrong, and its metadata no metadata."""

    async def scenario() -> None:
        async with rules_of_example() as client:
            document = {"kind": "Pod", "apiVersion": "x.example.com/v1", "metadata": metadata}
            with pytest.raises(APIError) as refusal:
                await client.create(RULES, document, "default")
        assert refusal.value.code == code
        assert message in refusal.value.message

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("patch", "code", "message"),
    [
        ({"kind": None}, 422, "Object 'Kind' is missing in '{"),
        ({"kind": ""}, 422, "Object 'Kind' is missing in '{"),
        ({"kind": {}}, 422, "json: cannot unmarshal object into Go struct field .kind of type string"),
        (
            {"apiVersion": {"a": 1}},
            422,
            "json: cannot unmarshal object into Go struct field .apiVersion of type string",
        ),
        ({"apiVersion": None}, 500, "Object 'apiVersion' is missing in 'object has no apiVersion field'"),
    ],
)
def test_a_custom_object_that_a_patch_makes_nameless(patch: Any, code: int, message: str) -> None:
    async def scenario() -> None:
        async with rules_of_example() as client:
            with pytest.raises(APIError) as refusal:
                await client.patch(RULES, "a", patch, "default")
        assert refusal.value.code == code
        assert message in refusal.value.message

    asyncio.run(scenario())
