"""A server starts and ends as a whole, whatever happens to a part of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cluster_shim.apiserver import assembly
from cluster_shim.apiserver.assembly import Assembly
from cluster_shim.apiserver.authentication.token_file import TokenFileError
from cluster_shim.apiserver.bootstrap.flow_schemas import FlowSchemas
from cluster_shim.apiserver.config import Config
from cluster_shim.storage.store import Unavailable
from tests.apiserver.whole import looped, whole


@looped
async def test_a_start_that_fails_lets_go_of_the_store(tmp_path: Path) -> None:
    with pytest.raises(TokenFileError):
        await Assembly(Config(data=tmp_path, token_auth_file=tmp_path / "missing.csv")).start()
    async with whole(Config(data=tmp_path, secure_port=0)) as client:
        assert (await client("GET", "/api/v1/namespaces/default")).status == 200


def test_what_goes_on_beside_requests_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "RESTART_SECONDS", 0.01)
    calls: list[str] = []
    went_on = asyncio.Event()
    sync = FlowSchemas.sync

    async def failing(schemas: Any) -> None:
        calls.append("sync")
        match len(calls):
            case 1:  # of the start
                await sync(schemas)
            case 2:
                raise Unavailable("the store is away")
            case 3:
                raise ValueError("a defect")
            case _:
                went_on.set()

    monkeypatch.setattr(FlowSchemas, "sync", failing)

    async def run() -> None:
        async with whole():
            await asyncio.wait_for(went_on.wait(), 10)

    asyncio.run(run())
    assert len(calls) >= 4
