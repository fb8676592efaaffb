"""One task → its result: what a worker does, in a process of this machine or of another one."""

from __future__ import annotations

from typing import NamedTuple

from bench.compare.arrival import ArrivalInputs, bound_arrival, run_arrival
from bench.compare.fingerprint import code_digest
from bench.compare.policy import Policy
from bench.compare.record import Bound, Record
from bench.compare.timed import TimedInputs, run_timed
from sched_core import StowageError

Inputs = ArrivalInputs | TimedInputs
Result = Record | Bound


class Task(NamedTuple):
    """A run of a policy, or, without one, the bounds that it is held against."""

    key: str
    trace: str
    seed: int
    policy: Policy | None = None
    served_percent: int = 0
    """For bounds: what arrived up to there has been served by some policy."""

    @property
    def title(self) -> str:
        """Return what a person calls it, and its file."""
        return f"{self.trace}-{self.policy.label if self.policy else 'bounds'}-{self.seed}"


class OtherCode(StowageError):
    """A worker has other sources than this process, so its results would not be those of this version."""


def work(task: Task, inputs: Inputs, code: str) -> Result:
    """Work a task out; ``code`` is the hash of the sources that it is meant for. Raises StowageError."""
    if code_digest() != code:
        raise OtherCode("a worker has another version of stowage than this process: install the same everywhere")
    if isinstance(inputs, TimedInputs):
        assert task.policy is not None  # there are no bounds by time
        return run_timed(task.key, task.trace, inputs, task.policy, task.seed)
    if task.policy is None:
        return bound_arrival(task.key, task.trace, inputs, task.seed, task.served_percent)
    return run_arrival(task.key, task.trace, inputs, task.policy, task.seed)
