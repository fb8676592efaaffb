"""What preemption is told in: placed pods, candidates, an outcome, and a node tried out with other pods on it."""

from __future__ import annotations

from collections.abc import Hashable
from types import TracebackType
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.classes import PodClasses, PodInfo
from sched_core.columns.pods import PodTable
from sched_core.framework.status import Status


class PlacedPod(NamedTuple):
    """A pod on a node. Its record is that of its class: all but name, uid and times are its own."""

    number: int
    """Its number in the pod table."""
    info: PodInfo
    priority: int
    start_time: int
    """Nanoseconds since 1970; the largest int64 while the kubelet has told none."""

    @property
    def key(self) -> str:
        return self.info.key


class PodsByRow:
    """Some of the placed pods by the row of their node."""

    def __init__(self, pods: PodTable, classes: PodClasses, numbers: NDArray[np.int64]) -> None:
        self._pods, self._classes = pods, classes
        rows = pods.node_of[numbers]
        order = np.lexsort((pods.place[numbers], rows))
        self._numbers, self._rows = numbers[order], rows[order]

    def __getitem__(self, row: int) -> list[PlacedPod]:
        """Return the pods on a node, in their order there; none is no error."""
        first, last = np.searchsorted(self._rows, [row, row + 1])
        return [self._placed(number) for number in self._numbers[first:last].tolist()]

    def _placed(self, number: int) -> PlacedPod:
        pods, pod_class = self._pods, int(self._pods.class_of[number])
        info = PodInfo(self._classes.pods[pod_class], pod_class, self._classes, pods.key(number))
        return PlacedPod(number, info, int(pods.priority[number]), int(pods.start_time[number]))


class Candidate(NamedTuple):
    """A node on which preemption would help."""

    node: str
    victims: tuple[str, ...]
    """Keys of the pods that would have to go, the most important first."""
    pdb_violations: int
    """How many of them would break a disruption budget."""


class Preemption(NamedTuple):
    """What a PostFilter plugin found out about preemption for a pod; nobody has been evicted yet."""

    eligible: bool
    """Whether the pod may preempt others at all."""
    candidates: tuple[Candidate, ...] = ()
    tied: tuple[str, ...] = ()
    """Names of the nodes that no comparison tells apart, in the order in which they were looked at."""

    @property
    def chosen(self) -> Candidate | None:
        """The candidate that is taken: the first of the tied ones."""
        return self.of(self.tied[0]) if self.tied else None

    def of(self, node: str) -> Candidate:
        """Return the candidate of a node; raises KeyError if it is none."""
        for candidate in self.candidates:
            if candidate.node == node:
                return candidate
        raise KeyError(node)


class DryRun(Protocol):
    """A node with other pods on it than there are, for one pod; a context manager that leaves no trace."""

    def __enter__(self) -> DryRun: ...

    def __exit__(
        self, kind: type[BaseException] | None, reason: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def remove(self, placed: PlacedPod) -> None:
        """Take a pod of the node away."""

    def put_back(self, placed: PlacedPod) -> None:
        """Bring back a pod that was taken away."""

    def status(self) -> Status:
        """Run the filters of the profile; twice if pods are nominated to the node, with them and without."""


class DryRuns(Protocol):
    """The dry runs of one attempt."""

    def on(self, row: int) -> DryRun:
        """Return a dry run on a node."""

    def key(self, row: int) -> Hashable | None:
        """Return what a dry run depends on beside the pods that it takes away and puts back.

        Nodes of equal key answer alike. None if the answer depends on more than the node itself.
        """
