"""No client notices anything: neither of changes, nor of what happens to the proxy.

The suite runs a short form; ``STOWAGE_FULL=1`` (make continuity) makes it 1,000 changes.
"""

from __future__ import annotations

import os

from tests.proxy.packets.commotion import CLIENTS, Commotion
from tests.proxy.packets.driver import MODES, missing
from tests.proxy.packets.stage import new_stage

CHANGES, EVENTS = (1000, 2) if os.environ.get("STOWAGE_FULL") else (40, 1)


def test_no_connection_fails(mode: str) -> None:
    others = tuple(each for each in MODES if each != mode and not missing(each))
    with new_stage(mode) as stage:
        result = Commotion(stage, mode, others, seed=7).run(CHANGES, EVENTS)
    print(f"{mode}: {result}")
    assert result.report.failures == []
    assert result.report.opened > 5 * CLIENTS
    assert result.report.exchanges > 5 * CLIENTS
