"""Upstream's own files, where they lie beside the repository: all can be read, and the small workloads pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.scheduler_perf.command import run_job
from bench.scheduler_perf.read import read
from bench.scheduler_perf.select import labels_match
from bench.scheduling.run import Interrupt

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "scheduler_perf"
TOPICS = ("affinity", "event_handling", "misc", "topology_spreading", "volumes")
FILES = [file for topic in TOPICS if (file := SHARED / topic / "performance-config.yaml").is_file()]
JOBS = [job for job in read(FILES) if labels_match(["integration-test,short"], job.labels)] if FILES else []
absent = pytest.mark.skipif(not FILES, reason="there is no folder ../shared/data/scheduler_perf")


@absent
def test_all_topics_are_read() -> None:
    assert {file.parent.name for file in FILES} == set(TOPICS)
    assert len(JOBS) > 60


@absent
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_the_workloads_for_integration_tests_pass(job) -> None:  # type: ignore[no-untyped-def]
    result = run_job(job, Interrupt(), 30.0)
    assert result.passed, (result.stopped, result.measured)
    assert all(measured.pods > 0 for measured in result.measured)
