"""Record: what is kept of one run, small enough to keep thousands of them, and large enough for every figure."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

SCHEMA = "stowage/compare/run/2"
SIZES = ("no GPU", "below 1/4 GPU", "1/4 to 1/2", "1/2 to 1", "1 GPU", "2 GPUs", "3 or 4", "5 to 8", "more than 8")
"""Classes of pods by the devices that they ask for."""
RESOURCES = ("cpu", "memory", "gpu")


class Curve(Struct, frozen=True):
    """Values over what has arrived, in percent of all GPUs."""

    x: list[float]
    values: dict[str, list[float | None]]
    """None where no pod arrived."""


class Record(Struct, frozen=True, kw_only=True):
    """One policy on one trace with one seed."""

    schema: str = SCHEMA
    key: str
    """Hash of everything that decides what comes out."""
    trace: str
    policy: str
    seed: int
    numbers: dict[str, float]
    curve: Curve
    sizes: dict[str, list[int]]
    """By class of size: pods, and those that never had a node."""
    utilisation: dict[str, list[float]]
    """By resource, percent of each node in the end. -1: the node does not have it."""
    seconds: float
    """Deciding, without compiling."""


class Bound(Struct, frozen=True, kw_only=True):
    """What no policy can beat on one trace with one seed."""

    schema: str = SCHEMA
    key: str
    trace: str
    seed: int
    numbers: dict[str, float]


def size_classes(gpu_count: NDArray[np.int64], gpu_milli: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the class in SIZES of each pod, from devices and 1/1000 of each."""
    total = gpu_count * gpu_milli
    return np.searchsorted([1, 250, 500, 1000, 1001, 2001, 4001, 8001], total, side="right")


def by_size(classes: NDArray[np.int64], failed: NDArray[np.bool_]) -> dict[str, list[int]]:
    """Count pods, and those that failed, by class; classes without pods are left out."""
    pods = np.bincount(classes, minlength=len(SIZES))
    bad = np.bincount(classes[failed], minlength=len(SIZES))
    return {name: [int(pods[each]), int(bad[each])] for each, name in enumerate(SIZES) if pods[each]}


def percent_of(used: NDArray[np.float64], capacity: NDArray[np.float64]) -> list[float]:
    """Return percentages with two decimals, -1 where there is nothing to use."""
    percent = np.full(len(used), -1.0)
    np.divide(100.0 * used, capacity, out=percent, where=capacity > 0)
    rounded: list[float] = np.round(percent, 2).tolist()
    return rounded
