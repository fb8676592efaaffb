"""Light records of the other kinds that a scheduler reads: metadata, and the rest as it stands in the JSON.

Only the top level is known here; what is inside ``spec`` and ``status`` is neither checked nor typed.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from sched_core.objects.meta import ObjectMeta, Record
from sched_core.objects.pod import Int32

Fields = dict[str, Any]
"""A JSON object as it stands."""


class Other(Record, tag_field="kind"):
    """What all light records have."""

    api_version: str = ""
    metadata: ObjectMeta = field(default_factory=ObjectMeta)


class Service(Other, tag="Service"):
    """A service: its selector spreads pods by default."""

    spec: Fields = field(default_factory=dict)
    status: Fields = field(default_factory=dict)


class ReplicaSet(Other, tag="ReplicaSet"):
    """A replica set."""

    spec: Fields = field(default_factory=dict)
    status: Fields = field(default_factory=dict)


class StatefulSet(Other, tag="StatefulSet"):
    """A stateful set."""

    spec: Fields = field(default_factory=dict)
    status: Fields = field(default_factory=dict)


class ReplicationController(Other, tag="ReplicationController"):
    """A replication controller."""

    spec: Fields = field(default_factory=dict)
    status: Fields = field(default_factory=dict)


class PodDisruptionBudget(Other, tag="PodDisruptionBudget"):
    """How many pods of a set may be away."""

    spec: Fields = field(default_factory=dict)
    status: Fields = field(default_factory=dict)


class PriorityClass(Other, tag="PriorityClass"):
    """A named priority."""

    value: Int32 = 0
    global_default: bool = False
    description: str = ""
    preemption_policy: str | None = None
