"""Layout: which columns row functions see beside those that everybody has, and where compiled code finds them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.own import OwnColumns
from sched_core.rows.table import NODE_FIELDS, POD_FIELDS, NodeRows

Tables = Mapping[str, Mapping[str, NDArray[Any]]]
"""Plugin -> name -> array, as `Plugin.row_tables` gave it."""


class Layout(NamedTuple):
    """Own columns by name with the shape of one row, and the names of each plugin's tables."""

    node: dict[str, tuple[int, ...]]
    pod: dict[str, tuple[int, ...]]
    placed: dict[str, tuple[int, ...]]
    tables: dict[str, tuple[str, ...]]

    def homes(self) -> dict[str, str]:
        """Return the name that a rewritten function has for each column -> where the tuples of a batch have it."""
        found = {f"stowage_pod_{field}": f"pods.{field}" for field in POD_FIELDS}
        found |= {f"stowage_node_{field}": f"nodes.{field}" for field in NODE_FIELDS}
        found |= {f"stowage_pod_{name}": f"pods.own[{number}]" for number, name in enumerate(self.pod)}
        found |= {f"stowage_node_{name}": f"nodes.own[{number}]" for number, name in enumerate(self.node)}
        found |= {f"stowage_placed_{name}": f"placed[{number}]" for number, name in enumerate(self.placed)}
        names = (table_name(plugin, name) for plugin, tables in self.tables.items() for name in tables)
        return found | {name: f"nodes.tables[{number}]" for number, name in enumerate(names)}


NO_LAYOUT = Layout({}, {}, {}, {})


def layout_of(owners: OwnColumns, tables: Tables) -> Layout:
    """Return the layout for some own columns and tables."""
    node, pod, placed = (
        {name: column.shape for name, column in each.items()} for each in (owners.node, owners.pod, owners.placed)
    )
    return Layout(node, pod, placed, {identifier(plugin): tuple(own) for plugin, own in tables.items()})


def identifier(plugin: str) -> str:
    """Return a plugin's name as an identifier; names that differ stay different."""
    if plugin.isidentifier():
        return plugin
    return f"{re.sub(r'[^0-9A-Za-z_]', '_', plugin)}_{zlib.crc32(plugin.encode()):08x}"


def table_name(plugin: str, name: str) -> str:
    """Return the name that rewritten functions have for a table of a plugin, which is given as an identifier."""
    return f"stowage_table_{plugin}__{name}"


def flat(tables: Tables) -> tuple[NDArray[Any], ...]:
    """Return all tables in the order in which compiled code finds them."""
    return tuple(np.ascontiguousarray(table) for own in tables.values() for table in own.values())


def with_tables(nodes: NodeRows, tables: tuple[NDArray[Any], ...]) -> NodeRows:
    """Return columns with the tables of a profile beside them."""
    return nodes._replace(tables=tables) if tables else nodes
