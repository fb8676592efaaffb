"""What was before a watch began: as much as there is comes to who reads, and nothing stays behind of who does not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cluster_shim.apiserver.handlers import watch
from cluster_shim.apiserver.request import Request, Response
from cluster_shim.apiserver.watching import hub
from tests.apiserver.whole import ADMIN, Client, looped, whole

MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


async def _watch(client: Client, version: str, accept: str = "application/json", **query: str) -> Response:
    pairs = [("watch", "1"), ("resourceVersion", version), *query.items()]
    request = Request("GET", MAPS, query=pairs, headers=[("accept", accept)], raw_path=MAPS, user=ADMIN)
    return await client.server.handle(request, is_authenticated=True)


async def _events(stream: AsyncIterator[bytes], number: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async for piece in stream:
        found += [json.loads(line) for line in piece.splitlines()]
        if len(found) >= number:
            break
    return found


async def _make(client: Client, *names: str) -> str:
    for name in names:
        answer = await client("POST", MAPS, {"metadata": {"name": name}, "data": {"x": "x" * 50}})
        assert answer.status == 201
    return str(answer.body["metadata"]["resourceVersion"])


@looped
async def test_a_backlog_of_more_than_may_wait_is_sent_whole_and_in_order() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "PENDING_MAX_BYTES", 2000)
        patch.setattr(watch, "AT_ONCE", 3)
        async with whole() as client:
            first = await _make(client, "first")
            names = [f"m{number:03}" for number in range(100)]
            await _make(client, *names)
            response = await _watch(client, first)
            assert response.stream is not None
            piece = await anext(response.stream)
            await _make(client, "while-it-is-sent")
            rest = await asyncio.wait_for(_events(response.stream, 98), 5)
            found = [json.loads(line) for line in piece.splitlines()] + rest
            assert [each["object"]["metadata"]["name"] for each in found] == [*names, "while-it-is-sent"]


@looped
async def test_the_state_comes_in_parts_and_then_its_end() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch, "AT_ONCE", 3)
        async with whole() as client:
            await _make(client, *(f"m{number}" for number in range(7)))
            more = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
            for accept, columns in (("application/json", 0), (TABLE, 1)):
                response = await _watch(client, "", accept, **more)
                assert response.stream is not None
                listed = (await client("GET", MAPS)).body["items"]
                found = await asyncio.wait_for(_events(response.stream, len(listed) + 1), 5)
                assert [each["type"] for each in found] == ["ADDED"] * len(listed) + ["BOOKMARK"]
                assert sum(bool(each["object"].get("columnDefinitions")) for each in found) == columns


@looped
async def test_a_watch_that_is_refused_or_not_read_leaves_nothing() -> None:
    async with whole() as client:
        await _make(client, "a")
        before = client.server.hub.watching, len(client.server.hub._forms)
        refused = await _watch(
            client, "999999999", TABLE, sendInitialEvents="true", resourceVersionMatch="NotOlderThan"
        )
        assert refused.stream is not None
        assert [each["type"] for each in await _events(refused.stream, 1)] == ["ERROR"]
        await _watch(client, "1", TABLE)
        assert (client.server.hub.watching, len(client.server.hub._forms)) == before
