"""The scheduling queue: which pod is tried next, and when a pod that failed is tried again.

A pure module: no threads, nothing sleeps, and time is an argument (``now``, nanoseconds since the Unix epoch) of each
call that needs it. Nothing is decided about nodes here. Source: pkg/scheduler/backend/queue.
"""

from sched_core.queue.event_handlers import EventHandlers
from sched_core.queue.flushes import PeriodicFlushes
from sched_core.queue.hints import QueueingHintMap, build_queueing_hint_map
from sched_core.queue.nominator import QueueNominator
from sched_core.queue.queued_pod_info import QueuedPodInfo
from sched_core.queue.scheduling_queue import PriorityQueue

__all__ = [
    "EventHandlers",
    "PeriodicFlushes",
    "PriorityQueue",
    "QueueNominator",
    "QueuedPodInfo",
    "QueueingHintMap",
    "build_queueing_hint_map",
]
