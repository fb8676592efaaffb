"""What ``stowage verify proxy`` does with its options: read everything, render, compare, report, write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.verify.command import report
from bench.verify.proxy.read import read
from bench.verify.proxy.replay import replay
from bench.verify.result import FamilyResult, Result
from cluster_shim.cli.result import check_json
from cluster_shim.cli.terminal import Bar


def run(paths: Sequence[Path], modes: Sequence[str], json_file: str | None) -> Result:
    """Render and compare; raises InvalidObjects or a usage error before anything is rendered."""
    check_json(json_file)
    families = list(read(paths))
    total, done, results = sum(len(each.scenarios) for each in families), 0, []
    with Bar("rendering scenarios") as bar:
        for family in families:
            found = FamilyResult(family.name, unit="syncs")
            for scenario in family.scenarios:
                found.add(scenario.name, replay(scenario, modes))
                done += 1
                bar.of(done, total)
            results.append(found)
    result = Result(all(each.passed for each in results), results, [])
    report(result, json_file)
    return result
