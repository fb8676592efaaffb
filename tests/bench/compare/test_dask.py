"""Runs on a Dask cluster of this machine: a scheduler and two workers, one of which is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.compare.dask import NoCluster, run_on_dask
from bench.compare.fingerprint import code_digest
from bench.compare.inputs import Wanted, read_inputs
from bench.compare.policy import read_policies
from bench.compare.record import Bound, Record
from bench.compare.work import OtherCode, Result, Task, work

distributed: Any = pytest.importorskip("distributed", reason="distributed is an optional extra")

REPO = Path(__file__).parents[3]
NODES = "sn,cpu_milli,memory_mib,gpu,model\nn0,64000,65536,4,T4\nn1,64000,65536,2,P100\n"
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n" + "".join(
    f"p{number},1000,1024,1,{milli},\n" for number, milli in enumerate([400, 1000, 300] * 6)
)
START_SECONDS = 30.0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    file = tmp_path / "scheduler.json"
    common = [sys.executable, "-m"]
    scheduler = [*common, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    started = [_start([*scheduler, "--no-dashboard", "--scheduler-file", str(file)])]
    try:
        for _ in range(2):
            worker = [*common, "distributed.cli.dask_worker", "--scheduler-file", str(file), "--no-dashboard"]
            worker += ["--nworkers", "1", "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1"]
            started.append(_start([*worker, "--local-directory", str(tmp_path)]))
        yield _address(file), started[1:]
    finally:
        for each in started:
            each.kill()
            each.wait()


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(REPO)}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def _address(file: Path) -> str:
    ends = time.monotonic() + START_SECONDS
    while not file.exists() and time.monotonic() < ends:
        time.sleep(0.05)
    address: str = json.loads(file.read_text(encoding="utf-8"))["address"]
    with distributed.Client(address) as client:
        client.wait_for_workers(2, timeout=START_SECONDS)
    return address


@pytest.fixture(params=["arrival", "time"])
def tasks(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[list[Task], dict[str, object]]:
    (tmp_path / "nodes.csv").write_text(NODES, encoding="utf-8")
    (tmp_path / "t.csv").write_text(PODS, encoding="utf-8")
    (trace,) = read_inputs(Wanted((tmp_path / "t.csv",), tmp_path / "nodes.csv", 1.3, (), request.param), range(42, 52))
    (policy,) = read_policies("Random")
    return [Task(f"key-{seed}", "t", seed, policy) for seed in range(42, 52)], {"t": trace.inputs}


def without_time(result: Result) -> dict[str, object]:
    assert isinstance(result, Record) and not isinstance(result, Bound)
    numbers = {name: value for name, value in result.numbers.items() if name != "decisions_per_s"}
    return {"numbers": numbers, "curve": result.curve, "sizes": result.sizes, "utilisation": result.utilisation}


def test_a_worker_that_dies_costs_nothing_but_time(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], tasks: tuple[list[Task], dict[str, object]]
) -> None:
    address, workers = cluster
    due, inputs = tasks
    found: dict[str, Result] = {}

    def done(task: Task, result: Result) -> None:
        found[task.key] = result
        if len(found) == 2:
            os.kill(workers[0].pid, signal.SIGKILL)

    assert run_on_dask(address, due, inputs, code_digest(), done)  # type: ignore[arg-type]
    assert workers[0].wait(5) == -signal.SIGKILL
    expected = {task.key: work(task, inputs[task.trace], code_digest()) for task in due}  # type: ignore[arg-type]
    assert {key: without_time(each) for key, each in found.items()} == {
        key: without_time(each) for key, each in expected.items()
    }
    with pytest.raises(OtherCode, match="install the same everywhere"):
        run_on_dask(address, [due[0]._replace(key="other")], inputs, "another", done)  # type: ignore[arg-type]


def test_an_address_without_a_scheduler() -> None:
    with pytest.raises(NoCluster, match=r"there is no Dask scheduler at tcp://127\.0\.0\.1:1"):
        run_on_dask("tcp://127.0.0.1:1", [], {}, "", lambda task, result: None)
