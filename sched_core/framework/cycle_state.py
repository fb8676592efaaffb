"""CycleState: what the plugins of one scheduling cycle leave for each other, by key."""

from __future__ import annotations

from typing import Any

from sched_core.objects.records import Pod


class CycleState(dict[str, Any]):
    """A dictionary that lives for one attempt of one pod; a plugin keeps its state under its own name.

    ``skip_filter`` and ``skip_score`` hold the names of the plugins that answered Skip in PreFilter and PreScore.
    ``pods_to_activate`` are pods, by ``namespace/name``, that a plugin wants to be tried again once this one is through
    its cycle. ``all_nodes`` tells that every node is to be looked at, whatever the configuration says of samples.
    """

    def __init__(self, *, all_nodes: bool = False) -> None:
        super().__init__()
        self.all_nodes = all_nodes
        self.skip_filter: set[str] = set()
        self.skip_score: set[str] = set()
        self.pods_to_activate: dict[str, Pod] = {}
