"""Conditions of a status: set by type, with the time at which the status last changed."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def find(conditions: list[Object] | None, kind: str) -> Object | None:
    """Return the condition of a type."""
    return next((each for each in conditions or () if each.get("type") == kind), None)


def with_condition(conditions: list[Object] | None, condition: Object, now: str) -> list[Object]:
    """Return conditions with one put in place of that of its type; its time stays if its status does."""
    kind = condition["type"]
    before = find(conditions, kind)
    same = before is not None and before.get("status") == condition.get("status")
    time = before.get("lastTransitionTime") if before is not None and same else now
    new = {**condition, "lastTransitionTime": time}
    if before is None:
        return [*(conditions or ()), new]
    return [new if each is before else each for each in conditions or ()]


def pod_condition(kind: str, reason: str = "", message: str = "") -> Object:
    """Return a condition of a pod that is true, without its time."""
    condition = {"type": kind, "status": "True", "lastProbeTime": None}
    return {**condition, **{name: text for name, text in (("reason", reason), ("message", message)) if text}}
