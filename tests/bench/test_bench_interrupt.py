"""Ctrl-C in the middle of a benchmark: partial results are kept and marked."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from bench.scheduling import run
from bench.workloads import source
from sched_core import Batch, Engine
from tests.bench.command import PROGRAM


def read_until(descriptor: int, text: bytes) -> None:
    """Read a terminal until a text appears; fails when it ends before."""
    seen = b""
    while text not in seen:
        piece = os.read(descriptor, 65536)
        assert piece, seen.decode(errors="replace")
        seen += piece


def test_ctrl_c_keeps_what_there_is(environment: dict[str, str], workdir: Path) -> None:
    arguments = ["--nodes", "3000", "--pods", "500000", "--workload", "mixed", "--engine", "cycle"]
    outputs = ["--json", "out.json", "--report", "out.html"]
    # The progress bar, which only a terminal gets to see, tells when scheduling is under way.
    terminal, other_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "bench", "scheduling", *arguments, *outputs],
        cwd=workdir,
        env=environment | {"TERM": "xterm", "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=other_end,
        text=True,
        start_new_session=True,
    )
    os.close(other_end)
    try:
        read_until(terminal, b"scheduling")
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=300)
    finally:
        process.kill()
        os.close(terminal)
    assert process.returncode == 130
    assert "interrupted after" in stdout
    result = json.loads((workdir / "out.json").read_text(encoding="utf-8"))
    assert result["interrupted"] is True
    assert 0 < result["decided"] < result["pods"] == 500_000
    assert result["scheduled"] + result["unschedulable"] == result["decided"]
    assert sum(result["latency_histogram"]["counts"]) == result["decided"]
    assert "Interrupted after" in (workdir / "out.html").read_text(encoding="utf-8")


class Interrupted(Engine):
    """An engine during whose first batch Ctrl-C is pressed."""

    def schedule_many(self, *args: object, **kwargs: object) -> Batch:
        os.kill(os.getpid(), signal.SIGINT)
        return super().schedule_many(*args, **kwargs)  # type: ignore[arg-type]


def test_the_batch_that_is_running_is_finished_and_counted() -> None:
    before = signal.getsignal(signal.SIGINT)
    workload = source.synthetic("one-class", 20, run.FIRST_CHUNK + 1, 1, 0)
    outcome = run.schedule(Interrupted(workload.cluster), workload, lambda done: None)
    assert outcome.interrupted
    assert outcome.decided == run.FIRST_CHUNK
    assert outcome.scheduled == np.count_nonzero(outcome.node_of >= 0) == int(workload.cluster.nodes.pod_count.sum())
    assert signal.getsignal(signal.SIGINT) is before
