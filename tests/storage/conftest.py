"""Fixtures of the tests of stores: a store of every driver, in its own event loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster_shim.storage.store import Store
from tests.storage.drivers import LOCAL, Make, etcd_at
from tests.storage.etcd_server import Etcd, missing
from tests.storage.running import run

Scenario = Callable[[Store], Coroutine[Any, Any, None]]


@pytest.fixture(scope="session")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """Return an etcd of one member that all tests use; skip the test if there is no program."""
    if reason := missing():
        pytest.skip(reason)
    with Etcd(tmp_path_factory.mktemp("etcd")) as server:
        yield server


@pytest.fixture(params=[*LOCAL, "etcd"])
def make(request: pytest.FixtureRequest) -> Make:
    """Return what makes a store of a driver."""
    if request.param != "etcd":
        return LOCAL[request.param]
    server: Etcd = request.getfixturevalue("etcd")
    server.wipe()
    return etcd_at(server.urls)


@pytest.fixture
def play(make: Make, tmp_path: Path) -> Callable[[Scenario], None]:
    """Return what runs a scenario on a started store and closes it."""

    def play_one(scenario: Scenario) -> None:
        async def whole() -> None:
            store = make(tmp_path)
            await store.start()
            try:
                await scenario(store)
            finally:
                await store.close()

        run(whole())

    return play_one
