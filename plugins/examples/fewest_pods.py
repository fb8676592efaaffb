"""FewestPods: a score in row form. Try it in place of NodeResourcesFit's:

``stowage bench scheduling --disable NodeResourcesFit --plugin plugins/examples/fewest_pods.py:FewestPods=1``
"""

from __future__ import annotations

from typing import Any

from sched_core import Plugin, percent


class FewestPods(Plugin):
    """Prefer nodes where the largest share of the places for pods is free."""

    name = "FewestPods"

    @staticmethod
    def score_row(pod: Any, node: Any, args: Any) -> Any:
        free = max(node.allowed_pods - node.pod_count, 0)
        return percent(free, max(node.allowed_pods, 1))
