"""Runner: when a proxier syncs; upstream's bounded-frequency runner as a state machine, with the clock as argument.

Upstream: pkg/util/async (bounded frequency runner, without bursts since 1.34). All times are nanoseconds of one clock
that never goes back. Nothing here waits.
"""

from __future__ import annotations

from typing import NamedTuple

from proxy_core.config.types import KubeProxyConfiguration
from proxy_core.proxier import FULL_SYNC_PERIOD


class Intervals(NamedTuple):
    """How often a proxier syncs, in nanoseconds."""

    least: int
    """From the end of a sync to the begin of the next one."""
    retry: int
    """From a failed sync to the next try."""
    most: int
    """From a sync to the next one, if nothing asks for it."""


def intervals_of(config: KubeProxyConfiguration, mode: str) -> Intervals:
    """Return the intervals of a mode: IPVS is written again each sync period, the others each hour."""
    section = config.section(mode)
    most = section.sync_period if mode == "ipvs" else FULL_SYNC_PERIOD
    return Intervals(section.min_sync_period, section.sync_period, most)


class Runner:
    """Says when to sync next. Requests coalesce; after a failure a sync is due without a request."""

    def __init__(self, intervals: Intervals) -> None:
        self._intervals = intervals
        self._requested = False
        self._rests_until: int | None = None
        self._timer: int | None = None

    @property
    def requested(self) -> bool:
        """Whether somebody waits for a sync."""
        return self._requested

    def request(self) -> None:
        """Ask for a sync as soon as it may be."""
        self._requested = True

    def due_at(self) -> int | None:
        """Return when the next sync is due, a time that may have passed; None before the first request."""
        rests_until, timer = self._rests_until, self._timer
        if rests_until is None or timer is None:
            return 0 if self._requested else None
        return rests_until if self._requested else max(timer, rests_until)

    def is_due(self, now: int) -> bool:
        """Tell whether to sync now."""
        due = self.due_at()
        return due is not None and due <= now

    def begin(self) -> None:
        """Note that a sync begins: what is asked from here on is for the next one."""
        self._requested = False

    def end(self, now: int, *, succeeded: bool) -> None:
        """Note that the sync has ended."""
        least, retry, most = self._intervals
        self._rests_until = now + least
        self._timer = now + (most if succeeded else min(retry, most))
