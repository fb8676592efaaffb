"""Typical pods: the kinds of pods that come most often, and how often. Fragmentation is measured with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import isclose
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

PORTION = 0.95
"""Kinds are taken until so many of all pods are of one of them."""


class TypicalPod(NamedTuple):
    """A kind of pods."""

    share: float
    """Of all typical pods."""
    cpu_milli: int
    gpu_milli: int
    """Of each device."""
    gpu_count: int
    models: str = ""
    """Those that it accepts, with | between them; empty for any."""


class Tables(NamedTuple):
    """Typical pods as columns, in their order."""

    shares: NDArray[np.float64]
    cpus: NDArray[np.int64]
    millis: NDArray[np.int64]
    counts: NDArray[np.int64]
    models: NDArray[np.int64]
    """A bit for each model; 0 for any."""


Kind = tuple[int, int, int, str]
"""CPU milli, GPU milli, GPU count, models."""


def typical_pods(kinds: Mapping[Kind, int], portion: float = PORTION) -> list[TypicalPod]:
    """Return the most frequent of some kinds, given with how many pods are of each.

    Among equally frequent ones the larger comes first. Their shares are of the pods that were taken.
    """
    total = sum(kinds.values())
    taken: list[tuple[Kind, int]] = []
    cumulated = 0
    for kind, pods in sorted(kinds.items(), key=lambda item: (item[1], *item[0]), reverse=True):
        if cumulated >= portion * total:
            break
        taken.append((kind, pods))
        cumulated += pods
    return [TypicalPod((pods / total) / (cumulated / total), *kind) for kind, pods in taken]


def tables(pods: Iterable[TypicalPod], model_bits: Callable[[str], int]) -> Tables:
    """Return typical pods as columns."""
    shares, cpus, millis, counts, models = zip(*pods, strict=True)
    whole = (np.array(column, np.int64) for column in (cpus, millis, counts, [model_bits(each) for each in models]))
    return Tables(np.array(shares, np.float64), *whole)


def read_typical_pods(given: Any) -> list[TypicalPod]:
    """Return typical pods as arguments of a plugin give them; raises ValueError that names what is wrong.

    Shares are made to sum up to 1; where they do, but for rounding, they stay as they are.
    """
    if not isinstance(given, list | tuple) or not given:
        raise ValueError("typicalPods must be a list of pods")
    found = [_read(f"typicalPods[{number}]", each) for number, each in enumerate(given)]
    total = sum(pod.share for pod in found)
    return found if isclose(total, 1, rel_tol=1e-9) else [pod._replace(share=pod.share / total) for pod in found]


def _read(where: str, given: Any) -> TypicalPod:
    fields = {"share": 1.0, "cpuMilli": 0, "gpuMilli": 0, "gpuCount": 0, "models": ""}
    if not isinstance(given, Mapping) or not set(given) <= set(fields):
        raise ValueError(f"{where} must be a mapping with some of {', '.join(fields)}")
    share, cpu, milli, count, models = (given.get(name, default) for name, default in fields.items())
    numbers = all(isinstance(each, int) and 0 <= each < 1 << 40 for each in (cpu, milli, count))
    if not numbers or not isinstance(share, int | float) or not 0 < share < 1e12 or not isinstance(models, str):
        raise ValueError(f"{where}: share must be a number above 0, the others whole numbers, models a text")
    if (milli > 0) != (count > 0):
        raise ValueError(f"{where}: gpuMilli and gpuCount go together")
    return TypicalPod(float(share), cpu, min(milli, 1000), count, models)


def as_arguments(pods: Iterable[TypicalPod]) -> list[dict[str, Any]]:
    """Return typical pods in the form in which a plugin takes them."""
    return [
        {
            "share": pod.share,
            "cpuMilli": pod.cpu_milli,
            "gpuMilli": pod.gpu_milli,
            "gpuCount": pod.gpu_count,
            "models": pod.models,
        }
        for pod in pods
    ]
