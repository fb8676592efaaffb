"""Tasks on the workers of a Dask cluster; what a worker that dies had to do, others do."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.compare.work import Inputs, Result, Task, work
from bench.scheduling.run import Interrupt
from sched_core import NotSupported, StowageError

CONNECT_SECONDS = 10
RETRIES = 3
"""How often a task is tried again whose worker died."""
PAUSE_SECONDS = 0.2


class NoCluster(StowageError):
    """Nobody answers at the address of the scheduler, or no worker is there."""


def run_on_dask(
    address: str, tasks: Sequence[Task], inputs: Mapping[str, Inputs], code: str, done: Callable[[Task, Result], None]
) -> bool:
    """Work tasks out and hand each result over as it comes; False if it was interrupted before all were done.

    Raises NotSupported without the extra ``dask``, NoCluster, and what a task raises (StowageError).
    """
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise NotSupported("--dask needs distributed: install stowage[dask]") from None
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise NoCluster(f"there is no Dask scheduler at {address}: {error}") from None
    with client, Interrupt() as interrupt:
        if not client.scheduler_info()["workers"]:
            raise NoCluster(f"the Dask scheduler at {address} has no workers")
        there = {label: client.scatter(each, broadcast=True) for label, each in inputs.items()}
        futures = {
            client.submit(work, task, there[task.trace], code, key=f"stowage-{task.key}", retries=RETRIES): task
            for task in tasks
        }
        return _collect(distributed, futures, done, interrupt)


def _collect(
    distributed: Any, futures: dict[Any, Task], done: Callable[[Task, Result], None], interrupt: Interrupt
) -> bool:
    left = dict(futures)
    while left:
        if interrupt.requested:
            for future in left:
                future.cancel()
            return False
        try:
            finished = distributed.wait(list(left), timeout=PAUSE_SECONDS, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            continue
        for future in finished:
            done(left.pop(future), future.result())
    return True
