"""What a trace says of a pod and of a node, in which units, and under which names of columns it is looked for.

A mapping says which column holds a field and in which unit: ``cpu=plan_cpu:percent``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sched_core import InvalidObjects, Problem

CPU_UNITS = {"cores": 1000.0, "milli": 1.0, "percent": 10.0}
"""To 1/1000 of a core."""
MEMORY_UNITS = {
    "bytes": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
    "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40,
}  # fmt: skip
"""To bytes."""
GPU_UNITS = {"devices": 1000.0, "milli": 1.0, "percent": 10.0}
"""To 1/1000 of a device."""
TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0, "d": 86_400.0}
"""To seconds."""


class Field(NamedTuple):
    """One thing that a trace says, its units, and where it is looked for without a mapping."""

    name: str
    units: Mapping[str, float] | None = None
    default: str = ""
    names: tuple[tuple[str, str], ...] = ()
    """Columns by which the field goes in known formats, with their units; the first that is there counts."""
    needed: bool = False
    empty: float | None = None
    """What an empty cell stands for; None: an empty cell is a fault."""


class Place(NamedTuple):
    """Where a field stands: a column, and the factor to the field's own unit."""

    column: str
    factor: float = 1.0


POD_FIELDS = (
    Field("name", names=(("name", ""), ("pod", ""), ("pod_name", ""))),
    Field("cpu", CPU_UNITS, "cores", (("cpu_milli", "milli"), ("cpu", "cores")), needed=True),
    Field("memory", MEMORY_UNITS, "bytes", (("memory_mib", "MiB"), ("memory", "bytes")), needed=True),
    Field("gpu", GPU_UNITS, "devices", (("num_gpu", "devices"), ("gpu", "devices")), empty=0),
    Field("gpu_share", GPU_UNITS, "devices", (("gpu_milli", "milli"), ("gpu_share", "devices")), empty=0),
    Field("gpu_model", names=(("gpu_spec", ""), ("gpu_model", ""))),
    Field("created", TIME_UNITS, "s", (("creation_time", "s"), ("created", "s"))),
    Field("deleted", TIME_UNITS, "s", (("deletion_time", "s"), ("deleted", "s")), empty=float("inf")),
    Field("duration", TIME_UNITS, "s", (("duration", "s"),), empty=float("inf")),
)
NODE_FIELDS = (
    Field("name", names=(("sn", ""), ("name", ""), ("node", ""))),
    Field("cpu", CPU_UNITS, "cores", (("cpu_milli", "milli"), ("cpu", "cores")), needed=True),
    Field("memory", MEMORY_UNITS, "bytes", (("memory_mib", "MiB"), ("memory", "bytes")), needed=True),
    Field("gpu", GPU_UNITS, "devices", (("gpu", "devices"), ("num_gpu", "devices")), empty=0),
    Field("gpu_model", names=(("model", ""), ("gpu_model", ""))),
    Field("count", {"": 1.0}, "", (("count", ""),), empty=1),
)
Mapped = dict[str, Place]


def read_mapping(text: str, fields: tuple[Field, ...], option: str) -> tuple[str, Place]:
    """Return the field and the place that ``FIELD=COLUMN`` or ``FIELD=COLUMN:UNIT`` names.

    UNIT is a unit of the field, or a number: what 1 in the column stands for, in the field's default unit. Raises
    InvalidObjects.
    """
    name, equals, rest = text.partition("=")
    field = next((each for each in fields if each.name == name.strip()), None)
    if not equals or field is None:
        known = ", ".join(each.name for each in fields)
        raise InvalidObjects([Problem("", option, text, f"is not FIELD=COLUMN[:UNIT]; fields are {known}")])
    column, unit = rest.strip(), ""
    if field.units is not None and ":" in rest:
        column, _, unit = (part.strip() for part in rest.rpartition(":"))
    if not column:
        raise InvalidObjects([Problem("", option, text, "names no column")])
    factor = unit_factor(field, unit)
    if factor is None:
        units = ", ".join(each for each in field.units or () if each)
        raise InvalidObjects([Problem("", option, text, f'has no unit "{unit}"; units are {units}, or a number')])
    return field.name, Place(column, factor)


def unit_factor(field: Field, unit: str) -> float | None:
    """Return what a unit is in the field's own unit; None if there is no such unit."""
    if field.units is None:
        return 1.0 if not unit else None
    if unit in field.units:
        return field.units[unit]
    try:
        stands_for = float(unit) if unit else 1.0
    except ValueError:
        return None
    return stands_for * field.units[field.default] if 0 < stands_for < float("inf") else None


def places(header: list[str], fields: tuple[Field, ...], mapping: Mapped) -> tuple[Mapped, list[tuple[str, str]]]:
    """Return where each field stands in a table with these columns, and what is missing: column and reason.

    What is mapped counts; other fields are looked for under their usual names.
    """
    found: Mapped = {}
    missing = []
    of = "node." if fields is NODE_FIELDS else ""
    for field in fields:
        if field.name in mapping:
            place = mapping[field.name]
            if place.column not in header:
                missing.append((place.column, f"is missing (mapped to {field.name}); the header has {_list(header)}"))
            found[field.name] = place
            continue
        usual = next(((column, unit) for column, unit in field.names if column in header), None)
        if usual is not None:
            found[field.name] = Place(usual[0], unit_factor(field, usual[1]) or 1.0)
        elif field.needed:
            column = field.names[-1][0]
            missing.append((column, f"is missing (or map {of}{field.name}); the header has {_list(header)}"))
    return found, missing


def _list(header: list[str]) -> str:
    shown = ", ".join(header[:20])
    return f"{shown} and {len(header) - 20} more" if len(header) > 20 else shown
