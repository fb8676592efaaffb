"""Fixtures: a stage for each mode that is tested."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proxy.packets.bed import can_be_made
from tests.proxy.packets.driver import MODES, missing
from tests.proxy.packets.stage import Stage, new_stage


@pytest.fixture(scope="session", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """Return a mode that works here, or skip the test with the reason."""
    found: str = request.param
    reason = can_be_made() or missing(found)
    if reason:
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def stage(mode: str) -> Iterator[Stage]:
    """Return a stage that the tests of a module share."""
    with new_stage(mode) as found:
        yield found
