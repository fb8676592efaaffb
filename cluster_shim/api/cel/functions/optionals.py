"""Optional values. `or` and `orValue` are the compiler's: their argument is evaluated only if it is needed."""

from __future__ import annotations

from typing import Any

from cluster_shim.api.cel.errors import EvaluationError
from cluster_shim.api.cel.values import NONE, Duration, Optional


def _value(optional: Optional) -> Any:
    if not optional.has_value:
        raise EvaluationError("optional.none() dereference")
    return optional.value


def _of_non_zero(value: Any) -> Optional:
    is_zero = value == Duration(0) if isinstance(value, Duration) else not value
    return NONE if is_zero else Optional(True, value)


def _unwrapped(values: list[Optional]) -> list[Any]:
    return [each.value for each in values if each.has_value]


FUNCTIONS = {
    "first": lambda values: Optional(True, values[0]) if values else NONE,
    "last": lambda values: Optional(True, values[-1]) if values else NONE,
    "optional.unwrap": _unwrapped,
    "unwrapOpt": _unwrapped,
    "optional.of": lambda value: Optional(True, value),
    "optional.ofNonZeroValue": _of_non_zero,
    "optional.none": lambda: NONE,
    "value": _value,
    "hasValue": lambda optional: optional.has_value,
}
