"""What the scheduler asks of the API server, and in which form. Nothing is sent here.

Whoever implements `SchedulerClient` owns sockets and retries. A call must not call the scheduler back: what comes of it
is told later, by the informers, `Scheduler.binding_finished` or `Scheduler.deletion_finished`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from sched_core.framework.status import Status
from sched_core.objects.pod import PodCondition
from sched_core.objects.records import AnyObject, Pod

NOTE_LIMIT = 1024
"""Bytes of a note that the API server takes."""
_CUT = " ..."


class Binding(Struct, frozen=True, gc=False):
    """A pod that is to run on a node; it is bound by its uid, so that one that was created again is not."""

    pod: Pod
    node_name: str


class Event(Struct, frozen=True, gc=False):
    """An event of events.k8s.io/v1."""

    type: str
    """Normal or Warning."""
    reason: str
    action: str
    regarding: Pod
    note: str
    reporting_controller: str
    """The scheduler name of the profile."""
    related: Pod | None = None


class SchedulerClient(Protocol):
    """The API server as the scheduler sees it. A status of None is told later."""

    def bind(self, bindings: Sequence[Binding]) -> Sequence[Status | None]:
        """Bind pods to nodes, and tell of each how it went."""

    def patch_status(self, pod: Pod, condition: PodCondition | None, nominated_node_name: str | None) -> None:
        """Patch the status of a pod with a condition, a nomination (empty: none any more) or both; None leaves it."""

    def delete(self, pod: Pod, condition: PodCondition | None) -> Status | None:
        """Patch the status of a pod with a condition if there is one, then delete the pod; gone is as good."""

    def record_event(self, event: Event) -> None:
        """Publish an event; this cannot fail."""

    def write(self, record: AnyObject) -> Status:
        """Write an object that PreBind has changed (a volume or a claim)."""


def cut(note: str) -> str:
    """Return a note as long as the API server takes it."""
    encoded = note.encode()
    if len(encoded) <= NOTE_LIMIT:
        return note
    return encoded[: NOTE_LIMIT - len(_CUT)].decode(errors="ignore") + _CUT
