"""Columns and rows of custom resources: what their definitions ask for, by JSONPath."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from cluster_shim.api.printers.cells import Row, name
from cluster_shim.api.printers.durations import Json, since
from cluster_shim.api.printers.jsonpath import BadPath, Path, compile_path

AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
"""The column of a definition that asks for none."""

HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")


def custom_columns(wanted: Sequence[Mapping[str, Any]]) -> tuple[list[Json], Row]:
    """Return the columns after Name, and the row, of what additionalPrinterColumns asks for.

    They end before the first path that cannot be read.
    """
    columns: list[Json] = []
    cells: list[tuple[Path, Callable[[Any, float], Any]]] = []
    for each in wanted:
        try:
            path = compile_path(each["jsonPath"])
        except BadPath:
            break
        about = f"Custom resource definition column (in JSONPath format): {each['jsonPath']}"
        columns.append(
            {
                "name": each["name"],
                "type": each["type"],
                "format": each.get("format", ""),
                "description": each.get("description") or about,
                "priority": each.get("priority", 0),
            }
        )
        cells.append((path, CELLS.get(each["type"], _nothing)))

    def row(obj: Json, now: float) -> list[Any]:
        return [name(obj, now), *(_cell(path(obj), show, now) for path, show in cells)]

    return columns, row


def _cell(found: list[Any], show: Callable[[Any, float], Any], now: float) -> Any:
    return show(found[0], now) if found else None


def _nothing(_value: Any, _now: float) -> None:
    return None


def _integer(value: Any, _now: float) -> int | None:
    return int(value) if _is_number(value) else None


def _number(value: Any, _now: float) -> float | int | None:
    return value if _is_number(value) else None


def _boolean(value: Any, _now: float) -> bool | None:
    return value if isinstance(value, bool) else None


def _date(value: Any, now: float) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return since(value, now) if not value or RFC3339.fullmatch(value) else "<invalid>"
    except ValueError:  # the 30th of February
        return "<invalid>"


def _text(value: Any, _now: float) -> str:
    """Return any value as a text: scalars as Go prints them, the others as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _go_float(value)
    if isinstance(value, int):
        return str(value)
    return msgspec.json.encode(value, order="sorted").decode().translate(HTML)


def _go_float(value: float) -> str:
    """Return a float as Go's %v: the shortest digits, an exponent below 1e-4 and from 1e21."""
    if value == 0 or 1e-4 <= abs(value) < 1e21:
        return str(int(value)) if value == math.floor(value) else format(value, "f" if "e" in repr(value) else "")
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa.removesuffix('.0')}e{exponent}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


CELLS: dict[str, Callable[[Any, float], Any]] = {
    "string": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
}
"""How a value is shown, by the type of its column; null if it is of another."""
