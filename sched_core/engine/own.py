"""The own columns of an engine's plugins: who has which, and how placements change them.

A column has one owner, whichever profile a pod is of: a node has the devices that it has, whoever gives them away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sched_core.cluster import Cluster
from sched_core.columns.nodes import NodeColumns
from sched_core.columns.own import NO_COLUMNS, Column, Moves, OwnColumns
from sched_core.columns.pods import PodTable
from sched_core.engine.program import row_args, row_tables
from sched_core.errors import PluginError, StowageError
from sched_core.framework.plugin import Plugin
from sched_core.framework.profile import Profile
from sched_core.rows.generate import Surroundings, generate_moves
from sched_core.rows.layout import flat, layout_of, with_tables
from sched_core.rows.table import NODE_FIELDS, POD_FIELDS, node_rows, pod_rows, widths

_METHODS = {1: ("reserve_row", "reserve_pod"), -1: ("unreserve_row", "unreserve_pod")}
_KINDS = ("node_columns", "pod_columns", "placed_columns")


def own_columns(profiles: Mapping[str, Profile]) -> OwnColumns:
    """Return the own columns that the plugins of some profiles declare; raises PluginError."""
    owners: dict[str, Plugin] = {}
    for profile in profiles.values():
        for plugin in dict.fromkeys(sum(profile.points.values(), ())):
            if not any(getattr(plugin, kind) for kind in _KINDS):
                continue
            known = owners.setdefault(plugin.name, plugin)
            if type(known) is not type(plugin) or known.args != plugin.args:
                raise PluginError(plugin.name, "node_columns", "two profiles have it with other arguments")
    _check(list(owners.values()))
    if not owners:
        return NO_COLUMNS
    moving = [each for each in owners.values() if _moves(each)]
    return OwnColumns(tuple(owners.values()), OwnMover(moving) if moving else None)


def _moves(plugin: Plugin) -> bool:
    """Tell whether a plugin changes its columns with placements; raises PluginError where one half is missing."""
    for coming, leaving in zip(*_METHODS.values(), strict=True):
        if hasattr(plugin, coming) != hasattr(plugin, leaving):
            missing = leaving if hasattr(plugin, coming) else coming
            raise PluginError(plugin.name, missing, "it is missing: what one of the two does, the other undoes")
    if hasattr(plugin, "reserve_row") and hasattr(plugin, "reserve_pod"):
        raise PluginError(plugin.name, "reserve_pod", "it has reserve_row, too; one of them is enough")
    return hasattr(plugin, "reserve_row") or hasattr(plugin, "reserve_pod")


def _check(plugins: list[Plugin]) -> None:
    """Raise PluginError for columns that cannot be, or that another plugin has."""
    taken = dict.fromkeys(NODE_FIELDS, "every node") | dict.fromkeys(POD_FIELDS, "every pod")
    taken |= dict.fromkeys((*vars(NodeColumns()), *vars(NodeColumns), *vars(PodTable)), "every node")
    for plugin in plugins:
        for kind in _KINDS:
            for column in getattr(plugin, kind):
                fault = _fault(column)
                if not fault and column.name in taken:
                    fault = f"column {column.name}: {taken[column.name]} has one of this name"
                if fault:
                    raise PluginError(plugin.name, kind, fault)
                taken[column.name] = plugin.name


def _fault(column: Any) -> str:
    if not isinstance(column, Column):
        return f"{column!r} is no Column"
    if not isinstance(column.name, str) or not column.name.isidentifier():
        return f"column {column.name!r}: its name is no identifier"
    try:
        known = np.dtype(column.dtype)
    except TypeError:
        return f"column {column.name}: {column.dtype!r} is no type of numbers"
    if known.kind not in "biuf" or known.itemsize > 8 or known == np.float16:
        return f"column {column.name}: {known} is no type of numbers that compiled code has"
    if not all(isinstance(size, int) and size > 0 for size in column.shape):
        return f"column {column.name}: {column.shape} is no shape"
    return ""


class OwnMover:
    """Changes own columns for pods that come or leave, by ``reserve_row`` and ``unreserve_row`` or their twins."""

    def __init__(self, plugins: list[Plugin]) -> None:
        self._plugins = plugins
        self._resources = -1
        self._around: Surroundings
        self._tables: tuple[Any, ...] = ()
        self._loops: dict[tuple[str, int], Callable[..., None]] = {}

    def __call__(self, cluster: Cluster, moves: Moves, sign: int) -> None:
        """Move pods; without any, only compile what is needed for it."""
        for plugin in self._plugins[::sign]:
            if hasattr(plugin, "reserve_row"):
                self._call(plugin, cluster, moves, sign)
            else:
                _move_in_python(plugin, cluster, moves, sign)

    def _call(self, plugin: Plugin, cluster: Cluster, moves: Moves, sign: int) -> None:
        nodes, method = cluster.nodes, _METHODS[sign][0]
        try:
            self._bind(nodes)
            loop = self._loops.get((plugin.name, sign))
            if loop is None:
                loop = self._loops[plugin.name, sign] = generate_moves([plugin], method, self._around)
            rows = (pod_rows(cluster.classes), with_tables(node_rows(nodes), self._tables))
            loop(*moves, *rows, nodes.pods.own_columns)
        except StowageError:
            raise
        except Exception as reason:  # numba's message names the line behind the first one
            text = " ".join(str(reason).strip().splitlines()[:2]) or type(reason).__name__
            raise PluginError(plugin.name, method, text) from reason

    def _bind(self, nodes: NodeColumns) -> None:
        """Ask the plugins for their constants and tables, again whenever a resource has come up."""
        while self._resources != len(nodes.resources):
            self._resources = len(nodes.resources)
            args = {plugin.name: row_args(plugin, nodes) for plugin in self._plugins}
            tables = {plugin.name: row_tables(plugin, nodes) for plugin in self._plugins}
            self._tables = flat(tables)
            self._around = Surroundings(args, widths(nodes), layout_of(nodes.owners, tables))
            self._loops.clear()


class OwnRow:
    """The own columns of a node, or of a placement, as ``reserve_pod`` sees them: arrays to write to, and numbers."""

    def __init__(self, columns: Mapping[str, Any], row: int, *, rows_last: bool) -> None:
        self.__dict__["row"] = row
        self.__dict__["_columns"] = columns
        self.__dict__["_rows_last"] = rows_last

    def _entry(self, name: str) -> Any:
        if name not in self._columns:
            raise AttributeError(f"there is no column {name}; there are {', '.join(self._columns)}")
        column = self._columns[name]
        return column[..., self.row] if self._rows_last else column[self.row]

    def __getattr__(self, name: str) -> Any:
        return self._entry(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._entry(name)
        if self._rows_last:
            self._columns[name][..., self.row] = value
        else:
            self._columns[name][self.row] = value


def _move_in_python(plugin: Plugin, cluster: Cluster, moves: Moves, sign: int) -> None:
    nodes, pods, method = cluster.nodes, cluster.nodes.pods, _METHODS[sign][1]
    own = {column.name: nodes.full(column.name) for column in plugin.node_columns}
    placed = {column.name: pods.own(column.name) for column in plugin.placed_columns}
    for row, pod_class, number in zip(*(each.tolist() for each in moves), strict=True):
        before = {name: column[..., row].copy() for name, column in own.items()}
        pod = cluster.classes.info_of(pod_class)
        pod.key = pods.key(number)
        try:
            rows = OwnRow(own, row, rows_last=True), OwnRow(placed, number, rows_last=False)
            getattr(plugin, method)(pod, *rows)
        except StowageError:
            raise
        except Exception as reason:
            for name, value in before.items():
                own[name][..., row] = value
            text = f"{type(reason).__name__}: {reason}"
            raise PluginError(plugin.name, method, text, pod.key, nodes.names[row]) from reason
