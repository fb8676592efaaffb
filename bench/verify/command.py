"""What ``stowage verify scheduler`` does with its options: read everything, replay, report, write."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import click
import msgspec

from bench.verify.read import Family, Queue, Scenario, family_of, find_files, read
from bench.verify.replay import replay
from bench.verify.result import FamilyResult, FirstDifference, Result
from cluster_shim.cli.inputs import tell_of_compiling
from cluster_shim.cli.result import check_json, write_json
from cluster_shim.cli.terminal import Bar, notice
from sched_core import kernels_cached

_LONGEST = 400
"""How many characters of a value that is no text are printed; the JSON has all of it."""


def run(paths: Sequence[Path], left_out: Sequence[str], json_file: str | None) -> Result:
    """Replay, print and write; raises InvalidObjects or a usage error before anything is replayed."""
    files = find_files(paths)
    names = {family_of(file) for file in files}
    if names <= set(left_out):
        raise click.UsageError("--except leaves nothing to verify.")
    for name in sorted(set(left_out) - names):
        notice(f"--except {name}: there is no such family among the files")
    check_json(json_file)
    families = read([file for file in files if family_of(file) not in left_out])
    compiled = any(isinstance(each, Scenario) for family in families for each in family.scenarios)
    tell_of_compiling(not compiled or kernels_cached())
    result = verify(families)
    result.left_out = sorted(names.intersection(left_out))
    report(result, json_file)
    return result


def report(result: Result, json_file: str | None) -> None:
    """Print a result, and write it as JSON where that is asked for (``-``: standard output)."""
    show(result, sys.stderr if json_file == "-" else sys.stdout)
    write_json(json_file, result)


def verify(families: Sequence[Family]) -> Result:
    """Replay all scenarios, with a progress bar."""
    done = 0
    results = []
    with Bar("replaying pods") as bar:
        total = sum(_size(scenario) for family in families for scenario in family.scenarios)
        for family in families:
            result = FamilyResult(family.name)
            for scenario in family.scenarios:
                result.add(scenario.name, replay(scenario))
                done += _size(scenario)
                bar.of(done, total)
            results.append(result)
    return Result(all(result.passed for result in results), results, [])


def show(result: Result, stream: TextIO) -> None:
    """Print one line per family, then the first difference of each that has one."""
    width = max(len(name) for name in (*(each.family for each in result.families), *result.left_out))
    for each in result.families:
        print(f"{each.family:<{width}}  {_line(each)}", file=stream)
    for name in result.left_out:
        print(f"{name:<{width}}  left out", file=stream)
    for each in result.families:
        if each.first_difference is not None:
            print(f"\nfirst difference in {each.family}:", file=stream)
            for label, value in _lines(each.first_difference):
                print(f"  {label:<8}  {value}", file=stream)
    scenarios = sum(each.scenarios for each in result.families)
    passed = sum(each.scenarios_passed for each in result.families)
    print(f"\n{passed}/{scenarios} scenarios passed", file=stream)


def _line(family: FamilyResult) -> str:
    parts = [f"{family.scenarios_passed}/{family.scenarios} passed"]
    if family.scenarios_differ:
        parts.append(f"{family.scenarios_differ} differ{'s' * (family.scenarios_differ == 1)}")
    if family.needs:
        verb = "needs" if family.scenarios_not_decided == 1 else "need"
        parts.append(f"{family.scenarios_not_decided} {verb} {', '.join(family.needs)}")
    return f"{', '.join(parts)} ({family.unit} {family.pods_passed}/{family.pods})"


def _lines(difference: FirstDifference) -> Iterator[tuple[str, str]]:
    for label in ("scenario", "pod", "field", "plugin", "node"):
        if value := getattr(difference, label):
            yield label, value
    yield "expected", _text(difference.expected)
    yield "got", _text(difference.got)


def _text(value: Any) -> str:
    """Return a value on one line."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return value.replace("\n", "\n            ")
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def _size(scenario: Scenario | Queue) -> int:
    """Return how much of the progress bar a scenario is."""
    return len(scenario.steps if isinstance(scenario, Queue) else scenario.pods)
