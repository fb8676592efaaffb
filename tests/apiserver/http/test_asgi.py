"""What becomes of a body on its way from the socket to the server."""

from __future__ import annotations

from typing import Any

from cluster_shim.apiserver.http.asgi import Application
from tests.apiserver.whole import looped, whole

PATH = "/api/v1/namespaces/default/configmaps/kept"
KEPT = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "kept"}}


def _scope(method: str, length: int) -> dict[str, Any]:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(length).encode())]
    return {"type": "http", "method": method, "raw_path": PATH.encode(), "query_string": b"", "headers": headers}


@looped
async def test_a_body_that_ends_before_its_end_is_not_taken_for_the_whole() -> None:
    """The options of a delete, of which nothing came: without them it would be another delete."""
    async with whole() as client:
        await client("POST", PATH.removesuffix("/kept"), KEPT)
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        for pieces in ([], [{"type": "http.request", "body": b" ", "more_body": True}]):
            messages = iter(pieces)

            async def receive() -> dict[str, Any]:
                return next(messages, {"type": "http.disconnect"})  # noqa: B023

            await Application(client.server)(_scope("DELETE", 100), receive, send)
            assert [each["status"] for each in sent if "status" in each] == [400]
            sent.clear()
        assert (await client("GET", PATH)).status == 200
