"""The PodGroup of the scheduler-plugins project: how many of its pods must run for any of them to run.

Source: apis/scheduling/v1alpha1 types.go. Kubernetes has a PodGroup of its own, in another API group.
"""

from __future__ import annotations

from msgspec import field

from sched_core.objects.meta import Record, Resources
from sched_core.objects.others import Other
from sched_core.objects.pod import Int32


class PodGroupSpec(Record):
    """What a group needs."""

    min_member: Int32 = 0
    min_resources: Resources | None = None
    """None and empty differ: with an empty one there must still be room for the pods."""
    schedule_timeout_seconds: Int32 | None = None


class PodGroupStatus(Record):
    """What is known about a group."""

    phase: str = ""
    occupied_by: str = ""
    running: Int32 = 0
    succeeded: Int32 = 0
    failed: Int32 = 0
    schedule_start_time: str | None = None


class PodGroup(Other, tag="PodGroup"):
    """Pods with the label ``scheduling.x-k8s.io/pod-group`` that are scheduled together."""

    spec: PodGroupSpec = field(default_factory=PodGroupSpec)
    status: PodGroupStatus = field(default_factory=PodGroupStatus)
