"""One task → its result: what a worker does, in a process of this machine or of another one."""

from __future__ import annotations

from typing import NamedTuple

from bench.compare.arrival import ArrivalInputs, bound_arrival, run_arrival
from bench.compare.fingerprint import code_digest
from bench.compare.policy import Policy
from bench.compare.record import Bound, Record
from bench.compare.timed import TimedInputs, run_timed
from cluster_shim.scheduler.watchdog import CallHangs, watching
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
    if task.policy is None:
        assert isinstance(inputs, ArrivalInputs)  # there are no bounds by time
        return bound_arrival(task.key, task.trace, inputs, task.seed, task.served_percent)
    try:
        with watching(task.policy.code(), error=CallHangs):
            return _run(task, inputs, task.policy)
    except CallHangs as reason:
        where = str(reason)
    # Outside the block, since it would come along: other processes do not know the class that the watchdog made.
    raise CallHangs(f"policy {task.policy.name}: {where}")


def _run(task: Task, inputs: Inputs, policy: Policy) -> Record:
    if isinstance(inputs, TimedInputs):
        return run_timed(task.key, task.trace, inputs, policy, task.seed)
    return run_arrival(task.key, task.trace, inputs, policy, task.seed)
