"""Program: the generated code of one profile, made again when the columns have got wider."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.classes import PodClasses
from sched_core.columns.nodes import NodeColumns
from sched_core.framework.plugin import Plugin
from sched_core.framework.profile import Profile
from sched_core.rows.generate import RowPlugins, generate
from sched_core.rows.table import node_rows, pod_rows, widths


def is_row(plugin: Plugin, point: str) -> bool:
    """Tell whether a plugin's filter or score is in row form."""
    return hasattr(plugin, f"{point}_row")


class Program:
    """Row functions of a profile as loops over the columns of one cluster."""

    def __init__(self, profile: Profile, nodes: NodeColumns, classes: PodClasses) -> None:
        self.nodes, self.classes = nodes, classes
        scores = profile.points["score"]
        self.plugins = RowPlugins(
            tuple(plugin for plugin in profile.points["filter"] if is_row(plugin, "filter")),
            tuple(plugin for plugin in scores if is_row(plugin, "score")),
            tuple(plugin for plugin in scores if not is_row(plugin, "score") and hasattr(plugin, "normalize_row")),
        )
        self._resources = 0
        self._args: dict[str, Any] = {}
        self._modules: dict[tuple[bool, tuple[tuple[str, int], ...]], ModuleType] = {}

    def module(self, *, in_float: bool) -> ModuleType:
        """Return the generated module for the present widths, with numbers as int64 or float64."""
        self._bind()
        width = widths(self.nodes)
        key = (in_float, tuple(sorted(width.items())))
        if key not in self._modules:
            self._modules[key] = generate(self.plugins, self._args, width, in_float=in_float)
        return self._modules[key]

    def each(self, plugin: Plugin, method: str, pod_class: int) -> NDArray[np.int64]:
        """Return what a row function answers for each row, int64[N]."""
        loop: Callable[..., None] = getattr(self.module(in_float=False), f"each_{function_name(plugin, method)}")
        out = np.zeros(self.nodes.count, np.int64)
        loop(pod_class, self.nodes.count, pod_rows(self.classes), node_rows(self.nodes), out)
        return out

    def normalize(self, plugin: Plugin, scores: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the normalised scores of the feasible nodes, int64[F]."""
        method = "normalize_row"
        if plugin in self.plugins.normalized:
            loop = getattr(self.module(in_float=False), f"each_{function_name(plugin, method)}")
            out = np.zeros(len(scores), np.int64)
            loop(scores, int(scores.min()), int(scores.max()), out)
            return out
        lowest, highest = int(scores.min()), int(scores.max())
        return np.array([plugin.normalize_row(score, lowest, highest) for score in scores.tolist()], np.int64)  # type: ignore[attr-defined]

    def _bind(self) -> None:
        """Ask the plugins for their constants, again whenever a resource has come up."""
        while self._resources != len(self.nodes.resources):
            self._resources = len(self.nodes.resources)
            plugins = {plugin.name: plugin for group in self.plugins for plugin in group}
            self._args = {name: plugin.row_args(self.nodes) for name, plugin in plugins.items()}
            self._modules.clear()


def function_name(plugin: Plugin, method: str) -> str:
    """Return the name that a row function has in generated code."""
    return f"{plugin.name}_{getattr(plugin, method).__name__}"
