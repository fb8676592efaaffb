"""Pod conditions that the scheduler sets, and whether setting one changes anything (upstream: api/v1/pod/util.go)."""

from __future__ import annotations

from sched_core.objects.pod import PodCondition
from sched_core.objects.records import Pod
from sched_core.objects.times import rfc3339


def updated_condition(
    pod: Pod, condition_type: str, status: str, reason: str, message: str, now: int
) -> PodCondition | None:
    """Return the condition that a pod gets at the time ``now`` (nanoseconds); None if it has it already.

    The time of the last transition stays unless the status changes; a newer generation alone changes nothing.
    """
    old = next((each for each in pod.status.conditions if each.type == condition_type), None)
    if (
        old is not None
        and (old.status, old.reason, old.message) == (status, reason, message)
        and old.last_probe_time is None
    ):
        return None
    keeps_time = old is not None and old.status == status
    return PodCondition(
        type=condition_type, status=status, reason=reason, message=message,
        last_transition_time=old.last_transition_time if old is not None and keeps_time else rfc3339(now),
        observed_generation=pod.metadata.generation or None,
    )  # fmt: skip
