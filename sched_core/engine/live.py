"""Live answers: plugins in array form without a signature, which are asked about every pod.

What they say of all nodes goes into a static result that is written anew for each pod, and compiled code does the rest.
So a pod costs what these plugins take and one pass over the nodes, where the cycle calls every plugin of the profile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.classes import PodInfo
from sched_core.engine.answers import checked, whole
from sched_core.framework.cycle_state import CycleState
from sched_core.framework.plugin import MAX_NODE_SCORE, Plugin
from sched_core.kernels.totals import add_scores

if TYPE_CHECKING:
    from sched_core.engine.static import StaticResults

_LEAVE_SOMETHING = ("preFilter", "preScore")
"""Plugins at these points leave something in the cycle's state for their filters and scores, or skip them."""


def is_live(plugin: Plugin, points: Mapping[str, tuple[Plugin, ...]]) -> bool:
    """Tell whether a plugin that is neither signed nor dependent can be asked beside compiled code."""
    if any(plugin in points[point] for point in _LEAVE_SOMETHING) or hasattr(plugin, "normalize_score"):
        return False
    return not any(hasattr(plugin, f"{point}_row") for point in ("filter", "score"))


class LiveAnswers:
    """What the live plugins of one profile say of one pod after the other."""

    def __init__(self, plugins: Sequence[Plugin], static: StaticResults) -> None:
        points = static.profile.points
        self._static, self._nodes = static, static.nodes
        self.filters = [plugin for plugin in points["filter"] if plugin in plugins]
        self._scores = [plugin for plugin in points["score"] if plugin in plugins]

    def __bool__(self) -> bool:
        return bool(self.filters or self._scores)

    def ask(self, pod: PodInfo, plan: int) -> int | None:
        """Return a static result with what ``plan`` has and what the live plugins say of a pod.

        It is good for one pod. None: an answer is not what the contract asks for, and the cycle has to say so.
        """
        static, count = self._static, self._nodes.count
        try:
            number = static.copy(plan)
            total = static.score[number, :count]
            for plugin in self.filters:
                verdicts = checked(plugin.filter(CycleState(), pod, self._nodes), count)  # type: ignore[attr-defined]
                if verdicts.errors:
                    return None
                total[verdicts.bits != 0] = -1
            for plugin in self._scores:
                answer = plugin.score(CycleState(), pod, self._nodes)  # type: ignore[attr-defined]
                if not self._add(plugin, whole(answer, None, self._nodes, plugin, "score"), number, total):
                    return None
        except Exception:  # whatever a plugin raised, the cycle meets it again and words it
            return None
        return number

    def _add(self, plugin: Plugin, raw: NDArray[np.int64], number: int, total: NDArray[np.int32]) -> bool:
        """Add scores to a static result; False if they cannot be."""
        if hasattr(plugin, "normalize_row"):
            limits = np.iinfo(np.int32)
            if raw.min() < limits.min or raw.max() > limits.max:
                return False
            self._static.set_raw(number, plugin, raw)
            return True
        return bool(add_scores(raw, self._static.profile.weights[plugin.name], MAX_NODE_SCORE, total) == 0)
