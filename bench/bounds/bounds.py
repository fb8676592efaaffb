"""The two bounds: the most that can be allocated, and the fewest nodes that can hold everything."""

from __future__ import annotations

from math import ceil

import numpy as np

from bench.bounds.instance import Instance
from bench.bounds.program import Program
from sched_core import NotSupported


def most_gpu_percent(instance: Instance) -> float | None:
    """Return the most of all devices that any policy can have allocated, in percent; None without devices.

    Pods that are forced have to be served, of the others those that help may be: a bound for policies that know all
    pods in advance. None as well if the forced ones cannot all be served.
    """
    _check()
    if not instance.gpu_milli:
        return None
    gains = np.array([-shape.gpu_total_milli / 1000 for shape in instance.pod_shapes])
    solution = Program(instance).solve(gains, 0.0, instance.forced)
    return None if solution is None else min(100.0, -100_000.0 * solution.bound / instance.gpu_milli)


def fewest_nodes(instance: Instance) -> int | None:
    """Return how many nodes any policy needs at least for all pods; None if they cannot all be served."""
    _check()
    solution = Program(instance).solve(np.zeros(len(instance.pod_shapes)), 1.0, instance.count)
    return None if solution is None else max(ceil(solution.bound - 1e-6), 0)


def _check() -> None:
    try:
        import scipy.optimize  # noqa: F401
    except ImportError:
        raise NotSupported("bounds need scipy: install stowage[bounds]") from None
