"""Fixtures: one bed a session with servers for all its pods, and a proxy for each mode that is tested."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proxy.packets.bed import Bed, can_be_made
from tests.proxy.packets.driver import MODES, Proxy, missing
from tests.proxy.packets.servers import Servers
from tests.proxy.packets.stage import Stage, serve_pods


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Return servers that serve nothing yet."""
    with Servers() as running:
        yield running


@pytest.fixture(scope="module", params=MODES)
def stage(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Stage]:
    """Return a bed with a proxy of a mode in its node, or skip the test with the reason."""
    mode: str = request.param
    reason = can_be_made() or missing(mode)
    if reason:
        pytest.skip(reason)
    with Bed() as bed:
        serve_pods(bed, servers)
        yield Stage(bed, servers, Proxy(bed, mode))
        servers.clear()
