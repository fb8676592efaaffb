"""The guest of a session: booted for the first test that needs it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proxy.kernel.guest import Guest, missing


@pytest.fixture(scope="session")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """Return a guest that is up, or skip the test with the reason."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    running = Guest(tmp_path_factory.mktemp("guest"))
    yield running
    running.close()
