"""Every event of a watch is in the media type that was negotiated, errors too."""

from __future__ import annotations

import json

import pytest

from cluster_shim.api.codec import decode, wire
from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.apiserver.request import Request
from tests.apiserver.whole import ADMIN, Client, looped, whole

STATUS = GroupVersionKind("", "v1", "Status")
CONFIG_MAP = GroupVersionKind("", "v1", "ConfigMap")
PROTOBUF = "application/vnd.kubernetes.protobuf"


async def first_piece(client: Client, accept: str, after: str) -> bytes:
    query = [("watch", "true"), ("resourceVersion", after), ("timeoutSeconds", "1")]
    path = "/api/v1/namespaces/default/configmaps"
    request = Request("GET", path, query=query, headers=[("accept", accept)], body=b"", raw_path=path, user=ADMIN)
    answer = await client.server.handle(request, is_authenticated=True)
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
