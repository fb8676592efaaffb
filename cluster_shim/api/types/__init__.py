"""What the API knows of its types: fields, lists and maps, how Go writes them.

``type_of(gvk)`` gives the Type of a built-in kind; ``normalise(gvk, obj)`` brings a well-formed object into the form in
which the server keeps and writes it. Decoding bytes, with all that can be wrong with them, is codec's.
"""

from __future__ import annotations

from typing import Any

from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.api.types.model import Embedded, Field, Type
from cluster_shim.api.types.normalise import ABSENT, Unusual, normaliser, zero
from cluster_shim.api.types.order import ordered
from cluster_shim.api.types.settle import settler
from cluster_shim.api.types.table import EVERYWHERE, kinds, package_of_group, type_by_name, type_of

__all__ = [
    "ABSENT",
    "EVERYWHERE",
    "Embedded",
    "Field",
    "Type",
    "Unusual",
    "kinds",
    "normalise",
    "normaliser",
    "ordered",
    "package_of_group",
    "settle",
    "type_by_name",
    "type_of",
    "zero",
]


def normalise(gvk: GroupVersionKind, obj: dict[str, Any]) -> dict[str, Any]:
    """Return an object as Go writes the typed struct. Raise KeyError for an unknown kind, Unusual for a bad object."""
    found = type_of(gvk)
    if found is None:
        raise KeyError(gvk)
    result: dict[str, Any] = normaliser(found)(obj)
    return result


def settle(gvk: GroupVersionKind, obj: dict[str, Any]) -> None:
    """Change a normalised object, in place, to what upstream's store makes of it: empty lists are null."""
    found = type_of(gvk)
    settled = settler(found) if found else None
    if settled is not None:
        settled(obj)
