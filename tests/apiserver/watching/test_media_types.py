"""Every event of a watch is in the media type that was negotiated, errors too."""

from __future__ import annotations

import json

import pytest

from cluster_shim.api.codec import decode, protobuf, wire
from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.apiserver.request import Request, Response
from tests.apiserver.whole import ADMIN, Client, looped, whole

STATUS = GroupVersionKind("", "v1", "Status")
CONFIG_MAP = GroupVersionKind("", "v1", "ConfigMap")
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PROTOBUF = "application/vnd.kubernetes.protobuf"


async def asked(client: Client, method: str, path: str, accept: str, **query: str) -> Response:
    headers, pairs = [("accept", accept)], list(query.items())
    request = Request(method, path, query=pairs, headers=headers, body=b"", raw_path=path, user=ADMIN)
    return await client.server.handle(request, is_authenticated=True)


async def first_piece(client: Client, accept: str, after: str, path: str = CONFIG_MAPS) -> bytes:
    query = {"watch": "true", "resourceVersion": after, "timeoutSeconds": "1"}
    answer = await asked(client, "GET", path, accept, **query)
    assert answer.status == 200
    assert answer.stream is not None
    return await anext(answer.stream)


def read_event(frame: bytes) -> tuple[str, bytes]:
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    of = {number: value for number, _, value in wire.fields(frame[4:])}
    kind, raw = of[1], of[2]
    assert isinstance(kind, bytes)
    assert isinstance(raw, bytes)
    [(_, _, body)] = wire.fields(raw)
    assert isinstance(body, bytes)
    return kind.decode(), body


@looped
async def test_that_history_is_gone_is_said_in_json_and_in_protobuf() -> None:
    async with whole() as client:
        store = client.server.registry.store
        await client("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "x"}})
        await store.compact(store.revision)
        event = json.loads(await first_piece(client, "application/json", "1"))
        assert event["type"] == "ERROR"
        assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
        kind, body = read_event(await first_piece(client, PROTOBUF, "1"))
        assert kind == "ERROR"
        assert decode(body, PROTOBUF, STATUS).object["message"] == event["object"]["message"]


@pytest.mark.parametrize("accept", [PROTOBUF, f"{PROTOBUF},application/json", f"application/json;q=0.5,{PROTOBUF}"])
def test_objects_are_in_protobuf_where_that_is_accepted(accept: str) -> None:
    @looped
    async def test() -> None:
        async with whole() as client:
            before = str(client.server.registry.store.revision)
            await client("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "x"}})
            kind, body = read_event(await first_piece(client, accept, before))
            assert kind == "ADDED"
            assert decode(body, PROTOBUF, CONFIG_MAP).object["metadata"]["name"] == "x"

    test()


@looped
async def test_custom_resources_are_in_json_and_their_metadata_in_protobuf() -> None:
    definitions, lamps = (
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/apis/t.io/v1/namespaces/default/lamps",
    )
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": "t.io", "scope": "Namespaced", "names": {"plural": "lamps", "kind": "Lamp"}, "versions": [version]}
    accept = f"{PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
    metadata = GroupVersionKind("meta.k8s.io", "v1", "PartialObjectMetadata")
    async with whole() as client:
        await client("POST", definitions, {"metadata": {"name": "lamps.t.io"}, "spec": spec})
        await client.until(lamps, lambda answer: answer.status == 200)
        before = str(client.server.registry.store.revision)
        await client("POST", lamps, {"kind": "Lamp", "apiVersion": "t.io/v1", "metadata": {"name": "x"}})
        _, body = read_event(await first_piece(client, accept, before, lamps))
        gvk, message = protobuf.open_envelope(body, metadata)
        assert gvk == metadata
        assert b"\n\x01x\x12" in message  # its name
        for method in ("GET", "DELETE"):
            answer = await asked(client, method, lamps, f"{PROTOBUF},application/json")
            assert answer.content_type == "application/json"
            assert [each["metadata"]["name"] for each in json.loads(answer.body)["items"]] == ["x"]
        assert (await asked(client, "GET", lamps, PROTOBUF)).status == 406
