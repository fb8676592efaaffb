"""The recorded decisions beside the repository: what this version can decide, it decides as kube-scheduler does."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.verify.command import verify
from bench.verify.read import find_files, read
from bench.verify.result import FamilyResult

FAMILIES = {
    "balanced": 337,
    "fit": 311,
    "images": 329,
    "mostallocated": 311,
    "nodeaffinity": 355,
    "ports": 369,
    "requestedtocapacityratio": 338,
    "taints": 341,
    "unschedulable": 355,
}
"""Families that pass as a whole, with their number of pods."""


def result_of(path: Path) -> FamilyResult:
    families = read(find_files([path]))
    return verify(families).families[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_passes(golden: Path, family: str) -> None:
    result = result_of(golden / f"{family}.json.gz")
    assert result.first_difference is None
    assert (result.scenarios, result.scenarios_passed, result.needs) == (20, 20, [])
    assert (result.pods, result.pods_passed) == (FAMILIES[family], FAMILIES[family])


@pytest.mark.parametrize("family", ["weights", "preemption"])
def test_a_family_is_decided_as_far_as_nothing_is_missing(golden: Path, family: str) -> None:
    result = result_of(golden / f"{family}.json.gz")
    assert result.first_difference is None
    assert result.scenarios_passed + result.scenarios_not_decided == 20
    assert result.scenarios_passed > 0
    assert result.passed == (not result.needs)


def test_the_scripts_of_the_queue_pass(golden: Path) -> None:
    result = result_of(golden / "queue.json.gz")
    assert result.first_difference is None
    assert (result.scenarios, result.scenarios_passed, result.needs) == (15, 15, [])
    assert (result.pods, result.pods_passed, result.unit) == (3216, 3216, "steps")
