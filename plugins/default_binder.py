"""DefaultBinder: the last word on a placement (upstream: plugins/defaultbinder).

Here binding happens in memory, and the engine has already placed the pod; whoever talks to an API server brings a
bind plugin that writes the Binding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sched_core import SUCCESS, Plugin, Status

if TYPE_CHECKING:
    from sched_core import CycleState, PodInfo


class DefaultBinder(Plugin):
    """Agree to every placement."""

    name = "DefaultBinder"
    reads_amounts = False
    in_memory = True

    def bind(self, state: CycleState, pod: PodInfo, node_name: str) -> Status:
        return SUCCESS
