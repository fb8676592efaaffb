"""Parameters of a workload: ``countParam: $initNodes`` and its kin take their values from ``params``.

Beside putting them in, this checks what an operation must have. Source: the ``patchParams`` and ``isValid`` of
test/integration/scheduler_perf/operations.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from bench.scheduler_perf.types import (
    AnyOperation,
    Churn,
    CountedOperation,
    CreateAny,
    CreatePods,
    DeletePods,
    Sleep,
    StartCollectingMetrics,
    UpdateAny,
)
from sched_core.config.duration import parse_duration


class Params:
    """The parameters of one workload, and which of them were used."""

    def __init__(self, values: Mapping[str, int | float | str | bool]) -> None:
        self._values, self._used = values, set[str]()

    def get(self, field: str, reference: str, expected: type) -> Any:
        """Return the value behind ``$name``. Raises ValueError, with the field in front."""
        name = reference[1:]
        if not reference.startswith("$"):
            raise ValueError(f"{field}: {reference!r} does not begin with $")
        if name not in self._values:
            raise ValueError(f"{field}: the workload has no parameter {name!r}")
        self._used.add(name)
        value = self._values[name]
        if expected is int and isinstance(value, float):
            value = int(value)
        if type(value) is not expected:
            raise ValueError(f"{field}: parameter {name!r} is {value!r}, not of the type {expected.__name__}")
        return value

    def unused(self) -> list[str]:
        """Return the names that no operation asked for."""
        return [name for name in self._values if name not in self._used]


def resolve(operation: AnyOperation, params: Params) -> AnyOperation:
    """Return an operation with numbers in place of parameters. Raises ValueError, with the field in front."""
    changes: dict[str, Any] = {}
    if isinstance(operation, CountedOperation):
        changes["count"] = _count(operation, params)
    if isinstance(operation, CreatePods):
        if operation.steady_state or operation.steady_state_param:
            raise ValueError("steadyState: is not supported")
        if operation.duration or operation.duration_param:
            raise ValueError("duration: goes with steadyState, which is not supported")
        if operation.collect_metrics and operation.skip_wait_to_completion:
            raise ValueError("collectMetrics: does not go with skipWaitToCompletion")
        volume, claim = operation.persistent_volume_template_path, operation.persistent_volume_claim_template_path
        if (volume is None) != (claim is None):
            raise ValueError("persistentVolumeTemplatePath: needs persistentVolumeClaimTemplatePath, and the reverse")
    if isinstance(operation, Sleep):
        duration = operation.duration
        if operation.duration_param:
            duration = params.get("durationParam", operation.duration_param, str)
        _check_duration(duration)
        changes["duration"] = duration
    _check(operation)
    return msgspec.structs.replace(operation, **changes)


def _count(operation: CountedOperation, params: Params) -> int:
    if operation.count_param:
        count: int = params.get("countParam", operation.count_param, int)
    elif operation.count is not None:
        count = operation.count
    else:
        count = 1 if isinstance(operation, CreateAny | UpdateAny) else 0
    if count < 0:
        raise ValueError(f"count: {count} is negative")
    return count


def _check_duration(text: str) -> None:
    try:
        parse_duration(text or "0")
    except ValueError as error:
        raise ValueError(f"duration: {error}") from None


def _check(operation: AnyOperation) -> None:
    match operation:
        case Churn(mode="recreate", number=0):
            raise ValueError("number: is needed with mode 'recreate'")
        case Churn(number=number) if number < 0:
            raise ValueError(f"number: {number} is negative")
        case Churn(template_paths=()):
            raise ValueError("templatePaths: is empty")
        case CreateAny(template_path="") | UpdateAny(template_path=""):
            raise ValueError("templatePath: is missing")
        case UpdateAny(update_per_second=rate) if rate < 0:
            raise ValueError(f"updatePerSecond: {rate} is negative")
        case UpdateAny(subresources=names) if set(names) - {"resize"}:
            raise ValueError(f"subresources: {', '.join(names)} is not supported: only resize")
        case DeletePods(delete_pods_per_second=rate) if rate < 0:
            raise ValueError(f"deletePodsPerSecond: {rate} is negative")
        case StartCollectingMetrics(namespaces=()):
            raise ValueError("namespaces: is empty")
