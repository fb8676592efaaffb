"""Label selectors in a form that is hashable and quick to ask: a tuple of requirements (upstream: apimachinery labels).

None matches nothing; the empty tuple matches everything, and upstream's code asks for it by the name of Empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sched_core import LabelSelector


class Requirement(NamedTuple):
    """One expression: ``operator`` is In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: frozenset[str]


Selector = tuple[Requirement, ...] | None
EVERYTHING: Selector = ()


def of_labels(labels: Mapping[str, str]) -> tuple[Requirement, ...]:
    """Return the requirements that all of these labels are there."""
    return tuple(Requirement(key, "In", frozenset((value,))) for key, value in sorted(labels.items()))


def of_record(selector: LabelSelector | None) -> Selector:
    """Return a LabelSelector in this form."""
    if selector is None:
        return None
    expressions = ((each.key, each.operator, each.values) for each in selector.match_expressions)
    return of_labels(selector.match_labels) + of_expressions(expressions)


def of_expressions(expressions: Iterable[tuple[str, str, Iterable[str]]]) -> tuple[Requirement, ...]:
    """Return requirements given as key, operator and values."""
    return tuple(Requirement(key, operator, frozenset(values)) for key, operator, values in expressions)


def matches(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Tell whether labels meet all requirements."""
    if selector is None:
        return False
    for key, operator, values in selector:
        value = labels.get(key)
        match operator:
            case "In":
                met = value is not None and value in values
            case "NotIn":
                met = value is None or value not in values
            case "Exists":
                met = value is not None
            case _:
                met = value is None
        if not met:
            return False
    return True
