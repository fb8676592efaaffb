"""Fixtures of the tests of stores: a store of every driver, in its own event loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from cluster_shim.storage.store import Store
from tests.storage.drivers import LOCAL, Make
from tests.storage.running import run

Scenario = Callable[[Store], Coroutine[Any, Any, None]]


@pytest.fixture(params=LOCAL)
def make(request: pytest.FixtureRequest) -> Make:
    """Return what makes a store of a driver."""
    return LOCAL[request.param]


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
