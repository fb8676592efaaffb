"""What ``stowage verify policies`` does with its options: read, replay in parallel processes, compare, report."""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import click

from bench.replay.experiment import Experiment, run
from bench.verify.command import report
from bench.verify.outcome import Outcome
from bench.verify.policies.judge import BY_CHANCE, Curves, compare_means, compare_run
from bench.verify.policies.read import Family, Published, read_published
from bench.verify.result import FamilyResult, Result
from cluster_shim.cli.result import check_json
from cluster_shim.cli.terminal import Bar, notice, working


class Task(NamedTuple):
    """A run that is replayed."""

    family: int
    published: Published


def verify_policies(
    folder: Path, data: Path, policies: Sequence[str], seeds: Sequence[int], left_out: Sequence[str], jobs: int,
    json_file: str | None,
) -> Result:  # fmt: skip
    """Replay, print and write; raises InvalidObjects or a usage error before anything is replayed."""
    check_json(json_file)
    with working("reading traces"):
        families = read_published(folder, data, left_out)
    tasks = [
        Task(number, published)
        for number, family in enumerate(families)
        for published in family.runs
        if (not policies or published.policy in policies) and (not seeds or published.seed in seeds)
    ]
    if not tasks:
        raise click.UsageError("the options leave nothing to verify.")
    result = judge(families, tasks, replay(families, tasks, jobs or os.cpu_count() or 1))
    result.left_out = sorted(left_out)
    report(result, json_file)
    return result


def replay(families: Sequence[Family], tasks: Sequence[Task], jobs: int) -> list[Curves]:
    """Replay runs in ``jobs`` processes, with a progress bar; return their curves in the order of the tasks.

    Policies take turns, so that two processes seldom compile the same one.
    """
    turn: defaultdict[str, int] = defaultdict(int)
    order = []
    for number, task in enumerate(tasks):
        order.append((turn[task.published.policy], number))
        turn[task.published.policy] += 1
    curves: dict[int, Curves] = {}
    notice(f"replaying {len(tasks):,} runs in {min(jobs, len(tasks))} processes; the first of a policy may compile it")
    executor = ProcessPoolExecutor(min(jobs, len(tasks)), get_context("spawn"))
    try:
        with Bar("replaying runs", len(tasks)) as bar:
            futures: dict[Future[Curves], int] = {}
            with _ignoring_interrupts():
                for _, number in sorted(order):
                    futures[executor.submit(_replay, _experiment(families, tasks[number]))] = number
            for future in as_completed(futures):
                curves[futures[future]] = future.result()
                bar(len(curves))
    except BrokenProcessPool as error:
        raise click.ClickException("a process that replayed runs has died (out of memory?)") from error
    finally:
        executor.shutdown(cancel_futures=True)
    return [curves[number] for number in range(len(tasks))]


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C, as do processes that are started meanwhile: runs that have begun end, the others do not begin."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _experiment(families: Sequence[Family], task: Task) -> Experiment:
    family, (policy, seed, *_) = families[task.family], task.published
    return Experiment(family.nodes, family.trace, policy, seed, arrivals=family.arrivals[seed])


def _replay(experiment: Experiment) -> Curves:
    """Run in a process of its own."""
    outcome = run(experiment)
    return Curves(outcome.alloc, outcome.frag_ratio_by_arrival)


def judge(families: Sequence[Family], tasks: Sequence[Task], curves: Sequence[Curves]) -> Result:
    """Compare what was replayed with what was published."""
    results = []
    for number, family in enumerate(families):
        mine = [(task.published, got) for task, got in zip(tasks, curves, strict=True) if task.family == number]
        if not mine:
            continue
        result = FamilyResult(family.name)
        for published, got in mine:
            if published.policy != BY_CHANCE:
                result.add(f"{published.policy}, seed {published.seed}", compare_run(published, got))
        by_chance = [pair for pair in mine if pair[0].policy == BY_CHANCE]
        if by_chance:
            everyone = [published for published in family.runs if published.policy == BY_CHANCE]
            outcome: Outcome = compare_means(everyone, [got for _, got in by_chance])
            result.add(f"{BY_CHANCE}, {len(by_chance)} seeds", outcome)
        results.append(result)
    return Result(all(result.passed for result in results), results, [])
