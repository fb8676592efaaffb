"""Events of the core group and of events.k8s.io: the same object, some of whose fields have other names."""

from __future__ import annotations

from typing import Any

_NEW_NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_OLD_NAMES = {new: old for old, new in _NEW_NAMES.items()}


def to_new(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event of the core group as one of events.k8s.io."""
    return {_NEW_NAMES.get(name, name): value for name, value in event.items()}


def to_old(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event of events.k8s.io as one of the core group."""
    return {_OLD_NAMES.get(name, name): value for name, value in event.items()}
