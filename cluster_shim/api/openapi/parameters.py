"""Parameters: what may stand in the query and the path of an operation, and what it is for, in our words."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import msgspec


class Parameter(NamedTuple):
    """One parameter."""

    name: str
    place: str
    """``query`` or ``path``."""
    type: str
    about: str


@cache
def parameters() -> dict[str, Parameter]:
    """Return the parameters of queries by name."""
    rows = msgspec.json.decode((files(__package__) / "tables" / "parameters.json").read_bytes())
    return {row["name"]: Parameter(row["name"], "query", row["type"], row["description"]) for row in rows}


def path_parameter(name: str, kind: str) -> Parameter:
    """Return a parameter of the path of an operation on a kind."""
    about = {
        "name": f"name of the {kind}",
        "namespace": "the namespace of the objects",
        "path": "the path of the request to what is proxied",
    }
    return Parameter(name, "path", "string", about[name])
