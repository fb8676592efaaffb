"""Program: the generated code of one profile, made again when the columns have got wider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.classes import PodClasses, PodInfo
from sched_core.columns.nodes import NodeColumns
from sched_core.columns.own import OwnColumns
from sched_core.engine.order import NodeOrder
from sched_core.errors import PluginError, StowageError
from sched_core.framework.plugin import Plugin
from sched_core.framework.profile import Profile
from sched_core.rows.generate import RowPlugins, Surroundings, generate, generate_each
from sched_core.rows.layout import flat, layout_of, with_tables
from sched_core.rows.table import NodeRows, node_rows, pod_rows, widths
from sched_core.rows.usage import add_usage, subtract_usage


def is_row(plugin: Plugin, point: str) -> bool:
    """Tell whether a plugin's filter or score is in row form."""
    return hasattr(plugin, f"{point}_row")


def in_rows(plugin: Plugin, pod: PodInfo) -> bool:
    """Tell whether a pod is filtered in row form: not for rare resources, where the plugin has an array form too."""
    return is_row(plugin, "filter") and not (hasattr(plugin, "filter") and pod.rare_requests)


def is_dependent(plugin: Plugin) -> bool:
    """Tell whether a plugin answers by placed pods or other objects, and says in what way."""
    return hasattr(plugin, "concerns") or hasattr(plugin, "domain_terms")


def is_signed(plugin: Plugin) -> bool:
    """Tell whether pods of one signature get one answer, whatever is placed."""
    return hasattr(plugin, "sign_pod") and not is_dependent(plugin)


class Program:
    """Row functions of a profile as loops over the columns of one cluster."""

    def __init__(self, profile: Profile, nodes: NodeColumns, classes: PodClasses) -> None:
        self.nodes, self.classes = nodes, classes
        scores = [plugin for plugin in profile.points["score"] if not is_dependent(plugin)]
        self.plugins = RowPlugins(
            tuple(plugin for plugin in profile.points["filter"] if is_row(plugin, "filter")),
            tuple(plugin for plugin in scores if is_row(plugin, "score")),
            tuple(plugin for plugin in scores if not is_row(plugin, "score") and hasattr(plugin, "normalize_row")),
            tuple(plugin for plugin in profile.points["score"] if hasattr(plugin, "domain_terms")),
        )
        self.order = NodeOrder(profile, nodes)
        self._resources = -1
        self._owners: OwnColumns | None = None
        self._around: Surroundings
        self._tables: tuple[NDArray[Any], ...] = ()
        self._loops: dict[tuple[Any, ...], Callable[..., None]] = {}
        self._modules: dict[tuple[bool, tuple[tuple[str, int], ...]], ModuleType] = {}

    def module(self, *, in_float: bool) -> ModuleType:
        """Return the generated module for the present widths, with numbers as int64 or float64."""
        self._bind()
        width = widths(self.nodes)
        key = (in_float, tuple(sorted(width.items())))
        if key not in self._modules:
            around = self._around._replace(widths=width)
            self._modules[key] = generate(self.plugins, around, in_float=in_float, by_rank=self.order.by_rank)
        return self._modules[key]

    def rows(self, nodes: NodeColumns) -> NodeRows:
        """Return the columns of nodes as row functions of this profile see them."""
        return self.with_tables(node_rows(nodes))

    def with_tables(self, nodes: NodeRows) -> NodeRows:
        """Return columns of nodes with the tables of this profile's plugins beside them."""
        self._bind()
        return with_tables(nodes, self._tables)

    def refusals(self, plugin: Plugin, pod_class: int) -> NDArray[np.int64]:
        """Return what a filter in row form answers for each row, int64[N]."""
        out = np.empty(self.nodes.count, np.int64)
        self._call(plugin, "filter_row", pod_class, len(out), pod_rows(self.classes), self.nodes, out)
        return out

    def scores(self, plugin: Plugin, pod_class: int, rows: NDArray[np.int64], nodes: NodeColumns) -> NDArray[np.int64]:
        """Return what a score in row form answers for some rows int64[F] of columns of equal width, int64[F]."""
        out = np.empty(len(rows), np.int64)
        self._call(plugin, "score_row", pod_class, rows, pod_rows(self.classes), nodes, out)
        return out

    def some(self, plugin: Plugin, method: str, pod_class: int, nodes: NodeRows) -> NDArray[np.int64]:
        """Return what a row function answers for each row of some columns, int64[n]."""
        out = np.zeros(len(nodes.pod_count), np.int64)
        self._call(plugin, method, pod_class, len(out), pod_rows(self.classes), nodes, out)
        return out

    def normalize(self, plugin: Plugin, scores: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the normalised scores of the feasible nodes, int64[F]."""
        out = np.empty(len(scores), np.int64)
        self._call(plugin, "normalize_row", scores, int(scores.min()), int(scores.max()), out)
        return out

    def compile_loops(self) -> None:
        """Compile the loop of every row function, also of those that the first pods skip, and what dry runs need."""
        rows = (pod_rows(self.classes), self.rows(self.nodes))
        none = np.zeros(0, np.int64)
        for move in (add_usage, subtract_usage):
            move(none, np.zeros(0, np.int32), *rows)
        for plugin in self.plugins.filters:
            self._call(plugin, "filter_row", 0, 0, *rows, none)
        for plugin in self.plugins.scores:
            self._call(plugin, "score_row", 0, none, *rows, none)
        for plugin in (*self.plugins.normalized, *self.plugins.by_domain):
            if hasattr(plugin, "normalize_row") and not hasattr(plugin, "normalize_score"):
                self.normalize(plugin, np.zeros(1, np.int64))

    def _call(self, plugin: Plugin, method: str, *arguments: Any) -> None:
        """Call the loop of a row function; columns of nodes among the arguments get the tables beside them."""
        try:
            loop = self._loop(plugin, method)
            loop(*(self._seen(each) if type(each) in (NodeColumns, NodeRows) else each for each in arguments))
        except StowageError:
            raise
        except Exception as reason:  # numba's message names the line behind the first one
            text = str(reason).strip().splitlines()
            wording = text[0] if len(text) < 2 else f"{text[0]} {text[1]}"
            raise PluginError(plugin.name, method, wording or type(reason).__name__) from reason

    def _seen(self, nodes: NodeColumns | NodeRows) -> NodeRows:
        return with_tables(nodes if isinstance(nodes, NodeRows) else node_rows(nodes), self._tables)

    def _loop(self, plugin: Plugin, method: str) -> Callable[..., None]:
        self._bind()
        key = (plugin.name, method, self.nodes.ports.words)  # the other widths are those of `_bind`
        loop = self._loops.get(key)
        if loop is None:
            around = self._around._replace(widths=widths(self.nodes))
            loop = self._loops[key] = generate_each(plugin, method, around)
        return loop

    def _bind(self) -> None:
        """Ask the plugins for their constants and tables, again whenever a resource or own columns have come up."""
        while self._resources != len(self.nodes.resources) or self._owners is not self.nodes.owners:
            self._resources, self._owners = len(self.nodes.resources), self.nodes.owners
            movers: list[Any] = [each for each in self._owners.owners if hasattr(each, "reserve_row")]
            self.plugins = self.plugins._replace(movers=tuple(movers))
            plugins = {plugin.name: plugin for group in self.plugins for plugin in group}
            args = {name: row_args(plugin, self.nodes) for name, plugin in plugins.items()}
            tables = {name: row_tables(plugin, self.nodes) for name, plugin in plugins.items()}
            self._tables = flat(tables)
            self._around = Surroundings(args, widths(self.nodes), layout_of(self._owners, tables))
            self._modules.clear()
            self._loops.clear()


def row_args(plugin: Plugin, nodes: NodeColumns) -> Mapping[str, Any]:
    """Return the constants of a plugin's row functions; raises PluginError."""
    return _asked(plugin, "row_args", nodes)


def row_tables(plugin: Plugin, nodes: NodeColumns) -> Mapping[str, NDArray[Any]]:
    """Return the tables of a plugin's row functions; raises PluginError."""
    tables = _asked(plugin, "row_tables", nodes)
    for name, table in tables.items():
        if not isinstance(table, np.ndarray) or not table.ndim or table.dtype.kind not in "biuf":
            raise PluginError(plugin.name, "row_tables", f"{name} is no array of numbers")
    return tables


def _asked(plugin: Plugin, method: str, nodes: NodeColumns) -> Mapping[str, Any]:
    try:
        return dict(getattr(plugin, method)(nodes))
    except StowageError:
        raise
    except Exception as reason:
        raise PluginError(plugin.name, method, f"{type(reason).__name__}: {reason}") from reason
