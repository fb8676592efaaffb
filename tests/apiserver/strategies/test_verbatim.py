"""ControllerRevisions: their data is raw, and a patch is refused if it would spell them another way."""

from __future__ import annotations

import pytest

from tests.apiserver.whole import looped, whole

ALL = "/apis/apps/v1/namespaces/default/controllerrevisions"
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
COMPACT, SPACED, UNSORTED = b'{"a":1,"b":{"c":"d e"}}', b'{"a": 1}', b'{"b":1,"a":2}'


@pytest.mark.parametrize(
    ("data", "media_type", "status"),
    [
        (COMPACT, MERGE, 200),
        (COMPACT, STRATEGIC, 200),
        (SPACED, MERGE, 422),
        (SPACED, STRATEGIC, 422),
        (UNSORTED, MERGE, 200),
        (UNSORTED, STRATEGIC, 422),
    ],
)
@looped
async def test_a_patch_may_not_spell_data_anew(data: bytes, media_type: str, status: int) -> None:
    async with whole() as client:
        body = b'{"metadata": {"name": "r"}, "revision": 1, "data": %b}' % data
        assert (await client("POST", ALL, body)).status == 201
        patch = {"metadata": {"labels": {"owner": "x"}}}
        answer = await client("PATCH", f"{ALL}/r", patch, media_type)
        assert answer.status == status
        if status == 422:
            assert "data: Invalid value" in answer.body["message"]
            assert "field is immutable" in answer.body["message"]


@looped
async def test_what_a_patch_makes_of_data_is_refused() -> None:
    async with whole() as client:
        body = b'{"metadata": {"name": "r"}, "revision": 1, "data": %b}' % COMPACT
        assert (await client("POST", ALL, body)).status == 201
        assert (await client("PATCH", f"{ALL}/r", {"revision": 2}, MERGE)).status == 200
        assert (await client("PATCH", f"{ALL}/r", {"data": {"a": 2}}, MERGE)).status == 422
        kept = (await client("GET", f"{ALL}/r")).body
        assert (kept["revision"], kept["data"]) == (2, {"a": 1, "b": {"c": "d e"}})
