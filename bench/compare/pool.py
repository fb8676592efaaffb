"""Tasks in parallel processes of this machine; Ctrl-C lets what runs end, and a second one does not."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

import click

from bench.compare.work import Inputs, Result, Task, work
from bench.scheduling.run import Interrupt
from cluster_shim.cli.terminal import notice

RETRIES = 2
"""How often runs are tried again whose process died (out of memory, killed) before any other one was done."""
_inputs: Mapping[str, Inputs] = {}
_code = ""


def run_local(
    tasks: Sequence[Task], inputs: Mapping[str, Inputs], code: str, jobs: int, done: Callable[[Task, Result], None]
) -> bool:
    """Work tasks out and hand each result over as it comes; False if it was interrupted before all were done.

    Raises what a task raises (StowageError), and a usage error if the processes keep dying.
    """
    left = {task.key: task for task in tasks}
    died = 0
    with Interrupt() as interrupt:
        while died <= RETRIES:
            before = len(left)
            try:
                return _run(left, inputs, code, min(jobs, len(left)), done, interrupt)
            except BrokenProcessPool:
                if interrupt.requested:
                    return False
                died = died + 1 if len(left) == before else 1
                notice(f"a process died (out of memory, killed?); {len(left):,} of {len(tasks):,} are left to do")
    titles = ", ".join(task.title for task in [*left.values()][:jobs])
    raise click.ClickException(f"processes died {died} times (out of memory?) while these were due: {titles}")


def _run(
    left: dict[str, Task],
    inputs: Mapping[str, Inputs],
    code: str,
    jobs: int,
    done: Callable[[Task, Result], None],
    interrupt: Interrupt,
) -> bool:
    context = multiprocessing.get_context("spawn")  # a fork of a process with numba's threads may hang
    pool = ProcessPoolExecutor(jobs, context, _begin, (inputs, code))
    try:
        waiting: dict[Future[Result], Task] = {}
        told = False
        due = iter([*left.values()])
        while left:
            # no more than run at once, so that Ctrl-C does not wait for what is queued in the pool
            if not interrupt.requested:
                with _held_interrupts():
                    waiting |= {pool.submit(_work, task): task for task in _next(due, jobs - len(waiting))}
            if not waiting:
                return False
            finished, _ = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            if interrupt.requested and not told:
                told = True
                notice(f"what runs ({len(waiting):,}) is finished first; Ctrl-C again ends it at once")
            for future in finished:
                task = waiting.pop(future, None)
                if task is not None:
                    done(task, future.result())
                    del left[task.key]
        return True
    except KeyboardInterrupt:  # the second one
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _next(due: Iterable[Task], count: int) -> list[Task]:
    return [task for _, task in zip(range(count), due, strict=False)]


@contextmanager
def _held_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back for a moment; processes that begin in it hold it back until they are told to ignore it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(inputs: Mapping[str, Inputs], code: str) -> None:
    global _inputs, _code
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to all; the first process decides
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _inputs, _code = inputs, code


def _work(task: Task) -> Result:
    return work(task, _inputs[task.trace], _code)
