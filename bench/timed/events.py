"""Which pods come and go when, in the order in which that counts.

At one instant first those go that had come before, then new ones come in the order of the trace, then those go that
came at this very instant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bench.traces.trace import Trace

_GO, _COME, _GO_AT_ONCE = range(3)


class Event(NamedTuple):
    """Pods that come, or that go, together."""

    time_s: float
    comes: bool
    pods: list[int]
    """Numbers in the trace."""


def events(trace: Trace) -> Iterator[Event]:
    """Yield what happens in a trace; pods that never go have no end."""
    ends = np.flatnonzero(np.isfinite(trace.deleted_s))
    at_once = trace.deleted_s[ends] <= trace.created_s[ends]
    time = np.concatenate([trace.created_s, trace.deleted_s[ends]])
    kind = np.concatenate([np.full(trace.count, _COME), np.where(at_once, _GO_AT_ONCE, _GO)])
    pod = np.concatenate([np.arange(trace.count), ends])
    order = np.lexsort((pod, kind, time))
    time, kind, pod = time[order], kind[order], pod[order]
    first = np.flatnonzero(np.concatenate([[True], (time[1:] != time[:-1]) | (kind[1:] != kind[:-1])]))
    bounds = [*first.tolist(), len(pod)]
    times, kinds, pods = time[first].tolist(), kind[first].tolist(), pod.tolist()
    for number, (at, which) in enumerate(zip(times, kinds, strict=True)):
        yield Event(at, which == _COME, pods[bounds[number] : bounds[number + 1]])
