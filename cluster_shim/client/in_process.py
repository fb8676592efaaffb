"""In process: requests go to a server by a call, without a socket and without a token; the user is named."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from cluster_shim.apiserver.request import Request, UserInfo
from cluster_shim.apiserver.server import Server
from cluster_shim.client.transport import Answer, Pairs

ADMIN = UserInfo("system:apiserver", groups=("system:masters", "system:authenticated"))


class InProcess:
    """A transport to a server of this process."""

    def __init__(self, server: Server, user: UserInfo = ADMIN) -> None:
        self._server = server
        self._user = user

    async def request(
        self, method: str, path: str, query: Pairs = (), headers: Pairs = (), body: bytes = b"", streams: bool = False
    ) -> Answer:
        """Hand a request to the server."""
        lower = [(name.lower(), value) for name, value in headers]
        request = Request(method, path, list(query), lower, body, raw_path=path, user=self._user)
        response = await self._server.handle(request, is_authenticated=True)
        answer = Answer(response.status, [("content-type", response.content_type), *response.headers], response.body)
        if response.stream is not None:
            if streams:
                answer.stream = response.stream
            else:
                answer.body = await _whole(response.stream)
        return answer

    async def close(self) -> None:
        """Do nothing: the server is not the client's."""


async def _whole(stream: AsyncGenerator[bytes, None]) -> bytes:
    return b"".join([piece async for piece in stream])
