"""What plugins answer, looked at: what the contract does not have ends the attempt with an error that names them."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.nodes import NodeColumns
from sched_core.framework.plugin import Plugin, Verdicts
from sched_core.rows.generate import NO_NUMBER

Answer = TypeVar("Answer")


_WORDS = {
    "pre_filter": 'running PreFilter plugin "{}"',
    "filter": 'running "{}" filter plugin',
    "filter_row": 'running "{}" filter plugin',
    "post_filter": 'running PostFilter plugin "{}"',
    "pre_score": 'running PreScore plugin "{}"',
    "score": 'running Score plugins: plugin "{}" failed with',
    "score_row": 'running Score plugins: plugin "{}" failed with',
    "normalize_score": 'running Normalize on Score plugins: plugin "{}" failed with',
    "normalize_row": 'running Normalize on Score plugins: plugin "{}" failed with',
}
"""How upstream begins an error, by method."""


class CycleError(Exception):
    """An attempt that ends with an error; the text is the message.

    If a plugin is to blame, ``asked`` says which, and for what method, and ``node`` may say for which node.
    """

    def __init__(self, text: str, asked: tuple[Plugin, str] | None = None, node: str = "") -> None:
        super().__init__(text)
        self.asked, self.node = asked, node


def failed(plugin: Plugin, method: str, reason: str, node: str = "") -> CycleError:
    """Return the end of an attempt because of a plugin, in upstream's words."""
    return CycleError(f"{_WORDS[method].format(plugin.name)}: {reason}", (plugin, method), node)


def expect(kind: type[Answer], answer: object, plugin: Plugin, method: str) -> Answer:
    """Return the answer of a plugin; it ends the attempt when it is of another kind."""
    if not isinstance(answer, kind):
        raise failed(plugin, method, f"it returned no {kind.__name__}")
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
    if any(not 0 <= row < count for row in answer.errors):
        raise ValueError(f"it returned an error for a row that is none of {count}")
    return answer


def whole(
    answer: object, rows: NDArray[np.int64] | None, nodes: NodeColumns, plugin: Plugin, method: str
) -> NDArray[np.int64]:
    """Return scores of some rows (None: all) in int64, fractions cut off.

    Anything but finite numbers ends the attempt.
    """
    found, count = np.asarray(answer), nodes.count if rows is None else len(rows)
    if found.shape != (count,):
        raise failed(plugin, method, f"it returned scores of shape {found.shape}, not ({count},)")
    if found.dtype.kind not in "biuf":
        raise failed(plugin, method, "it returned scores that are not numbers")
    if found.dtype.kind == "f":
        finite = np.abs(found) < 2.0**63
        if not finite.all():
            found = np.where(finite, found, NO_NUMBER)
        return numbers(found.astype(np.int64), rows, nodes, plugin, method)
    return found.astype(np.int64)


def numbers(
    scores: NDArray[np.int64], rows: NDArray[np.int64] | None, nodes: NodeColumns, plugin: Plugin, method: str
) -> NDArray[np.int64]:
    """Return scores of some rows (None: all), unless one of them is no number."""
    if scores.min(initial=0) == NO_NUMBER:
        worst = int(np.argmin(scores))
        node = nodes.names[worst if rows is None else rows[worst]]
        raise failed(plugin, method, f"it returned a score that is not a finite number for node {node}", node)
    return scores
