"""Numbers against a schema: range of the format, multipleOf, maximum, minimum, with the arithmetic of go-openapi.

Integers are compared as 64-bit integers, so that bounds lose their fraction; others as floats. Upstream:
kube-openapi/pkg/validation/validate/validator.go (numberValidator).
"""

from __future__ import annotations

import math

from cluster_shim.api.custom import failures
from cluster_shim.api.custom.failures import Failure, Result, number
from cluster_shim.api.custom.structural import Schema

INT64 = (-(1 << 63), (1 << 63) - 1)
INT32 = (-(1 << 31), (1 << 31) - 1)
MAX_FLOAT32 = 3.4028234663852886e38


def check(name: str, value: float, schema: Schema, number_format: str, result: Result) -> None:
    """Add to a result what is wrong with a number, in the order of upstream: range, multipleOf, minimum, maximum."""
    source = schema.source
    type_name = schema.types[0] if len(schema.types) == 1 and schema.types[0] in ("integer", "number") else ""
    format_name = number_format if type_name else ""
    _check_range(name, value, type_name, format_name, "Checked", result)
    factor, maximum, minimum = source.get("multipleOf"), source.get("maximum"), source.get("minimum")
    if factor is not None:
        native = _check_range(name, factor, type_name, format_name, "MultipleOf", result)
        _add(result, _check_multiple(name, value, factor, native))
    if minimum is not None:
        native = _check_range(name, minimum, type_name, format_name, "Minimum boundary", result)
        exclusive = bool(source.get("exclusiveMinimum"))
        _add(result, _check_bound(name, value, minimum, exclusive, native, -1))
    if maximum is not None:
        native = _check_range(name, maximum, type_name, format_name, "Maximum boundary", result)
        exclusive = bool(source.get("exclusiveMaximum"))
        _add(result, _check_bound(name, value, maximum, exclusive, native, 1))
    result.matches += 2


def _add(result: Result, failure: Failure | None) -> None:
    if failure is not None:
        result.add(failure)


def _check_range(name: str, value: float, type_name: str, format_name: str, what: str, result: Result) -> bool:
    """Tell whether a number can be of a type and format; add a failure that names no field if it cannot."""
    fits = True
    if type_name == "integer":
        low, high = INT32 if format_name == "int32" else INT64
        fits = value == math.floor(value) and low <= value <= high
    elif type_name == "number" and format_name == "float":
        fits = abs(value) <= MAX_FLOAT32
    if not fits:
        of = f"with format {format_name}" if format_name else "(default format)"
        result.add(failures.general(f"{what} value must be of type {type_name} {of} in {name}"))
    return fits


def _check_multiple(name: str, value: float, factor: float, native: bool) -> Failure | None:
    if isinstance(value, int) and native:
        whole = int(factor)
        if whole <= 0:
            return failures.not_positive(name, whole)
        return None if value % whole == 0 else _not_multiple(name, value, whole)
    if factor <= 0:
        return failures.not_positive(name, factor)
    times = 1 / factor * value if factor < 1 else value / factor
    near = abs(times - round(times)) <= 1e-9 * max(1.0, abs(times))
    return None if math.isfinite(times) and near else _not_multiple(name, value, factor)


def _not_multiple(name: str, value: float, factor: float) -> Failure:
    return failures.invalid(name, value, f"should be a multiple of {number(factor)}")


def _check_bound(name: str, value: float, bound: float, exclusive: bool, native: bool, sign: int) -> Failure | None:
    if isinstance(value, int) and native:
        bound = int(bound)
    distance = (value - bound) * sign
    if distance < 0 or (distance == 0 and not exclusive):
        return None
    side = "less than" if sign > 0 else "greater than"
    or_equal = "" if exclusive else " or equal to"
    return failures.invalid(name, value, f"should be {side}{or_equal} {number(bound)}")
