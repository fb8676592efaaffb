"""HTTP extenders (upstream: pkg/scheduler/extender.go): whom they are asked about, what they say, what it means."""

from sched_core.extender.chain import Extenders
from sched_core.extender.client import Connect, Transport

__all__ = ["Connect", "Extenders", "Transport"]
