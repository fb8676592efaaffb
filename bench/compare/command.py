"""What ``stowage compare`` does with its options: read everything, run what is missing, summarise, show, write."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import click
import numpy as np
from msgspec import Struct

from bench.compare.fingerprint import code_digest, digest
from bench.compare.inputs import By, Named, Wanted, read_inputs
from bench.compare.policy import Policy, read_policies
from bench.compare.pool import run_local
from bench.compare.record import SCHEMA, Bound, Record
from bench.compare.show import show
from bench.compare.store import Store
from bench.compare.summary import TraceSummary, metrics_of, summarise
from bench.compare.timed import TimedInputs
from bench.compare.work import Result, Task
from bench.machine import Machine, stowage_version, this_machine
from bench.timed.policy import check_devices
from bench.traces.load import mapping
from cluster_shim.cli.inputs import tell_of_compiling
from cluster_shim.cli.output import check_writable
from cluster_shim.cli.result import check_json, write_json
from cluster_shim.cli.terminal import Bar, notice, working
from sched_core import kernels_cached

FIRST_SEED = 42
RATIO = 1.3
R = TypeVar("R", Record, Bound)


class Options(NamedTuple):
    """The options as they were given."""

    policies: str
    traces: tuple[Path, ...]
    nodes: Path
    by: By
    given: tuple[str, ...]
    """The mapping of columns, with ``map_file``."""
    map_file: Path | None
    seeds: int
    ratio: float | None
    arrivals: tuple[Path, ...]
    baseline: str | None
    bounds: bool | None
    jobs: int | None
    dask: str | None
    out: Path
    json_file: str | None
    report: Path | None


class Summary(Struct, frozen=True, kw_only=True):
    """What ``--json`` writes."""

    schema: str = "stowage/compare/1"
    version: str
    machine: Machine
    interrupted: bool
    by: By
    traces: list[TraceSummary]


def run(options: Options) -> bool:
    """Compare; False if it was interrupted. Raises StowageError or a usage error before anything runs."""
    check_json(options.json_file)
    if options.report:
        check_writable(options.report, "--report")
    policies = read_policies(options.policies)
    baseline = _baseline(options.baseline, policies)
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    _check(options, policies)
    with_bounds = options.by == "arrival" and _with_bounds(options.bounds)
    with working("reading traces"):
        where = mapping(options.given, options.map_file)
        wanted = Wanted(options.traces, options.nodes, options.ratio or RATIO, options.arrivals, options.by, where)
        inputs = {each.label: each for each in read_inputs(wanted, seeds)}
    for each in inputs.values():
        _check_timed(each, policies)
    store = Store(options.out)
    runs = [
        Task(_key(each, policy, seed), each.label, seed, policy)
        for seed in seeds  # seed by seed, so that what is there after an interrupt can be compared
        for each in inputs.values()
        for policy in policies
    ]
    worker = _Worker(options, store, inputs)
    records, finished = worker.all(runs, Record, "runs")
    bounds: list[Bound] = []
    if finished and with_bounds:
        bounds, finished = worker.all(_bound_tasks(inputs, seeds, records), Bound, "bounds")
    _report(options, inputs, [policy.label for policy in policies], baseline, records, bounds, finished)
    return finished


class _Worker:
    """Has tasks worked out that are not in the folder of results yet."""

    def __init__(self, options: Options, store: Store, inputs: dict[str, Named]) -> None:
        self._options, self._store = options, store
        self._inputs = {label: each.inputs for label, each in inputs.items()}

    def all(self, tasks: Sequence[Task], kind: type[R], what: str) -> tuple[list[R], bool]:
        """Return the results of tasks in their order, and whether all are there."""
        found = {task.key: result for task in tasks if (result := self._store.read(task.title, task.key, kind))}
        due = [task for task in tasks if task.key not in found]
        if found:
            notice(f"{len(found):,} of {len(tasks):,} {what} are in {self._options.out} already")
        finished = True
        if due:
            with Bar(what, len(due)) as bar:
                finished = self._run(due, self._keep(found, kind, len(found), bar))
        return [found[task.key] for task in tasks if task.key in found], finished

    def _keep(self, found: dict[str, R], kind: type[R], before: int, bar: Bar) -> Callable[[Task, Result], None]:
        def keep(task: Task, result: Result) -> None:
            assert isinstance(result, kind)
            self._store.write(task.title, task.key, result)
            found[task.key] = result
            bar(len(found) - before)

        return keep

    def _run(self, due: Sequence[Task], keep: Callable[[Task, Result], None]) -> bool:
        if self._options.dask:
            from bench.compare.dask import run_on_dask

            return run_on_dask(self._options.dask, due, self._inputs, code_digest(), keep)
        tell_of_compiling(kernels_cached())
        jobs = self._options.jobs or len(os.sched_getaffinity(0))
        return run_local(due, self._inputs, code_digest(), jobs, keep)


def _key(named: Named, policy: Policy | None, seed: int, served_percent: int = 0) -> str:
    who = [policy.name, policy.sha256] if policy else ["bounds", served_percent]
    return digest(SCHEMA, code_digest(), named.label, named.sha256, who, seed)


def _bound_tasks(inputs: dict[str, Named], seeds: Sequence[int], records: Sequence[Record]) -> list[Task]:
    """Return the bounds to work out: what arrived before any policy turned a pod away counts as served."""
    tasks = []
    for label, named in inputs.items():
        for seed in seeds:
            runs = [each for each in records if (each.trace, each.seed) == (label, seed)]
            served = int(max(each.numbers["served_until_percent"] for each in runs))
            tasks.append(Task(_key(named, None, seed, served), label, seed, None, served))
    return tasks


def _report(
    options: Options,
    inputs: dict[str, Named],
    policies: list[str],
    baseline: str,
    records: Sequence[Record],
    bounds: Sequence[Bound],
    finished: bool,
) -> None:
    of_trace = {label: [each for each in records if each.trace == label] for label in inputs}
    of_trace = {label: found for label, found in of_trace.items() if found}
    summaries = [
        summarise(found, [each for each in bounds if each.trace == label], policies, baseline)
        for label, found in of_trace.items()
    ]
    metrics = {label: metrics_of(found) for label, found in of_trace.items()}
    result = Summary(
        version=stowage_version(),
        machine=this_machine(),
        interrupted=not finished,
        by=options.by,
        traces=summaries,
    )
    if not write_json(options.json_file, result):
        show(summaries, metrics)
    if options.report and summaries:
        from bench.compare.page import write_report  # which loads matplotlib

        with working("drawing the report"):
            write_report(options.report, result, metrics, of_trace, next(iter(inputs.values())).inputs.nodes)
        notice(f"report: {options.report}")
    if not finished:
        notice(f"interrupted: {len(records):,} runs are kept in {options.out}; the same command goes on from there")


def _baseline(name: str | None, policies: Sequence[Policy]) -> str:
    labels = [policy.label for policy in policies]
    found = next((policy.label for policy in policies if name in (None, policy.name, policy.label)), None)
    if found is None:
        raise click.BadParameter(f"'{name}' is not one of {', '.join(labels)}.", param_hint="--baseline")
    return found


def _check_timed(named: Named, policies: Sequence[Policy]) -> None:
    """Raise InvalidObjects for a policy that is not for a trace; tell of a trace without times."""
    if not isinstance(named.inputs, TimedInputs):
        return
    nodes, trace = named.inputs
    for policy in policies:
        if not policy.is_profile:
            check_devices(policy.name, nodes, trace)
    if not trace.span_s and not np.isfinite(trace.deleted_s).any():
        notice(f"{named.label}: there are no times in it, so all pods come at once and stay")


def _check(options: Options, policies: Sequence[Policy]) -> None:
    """Raise a usage error for what does not go with ``--by``."""
    if options.by == "time":
        given = {"--bounds": options.bounds, "--ratio": options.ratio, "--arrivals": options.arrivals}
        for name, value in given.items():
            if value:
                raise click.UsageError(f"{name} is for traces by arrival; it does not go with --by time.")
        return
    for policy in policies:
        if policy.is_profile:
            raise click.UsageError(f"{policy.name} is a whole profile; those are for traces by time (--by time).")


def _with_bounds(wanted: bool | None) -> bool:
    there = importlib.util.find_spec("scipy") is not None
    if wanted and not there:
        raise click.UsageError("--bounds needs scipy: install stowage[bounds].")
    return there if wanted is None else wanted
