"""A whole server without a socket: requests go straight to it."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from cluster_shim.apiserver.assembly import Assembly
from cluster_shim.apiserver.config import Config
from cluster_shim.apiserver.request import Request, UserInfo
from cluster_shim.apiserver.server import Server

ADMIN = UserInfo("admin", "u-1", ("system:masters", "system:authenticated"))


class Answer(NamedTuple):
    status: int
    body: Any
    warnings: list[str]


class Client:
    """Asks a server."""

    def __init__(self, server: Server) -> None:
        self.server = server

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        media_type: str = "application/json",
        user: UserInfo = ADMIN,
    ) -> Answer:
        plain, _, query = path.partition("?")
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        request = Request(
            method,
            plain,
            query=parse_qsl(query, keep_blank_values=True),
            headers=[("content-type", media_type), ("accept", "application/json")],
            body=data,
            raw_path=plain,
            user=user,
        )
        answer = await self.server.handle(request, is_authenticated=True)
        warnings = [value for name, value in answer.headers if name == "Warning"]
        is_json = answer.content_type == "application/json"
        return Answer(answer.status, json.loads(answer.body) if is_json else answer.body.decode(), warnings)

    async def until(self, path: str, reached: Callable[[Answer], bool]) -> Answer:
        """Get an object until it is as expected; return the last answer."""
        for _ in range(200):
            answer = await self("GET", path)
            if reached(answer):
                break
            await asyncio.sleep(0.01)
        return answer


@asynccontextmanager
async def whole(config: Config | None = None) -> AsyncIterator[Client]:
    """Run a server that keeps nothing, or what a Config says."""
    assembly = Assembly(config or Config(secure_port=0))
    try:
        yield Client(await assembly.start())
    finally:
        await assembly.stop()


def looped(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make a test of a coroutine."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run
