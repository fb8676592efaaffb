"""Queueing hints of DefaultPreemption (upstream: plugins/defaultpreemption)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from plugins.helper.hints import on
from sched_core import ActionType, EventResource, QueueingHint

if TYPE_CHECKING:
    from sched_core import ClusterEventWithHint, Pod


def events_to_register() -> Sequence[ClusterEventWithHint]:
    """Return what DefaultPreemption registers: it lets PreEnqueue be asked again, and never says more than that."""
    return (on(EventResource.Pod, ActionType.Delete, never),)


def never(pod: Pod, old: Any, new: Any) -> QueueingHint:
    """Skip: a pod that waits for its victims is activated when they are gone."""
    return QueueingHint.QueueSkip
