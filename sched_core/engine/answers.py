"""What plugins answer, looked at: what the contract does not have ends the attempt with an error that names them."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.nodes import NodeColumns
from sched_core.errors import PluginError
from sched_core.framework.plugin import Verdicts
from sched_core.rows.generate import NO_NUMBER

Answer = TypeVar("Answer")


class Asked(NamedTuple):
    """What was asked of which plugin, and in which words an error begins."""

    plugin: str
    point: str
    """The method."""
    text: str


class CycleError(Exception):
    """An attempt that ends with an error; the text is the message, a plugin and a node may be to blame."""

    def __init__(self, text: str, asked: Asked | None = None, node: str = "") -> None:
        super().__init__(text)
        self.asked, self.node = asked, node


def ended_by(fault: PluginError) -> CycleError:
    """Return the end of an attempt for a fault that was found before."""
    return CycleError(str(fault), Asked(fault.plugin, fault.extension_point, str(fault)), fault.node)


def expect(kind: type[Answer], answer: object, asked: Asked) -> Answer:
    """Return the answer of a plugin; it ends the attempt when it is of another kind."""
    if not isinstance(answer, kind):
        raise CycleError(f"{asked.text}: it returned no {kind.__name__}", asked)
    return answer


def checked(answer: Any, count: int) -> Verdicts:
    """Return the answer of a filter in array form for so many rows; raises ValueError if it is none."""
    if not isinstance(answer, Verdicts):
        raise ValueError(f"it returned no Verdicts for {count} rows")
    for name, kinds in (("bits", "bi"), ("unresolvable", "b")):
        found = getattr(answer, name)
        if found is None and name == "unresolvable":
            continue
        if not isinstance(found, np.ndarray) or found.shape != (count,):
            raise ValueError(f"it returned no Verdicts for {count} rows")
        if found.dtype.kind not in kinds:
            raise ValueError(f"it returned Verdicts with {name} of type {found.dtype}")
    return answer


def whole(answer: object, rows: NDArray[np.int64], nodes: NodeColumns, asked: Asked) -> NDArray[np.int64]:
    """Return scores of some rows in int64, fractions cut off; anything but finite numbers ends the attempt."""
    found = np.asarray(answer)
    if found.shape != (len(rows),):
        raise CycleError(f"{asked.text}: it returned scores of shape {found.shape}, not ({len(rows)},)", asked)
    if found.dtype.kind not in "biuf":
        raise CycleError(f"{asked.text}: it returned scores that are not numbers", asked)
    if found.dtype.kind == "f":
        found = np.where(np.abs(found) < 2.0**63, found, NO_NUMBER)
    return numbers(found.astype(np.int64), rows, nodes, asked)


def numbers(scores: NDArray[np.int64], rows: NDArray[np.int64], nodes: NodeColumns, asked: Asked) -> NDArray[np.int64]:
    """Return scores of some rows, unless one of them is no number."""
    if scores.min(initial=0) == NO_NUMBER:
        node = nodes.names[rows[np.argmin(scores)]]
        text = f"{asked.text}: it returned a score that is not a finite number for node {node}"
        raise CycleError(text, asked, node)
    return scores
