"""NodeOrder: the order in which a profile looks at nodes: upstream's, or by the rank that a plugin gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.nodes import NodeColumns
from sched_core.errors import PluginError, StowageError
from sched_core.framework.profile import Profile


class NodeOrder:
    """The rows int32[n] in their order; the same array as long as nothing has changed."""

    def __init__(self, profile: Profile, nodes: NodeColumns) -> None:
        everyone = dict.fromkeys(sum(profile.points.values(), ()))
        ranking = [plugin for plugin in everyone if hasattr(plugin, "rank_nodes")]
        if len(ranking) > 1:
            raise PluginError(ranking[1].name, "rank_nodes", f"{ranking[0].name} ranks the nodes already")
        self._plugin: Any = ranking[0] if ranking else None
        self._nodes = nodes
        self._version = -1
        self._plain = self._ranked = np.zeros(0, np.int32)

    @property
    def by_rank(self) -> bool:
        """Whether ties go to the node that comes first."""
        return self._plugin is not None

    def __call__(self) -> NDArray[np.int32]:
        """Return the order; raises PluginError where the plugin gives no ranks."""
        plain = self._nodes.order()
        if self._plugin is None:
            return plain
        if plain is not self._plain or self._version != self._nodes.object_version:
            self._ranked = plain[np.argsort(self._ranks()[plain], kind="stable")]
            self._plain, self._version = plain, self._nodes.object_version
        return self._ranked

    def first(self, rows: NDArray[np.int64]) -> int:
        """Return that of some rows which comes first."""
        place = np.empty(self._nodes.count, np.int64)
        order = self()
        place[order] = np.arange(len(order))
        return int(rows[np.argmin(place[rows])])

    def _ranks(self) -> NDArray[np.int64]:
        assert self._plugin is not None
        try:
            ranks = np.asarray(self._plugin.rank_nodes(self._nodes))
        except StowageError:
            raise
        except Exception as reason:
            raise PluginError(self._plugin.name, "rank_nodes", f"{type(reason).__name__}: {reason}") from reason
        if ranks.shape != (self._nodes.count,) or ranks.dtype.kind not in "biu":
            text = f"it returned {ranks.dtype} of shape {ranks.shape}, not integers of shape ({self._nodes.count},)"
            raise PluginError(self._plugin.name, "rank_nodes", text)
        return ranks
