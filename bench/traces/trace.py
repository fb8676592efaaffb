"""Trace: pods in their order of arrival, made of few distinct shapes, and when each of them comes and goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core import Node, Pod

Times = NDArray[np.float64]
WHOLE = 1000
"""1/1000 of a device in a whole one."""
Row = tuple[int, int, int, int, tuple[str, ...]]


class PodShape(NamedTuple):
    """What a pod asks for: ``gpus`` devices, ``gpu_milli`` (1/1000 of a device) of each, of one of some models."""

    cpu_milli: int
    memory_bytes: int
    gpus: int = 0
    gpu_milli: int = 0
    models: tuple[str, ...] = ()
    """Empty: any model."""

    @property
    def gpu_total_milli(self) -> int:
        """Return what is asked for on all devices together."""
        return self.gpus * self.gpu_milli

    @property
    def title(self) -> str:
        """Return a short name such as ``4 CPU 16 GiB 0.5×GPU``."""
        gpus = f" {self.gpus * self.gpu_milli / WHOLE:g}×{'|'.join(self.models) or 'GPU'}" if self.gpus else ""
        return f"{self.cpu_milli / 1000:g} CPU {float(f'{self.memory_bytes / 2**30:.3g}'):g} GiB{gpus}"


class NodeShape(NamedTuple):
    """What a node has."""

    cpu_milli: int
    memory_bytes: int
    gpus: int = 0
    model: str = ""

    @property
    def title(self) -> str:
        """Return a short name such as ``96 CPU 384 GiB 8×G2``."""
        gpus = f" {self.gpus}×{self.model or 'GPU'}" if self.gpus else ""
        return f"{self.cpu_milli / 1000:g} CPU {float(f'{self.memory_bytes / 2**30:.3g}'):g} GiB{gpus}"


@dataclass(frozen=True)
class Trace:
    """P pods in the order in which they come. Times are in seconds from the first of them on."""

    title: str
    names: Sequence[str]
    shapes: list[PodShape]
    shape_of: NDArray[np.int32]
    created_s: Times
    deleted_s: Times
    """inf: a pod that never goes."""
    templates: list[Pod] | None = None
    """A pod of each shape, where there is more to it than amounts; as they come from object dumps."""

    @property
    def count(self) -> int:
        """Return the number of pods."""
        return len(self.shape_of)

    @property
    def span_s(self) -> float:
        """Return the time from the first arrival to the last."""
        return float(self.created_s[-1]) if self.count else 0.0

    def amounts(self) -> NDArray[np.int64]:
        """Return what each shape asks for, int64[3, shapes]: cpu milli, memory bytes, gpu milli of all devices."""
        rows = [(shape.cpu_milli, shape.memory_bytes, shape.gpu_total_milli) for shape in self.shapes]
        return np.array(rows, np.int64).reshape(-1, 3).T


@dataclass(frozen=True)
class Nodes:
    """N nodes, made of few distinct shapes."""

    title: str
    names: Sequence[str]
    shapes: list[NodeShape]
    shape_of: NDArray[np.int32]
    templates: list[Node] | None = None
    """A node of each shape, where there is more to it than amounts."""

    @property
    def count(self) -> int:
        """Return the number of nodes."""
        return len(self.shape_of)

    def amounts(self) -> NDArray[np.int64]:
        """Return what each shape has, int64[3, shapes]: cpu milli, memory bytes, gpu milli of all devices."""
        rows = [(shape.cpu_milli, shape.memory_bytes, shape.gpus * WHOLE) for shape in self.shapes]
        return np.array(rows, np.int64).reshape(-1, 3).T


def distinct(columns: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return a row of each distinct combination of columns, and the number of the combination of each row."""
    code = np.zeros(len(columns[0]), np.int64)
    for column in columns:  # a pair at a time, so that the numbers stay small
        values, number = np.unique(column, return_inverse=True)
        _, code = np.unique(code * len(values) + number, return_inverse=True)
    _, first, number = np.unique(code, return_index=True, return_inverse=True)
    return first, number.astype(np.int32)


def in_order(
    title: str,
    names: Sequence[str],
    shapes: list[PodShape],
    shape_of: NDArray[np.int32],
    created_s: Times,
    deleted_s: Times,
    templates: list[Pod] | None = None,
) -> Trace:
    """Return a trace of pods in any order: by arrival, those that come at the same time as they were given."""
    order = np.argsort(created_s, kind="stable")
    origin = float(created_s[order[0]]) if len(order) else 0.0
    moved = [names[number] for number in order.tolist()]
    return Trace(title, moved, shapes, shape_of[order], created_s[order] - origin, deleted_s[order] - origin, templates)
