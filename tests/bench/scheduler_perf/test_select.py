"""Which workloads run, by label and by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.scheduler_perf.read import read
from bench.scheduler_perf.select import labels_match, select
from tests.bench.scheduler_perf.files import BASIC, write


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], True),
        ([""], True),
        (["performance"], True),
        (["+performance"], True),
        (["-performance"], False),
        (["!performance"], False),
        (["performance,short"], False),
        (["performance,-short"], True),
        (["performance, !short"], True),
        (["integration-test"], False),
        (["performance", "-fast"], False),
        (["performance,fast", "-short"], True),
    ],
)
def test_labels_are_required_or_forbidden(filters: list[str], expected: bool) -> None:
    assert labels_match(filters, ["performance", "fast"]) is expected


def test_names_are_searched_and_labels_are_those_of_case_and_workload(tmp_path: Path) -> None:
    second = "  - name: large\n    params: {nodes: 3, pods: 3}\n"
    jobs = read([write(tmp_path, BASIC.replace("- name: Basic\n", "- name: Basic\n  labels: [all]\n") + second)])
    assert [job.name for job in jobs] == ["Basic/tiny", "Basic/large"]
    assert select(jobs, re.compile("^Basic/l"), []) == jobs[1:]
    assert select(jobs, None, ["all,short"]) == jobs[:1]
    assert select(jobs, re.compile("large"), ["short"]) == []
