"""The scheduler: events and time in, bindings, patches, deletions and events out through a client."""

from sched_core.scheduler.client import Binding, Event, SchedulerClient
from sched_core.scheduler.scheduler import Scheduler

__all__ = ["Binding", "Event", "Scheduler", "SchedulerClient"]
