"""The timeout of a request's URL: looked at before all else, but not for what lasts as long as its client likes."""

from __future__ import annotations

import pytest

from cluster_shim.apiserver.request import Request
from tests.apiserver.whole import ADMIN, looped, whole

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
MESSAGE = "invalid timeout specified in the request URL - time: "


@pytest.mark.parametrize("path", ["/version", "/readyz", "/nothing", CONFIG_MAPS])
@pytest.mark.parametrize(
    ("text", "problem"), [("soon", 'invalid duration "soon"'), ("3", 'missing unit in duration "3"')]
)
def test_what_is_no_duration_is_refused(path: str, text: str, problem: str) -> None:
    @looped
    async def test() -> None:
        async with whole() as client:
            answer = await client("GET", f"{path}?timeout={text}")
            assert answer.status == 400
            assert answer.body["message"] == MESSAGE + problem

    test()


@looped
async def test_durations_are_taken_and_watches_are_not_asked() -> None:
    async with whole() as client:
        for path in ("/version?timeout=3m", f"{CONFIG_MAPS}?timeout=0s"):
            assert (await client("GET", path)).status == 200
        query = [("watch", "1"), ("timeout", "soon")]
        request = Request("GET", CONFIG_MAPS, query=query, headers=[], body=b"", raw_path=CONFIG_MAPS, user=ADMIN)
        assert (await client.server.handle(request, is_authenticated=True)).status == 200
