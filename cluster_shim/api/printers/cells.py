"""Cells that many kinds share, and how a row is put together from cells.

A cell is a function of an object and the time; a row is one too, and gives the list of its cells. Objects may lack
anything: a bookmark of a watch is an object with nothing but a resourceVersion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cluster_shim.api.printers.durations import Json, age
from cluster_shim.api.selectors import shown

Cell = Callable[[Json, float], Any]
Row = Callable[[Json, float], list[Any]]

NONE = "<none>"
UNSET = "<unset>"


def row(*cells: Cell) -> Row:
    """Return the row that consists of some cells."""
    return lambda obj, now: [cell(obj, now) for cell in cells]


def at(*path: str, default: Any = "") -> Cell:
    """Return the cell that shows a field, or `default` where it is absent."""

    def cell(obj: Json, _now: float) -> Any:
        value = find(obj, *path)
        return default if value is None else value

    return cell


def count(*path: str) -> Cell:
    """Return the cell that shows how many elements a list or a map has."""
    return lambda obj, _now: len(find(obj, *path) or ())


def find(obj: Any, *path: str) -> Any:
    """Return a field, or None where anything on the way is absent."""
    for name in path:
        if not obj:
            return None
        obj = obj.get(name)
    return obj


def name(obj: Json, _now: float) -> str:
    """Return the name of an object."""
    metadata: Json = obj.get("metadata") or {}
    return str(metadata.get("name", ""))


def condition(obj: Json, kind: str) -> Json:
    """Return the first condition of a type in the status; empty if there is none."""
    conditions: list[Json] = find(obj, "status", "conditions") or []
    return next((each for each in conditions if each.get("type") == kind), {})


def deleted(obj: Json) -> bool:
    """Tell whether an object is being deleted."""
    return "deletionTimestamp" in (obj.get("metadata") or {})


def labels(found: Mapping[str, str] | None) -> str:
    """Return labels as ``a=b,c=d``, in the order of their keys."""
    return ",".join(f"{key}={value}" for key, value in sorted(found.items())) if found else NONE


def shown_selector(*path: str) -> Cell:
    """Return the cell of a label selector; ``<none>`` if it selects everything."""
    return lambda obj, _now: shown(find(obj, *path)) or NONE


def containers(*path: str) -> tuple[Cell, Cell]:
    """Return the cells with the names and the images of the containers at a path."""

    def column(key: str) -> Cell:
        return lambda obj, _now: ",".join(each.get(key, "") for each in find(obj, *path) or ())

    return column("name"), column("image")


def some(texts: Sequence[str], limit: int) -> str:
    """Return the first few texts and how many more there are: ``a,b,c + 2 more...``."""
    shown = ",".join(texts[:limit])
    return f"{shown} + {len(texts) - limit} more..." if len(texts) > limit else shown


def first(values: Iterable[Any], default: Any) -> Any:
    """Return the first of some values, or `default`."""
    return next(iter(values), default)


AGED_NAME = (name, age)
"""The cells of kinds that show nothing of their own."""
