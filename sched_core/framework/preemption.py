"""What preemption is told in: placed pods, candidates, an outcome, and nodes tried out with other pods on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.classes import PodClasses, PodInfo
from sched_core.columns.pods import PodTable
from sched_core.framework.plugin import UNRESOLVABLE
from sched_core.framework.status import Code, Status
from sched_core.objects.records import Pod


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


class PlacedPods:
    """Some of the placed pods, in the order in which they came."""

    def __init__(self, pods: PodTable, classes: PodClasses, numbers: NDArray[np.int64]) -> None:
        self._pods, self._classes, self._numbers = pods, classes, numbers

    def on(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return those on the nodes ``rows`` int64[C], node by node: at[P], which is an index in ``rows``, and their
        numbers[P] in the pod table."""
        node_of = self._pods.node_of[self._numbers]
        index = np.full(int(max(node_of.max(initial=-1), rows.max(initial=-1))) + 1, -1)
        index[rows] = np.arange(len(rows))
        at = index[node_of]
        there = np.flatnonzero(at >= 0)
        there = there[np.lexsort((self._pods.place[self._numbers[there]], at[there]))]
        return at[there], self._numbers[there]

    def placed(self, number: int) -> PlacedPod:
        """Return the pod of a number in the pod table."""
        pods, pod_class = self._pods, int(self._pods.class_of[number])
        info = PodInfo(self._classes.pods[pod_class], pod_class, self._classes, pods.key(number))
        return PlacedPod(number, info, int(pods.priority[number]), int(pods.start_time[number]))

    def classes(self, numbers: NDArray[np.int64]) -> NDArray[np.int32]:
        return self._pods.class_of[numbers]

    def priorities(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._pods.priority[numbers]

    def start_times(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return nanoseconds since 1970; the largest int64 while the kubelet has told none."""
        return self._pods.start_time[numbers]

    def pod_of(self, pod_class: int) -> Pod:
        """Return a pod of a class: all but name, uid and times are its own."""
        return self._classes.pods[pod_class]

    def __getitem__(self, row: int) -> list[PlacedPod]:
        """Return the pods on a node; none is no error."""
        return [self.placed(number) for number in self.on(np.array([row]))[1].tolist()]


class Candidate(NamedTuple):
    """A node on which preemption would help."""

    node: str
    victims: Sequence[str]
    """Keys of the pods that would have to go, the most important first; to be read before pods come or go."""
    pdb_violations: int
    """How many of them would break a disruption budget."""

    def kept(self) -> Candidate:
        """Return the same, with victims that stay known when pods come and go."""
        return self._replace(victims=tuple(self.victims))


class Preemption(NamedTuple):
    """What a PostFilter plugin found out about preemption for a pod; nobody has been evicted yet."""

    eligible: bool
    """Whether the pod may preempt others at all."""
    candidates: Sequence[Candidate] = ()
    tied: tuple[str, ...] = ()
    """Names of the nodes that no comparison tells apart, in the order in which they were looked at."""

    @property
    def chosen(self) -> Candidate | None:
        """The candidate that is taken: the first of the tied ones."""
        return self.of(self.tied[0]) if self.tied else None

    def kept(self) -> Preemption:
        """Return the same, with victims that stay known when pods come and go."""
        return self._replace(candidates=tuple(each.kept() for each in self.candidates))

    def of(self, node: str) -> Candidate:
        """Return the candidate of a node; raises KeyError if it is none."""
        for candidate in self.candidates:
            if candidate.node == node:
                return candidate
        raise KeyError(node)


class Refusals(NamedTuple):
    """What the filters of a profile say of some nodes."""

    number: NDArray[np.int16]
    """int16[C]: index, among the filters, of the first that says no; -1 where all pass."""
    bits: NDArray[np.int64]
    """int64[C]: reason bits of that filter, and UNRESOLVABLE where removing pods would not help."""
    words: Mapping[int, tuple[tuple[str, ...], Code]]
    """Index of a filter -> its reasons by bit, and the code of what can be resolved."""

    @property
    def passed(self) -> NDArray[np.bool_]:
        """bool[C]: the nodes on which no filter says no."""
        return self.number < 0

    def statuses(self, among: NDArray[np.bool_]) -> Counter[Status]:
        """Return how many of the nodes of ``among`` bool[C] are refused with which status."""
        found: Counter[Status] = Counter()
        left = np.flatnonzero(among & ~self.passed)
        while len(left):  # there are only a few distinct ones
            number, bits = int(self.number[left[0]]), int(self.bits[left[0]])
            same = (self.number[left] == number) & (self.bits[left] == bits)
            reasons, code = self.words[number]
            code = Code.UnschedulableAndUnresolvable if bits & UNRESOLVABLE else code
            status = Status(code, tuple(text for bit, text in enumerate(reasons) if bits >> bit & 1))
            found[status] += int(np.count_nonzero(same))
            left = left[~same]
        return found


class DryRunRows(Protocol):
    """Some nodes at once, each with other pods on it than there are, for one pod.

    Nodes are told by their index in the rows that were asked for (``at`` int64[P]), pods by their number in the pod
    table (int64[P]). Nothing but a copy changes.
    """

    def remove(self, at: NDArray[np.int64], numbers: NDArray[np.int64]) -> None:
        """Take pods away, each from the node that it is on."""

    def put_back(self, at: NDArray[np.int64], numbers: NDArray[np.int64]) -> None:
        """Bring back pods that were taken away."""

    def refusals(self) -> Refusals:
        """Run the filters of the profile on all nodes; twice where pods are nominated to one, with them and without."""


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

    def on_rows(self, rows: NDArray[np.int64]) -> DryRunRows | None:
        """Return a dry run on many nodes, int64[C], at once; None if each of them has to be tried alone.

        That is so if a filter that matters for this pod reads more of the placed pods than the columns of a node, or if
        one fails.
        """
