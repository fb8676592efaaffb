"""Diagnosis: why each node was refused, and the sentence that says so (upstream: framework/types.go, FitError)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.nodes import NodeColumns
from sched_core.framework.plugin import UNRESOLVABLE, Plugin, Verdicts
from sched_core.framework.preemption import Refusals
from sched_core.framework.status import EXTENDER, Code, Status


@dataclass
class Diagnosis:
    """The verdicts of one attempt over all rows."""

    nodes_total: int
    filters: tuple[Plugin, ...]
    codes: NDArray[np.int8]
    """int8[N]: code of each node; Success where it passed or was not looked at."""
    refused_by: NDArray[np.int16]
    """int16[N]: index in ``filters`` of the first plugin that said no, -1 elsewhere."""
    bits: NDArray[np.int64]
    """int64[N]: reason bits of that plugin."""
    reasons: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Index in ``filters`` -> reasons by bit."""
    absent: Status | None = None
    """The status of all nodes that no filter looked at: PreFilter refused the pod, or named other nodes."""
    absent_mask: NDArray[np.bool_] | None = None
    pre_filter_message: str = ""
    named_by: tuple[str, ...] = ()
    """The plugins whose PreFilter named the only nodes worth a look: they count among those that rejected the pod."""
    extender_reasons: dict[str, list[int]] = field(default_factory=dict)
    """What extenders said -> rows of which they said it, whatever plugins had said of them."""
    strangers: Counter[str] = field(default_factory=Counter)
    """What extenders said of nodes that are not there -> how many; they count in the message."""
    extenders_refused: bool = False
    """Whether extenders left another number of nodes than plugins: then they count among those that reject the pod."""

    @classmethod
    def of(cls, nodes: NodeColumns, filters: tuple[Plugin, ...]) -> Diagnosis:
        """Return the diagnosis of a pod that nobody has refused yet."""
        refused_by = np.full(nodes.count, -1, np.int16)
        size = nodes.snapshot_size
        return cls(size, filters, np.zeros(nodes.count, np.int8), refused_by, np.zeros(nodes.count, np.int64))

    def refuse(self, number: int, verdicts: Verdicts, candidates: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Note what a filter said of the candidates and return those that are left, bool[N]."""
        if not verdicts.bits.any():
            return candidates
        refused: NDArray[np.bool_] = candidates & (verdicts.bits != 0)
        if not refused.any():
            return candidates
        rows = np.flatnonzero(refused)  # mostly few
        self.refused_by[rows] = number
        self.bits[rows] = verdicts.bits[rows]
        self.codes[rows] = verdicts.code
        if verdicts.unresolvable is not None:
            self.codes[rows[verdicts.unresolvable[rows]]] = Code.UnschedulableAndUnresolvable
        self.reasons[number] = verdicts.reasons
        return candidates & ~refused

    def refuse_one(self, row: int, number: int, bits: int, reasons: tuple[str, ...], code: Code) -> None:
        """Note that a filter refused a node after all, whatever was said of it before."""
        self.refused_by[row], self.bits[row], self.codes[row] = number, bits, code
        self.reasons[number] = reasons

    def refuse_some(self, rows: NDArray[np.int64], refusals: Refusals) -> None:
        """Note that filters refused some of the rows after all."""
        for number, (reasons, code) in refusals.words.items():
            mine = np.flatnonzero(refusals.number == number)
            if len(mine):
                bits, refused = refusals.bits[mine], rows[mine]
                self.refused_by[refused], self.bits[refused] = number, bits & ~UNRESOLVABLE
                self.codes[refused] = np.where(bits & UNRESOLVABLE, Code.UnschedulableAndUnresolvable, code)
                self.reasons[number] = reasons

    def refuse_by_extenders(
        self, statuses: Mapping[str, Status], before: NDArray[np.int64], left: NDArray[np.int64],
        row_of: Mapping[str, int],
    ) -> None:  # fmt: skip
        """Note what extenders made of the feasible rows ``before`` int64[F]; ``left`` int64[L] are still feasible.

        A node that is gone without a word has no reason to count; preemption does not look at it.
        """
        self.extenders_refused = len(before) != len(left)
        self.codes[np.setdiff1d(before, left)] = Code.UnschedulableAndUnresolvable
        for name, status in statuses.items():
            row = row_of.get(name)
            if row is None:
                self.strangers[status.message] += 1
                continue
            self.refused_by[row], self.bits[row], self.codes[row] = -1, 0, status.code
            self.extender_reasons.setdefault(status.message, []).append(row)
            if self.absent_mask is not None:
                self.absent_mask[row] = False

    def forget(self, rows: NDArray[np.int32]) -> None:
        """Drop the verdicts of nodes that sampling did not reach."""
        self.refused_by[rows] = -1
        self.bits[rows] = 0
        self.codes[rows] = Code.Success

    def groups(self) -> list[tuple[str, tuple[str, ...], NDArray[np.int64]]]:
        """Return (plugin, reasons, rows) of each distinct refusal; the plugin is empty where PreFilter named others."""
        found = []
        for number, reasons in self.reasons.items():
            rows = np.flatnonzero(self.refused_by == number)
            bits = self.bits[rows]
            while len(rows):  # there are only a few distinct combinations of reasons
                same = bits == bits[0]
                mine = tuple(reason for bit, reason in enumerate(reasons) if int(bits[0]) >> bit & 1)
                found.append((self.filters[number].name, mine, rows[same]))
                rows, bits = rows[~same], bits[~same]
        if self.absent is not None and self.absent_mask is not None:
            absent = np.flatnonzero(self.absent_mask)
            if len(absent):
                found.append((self.absent.plugin, self.absent.reasons, absent))
        found += [(EXTENDER, (reason,), np.array(rows)) for reason, rows in self.extender_reasons.items()]
        return found

    @property
    def rejectors(self) -> tuple[frozenset[str], frozenset[str]]:
        """The plugins that rejected the pod, and those of them that answered Pending."""
        refused = [self.filters[number].name for number in np.unique(self.refused_by).tolist() if number >= 0]
        waiting = np.unique(self.refused_by[self.codes == Code.Pending]).tolist()
        pending = [self.filters[number].name for number in waiting if number >= 0]
        named = {*refused, *self.named_by}
        if self.absent is not None and self.absent.plugin:
            named.add(self.absent.plugin)
        if self.extenders_refused:
            named.add(EXTENDER)
        return frozenset(named), frozenset(pending)

    def histogram(self) -> Counter[str]:
        """Return how many nodes have each reason."""
        counts = self.strangers.copy()
        for _, reasons, rows in self.groups():
            for reason in reasons:
                counts[reason] += len(rows)
        return counts

    def message(self, post_filter_message: str = "") -> str:
        """Return the text of the FailedScheduling event."""
        text = f"0/{self.nodes_total} nodes are available:"
        if self.pre_filter_message:
            text += f" {self.pre_filter_message}."
        elif counts := self.histogram():
            text += " " + ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items())) + "."
        return f"{text} {post_filter_message}" if post_filter_message else text
