"""A whole server in a thread, and a client that speaks JSON to it."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

from cluster_shim.apiserver.assembly import Assembly
from cluster_shim.apiserver.config import Config

WAIT_SECONDS = 20
ADMIN = 't-admin,admin,u-1,"system:masters"\n'


class Running(NamedTuple):
    """A server that runs; the client is an administrator."""

    port: int
    folder: Path

    def call(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of an answer."""
        context = ssl.create_default_context(cafile=str(self.folder / "pki" / "ca.crt"))
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=WAIT_SECONDS)
        headers = {"Content-Type": content_type, "Authorization": "Bearer t-admin"}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        data = json.loads(answer.read())
        connection.close()
        return answer.status, data

    def made(self, path: str, body: Any) -> dict[str, Any]:
        """Return what a POST makes."""
        status, answer = self.call("POST", path, body)
        assert status == 201, answer
        return answer


@contextmanager
def running(folder: Path, users: str = ADMIN, data: Path | None = None, **flags: Any) -> Iterator[Running]:
    """Run a server in a folder, with users as a token file has them; `data` may be a file in it."""
    (folder / "tokens.csv").write_text(users)
    loop, done, started, ports = asyncio.new_event_loop(), asyncio.Event(), Event(), []

    async def run() -> None:
        assembly = Assembly(Config(data=data or folder, secure_port=0, token_auth_file=folder / "tokens.csv", **flags))
        await assembly.start()
        ports.append(await assembly.listen())
        started.set()
        await done.wait()
        await assembly.stop()

    thread = Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    assert started.wait(WAIT_SECONDS)
    try:
        yield Running(ports[0], folder)
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(WAIT_SECONDS)
        loop.close()
