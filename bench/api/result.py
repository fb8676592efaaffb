"""What was measured of one API server, with the machine it was measured on."""

from __future__ import annotations

from msgspec import Struct

from bench.machine import Machine


class Result(Struct, frozen=True, kw_only=True):
    """One run over TLS, the client in a process of its own. ``None``: not measured (the server is not ours)."""

    server: str
    """Its version, as /version has it."""
    nodes: int
    pods: int
    connections: int
    creates_per_second: float
    """Pods of one template, as controllers make them: only their names differ."""
    distinct_creates_per_second: float
    """Pods whose specs all differ."""
    binds_per_second: float
    """Through pods/binding."""
    gets_per_second: float
    watchers: int
    changes_per_second: float
    """What was written while watchers were told."""
    watch_lag_ms_p50: float
    watch_lag_ms_p99: float
    """From before the write until a watcher has read the event; over all watchers and events."""
    list_seconds: float
    """All nodes, in pages of 500."""
    list_pods_seconds: float
    """All pods, in pages of 500."""
    rss_bytes: int | None
    """Of the server, with all nodes and pods."""
    start_seconds: float | None
    """From the start of the process with that state on disk until it answers."""
    version: str
    created: str
    machine: Machine
