"""Ctrl-C and the death of a worker in the middle of ``stowage compare``: what is done is kept whole, the rest follows.

Nodes: 32 with 4 GPUs each. Policies: Random, which is decided in the cycle, so that no process compiles batches; and
one that kills its process, once all other runs are there, as long as a file says so.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.compare.record import Record
from tests.bench.command import PROGRAM

SEEDS = 10
NODES = "sn,cpu_milli,memory_mib,gpu,model\n" + "".join(f"n{number},64000,65536,4,T4\n" for number in range(32))
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n" + "".join(
    f"p{number},1000,1024,1,{milli},\n" for number, milli in enumerate([400, 1000, 300] * 80)
)
DEADLY = """
import os
import signal
from pathlib import Path

from plugins.policies.at_random import Random

HERE = Path({folder!r})


class Deadly(Random):
    name = "Deadly"

    def score(self, state, pod, nodes):
        if (HERE / "deadly").exists() and len([*(HERE / "out" / "runs").glob("t-Random-*")]) == {seeds}:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().score(state, pod, nodes)
"""
PATIENCE_SECONDS = 120.0

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts the command, with a process group of its own as a terminal gives it."""
    (tmp_path / "nodes.csv").write_text(NODES, encoding="utf-8")
    (tmp_path / "t.csv").write_text(PODS, encoding="utf-8")
    metadata = tmp_path / "site" / "stowage_compare-0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stowage-compare\nVersion: 0\n", encoding="utf-8")
    points = "[stowage.commands]\ncompare = bench.compare.cli:compare\n"
    (metadata / "entry_points.txt").write_text(points, encoding="utf-8")
    path = f"{tmp_path / 'site'}{os.pathsep}{environment['PYTHONPATH']}"
    started: list[subprocess.Popen[str]] = []

    def popen(policies: str = "Random", out: str = "out", jobs: int = 2) -> subprocess.Popen[str]:
        given = ["compare", "--policies", policies, "--traces", "t.csv", "--nodes", "nodes.csv", "--no-bounds"]
        given += ["--seeds", str(SEEDS), "--out", out, "--jobs", str(jobs), "--json", f"{out}.json"]
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *given],
                cwd=tmp_path,
                env=environment | {"PYTHONPATH": path},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return started[-1]

    yield popen
    for each in started:
        if each.poll() is None:
            os.killpg(each.pid, signal.SIGKILL)
        each.communicate()


def await_(what: Callable[[], Any], process: subprocess.Popen[str]) -> Any:
    """Wait until something is there, as long as the command runs."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not (found := what()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < ends
        time.sleep(0.005)
    return found


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, stderr = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, stderr


def workers(process: subprocess.Popen[str]) -> list[int]:
    """Return the ids of the processes in which a command has its runs done."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1]) if folder.name.isdigit() else 0
            if parent == process.pid and b"spawn_main" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended since
    return found


def kept(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return the files of results by name, with their times; each is whole, and there is nothing else."""
    found = {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in (folder / "runs").iterdir()}
    for name, (_, data) in found.items():
        assert name.endswith(".json") and not name.startswith(".")
        assert set(json.loads(data)) == set(Record.__struct_fields__)
    return found


def without_time(folder: Path) -> list[dict[str, Any]]:
    """Return the results of a folder without what a clock decided."""
    results = [json.loads(data) for _, data in kept(folder).values()]
    for result in results:
        del result["seconds"], result["numbers"]["decisions_per_s"]
    return sorted(results, key=lambda result: str(result["key"]))


def test_after_ctrl_c_the_same_command_goes_on(start: Start, tmp_path: Path) -> None:
    process = start()
    await_(lambda: [*(tmp_path / "out").glob("runs/t-*.json")], process)
    os.killpg(process.pid, signal.SIGINT)
    status, stderr = end(process)
    before = kept(tmp_path / "out")
    assert (status, "Traceback" in stderr) == (130, False), stderr
    assert 0 < len(before) < SEEDS
    assert f"interrupted: {len(before)} runs are kept in out; the same command goes on from there" in stderr
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["interrupted"] is True

    status, stderr = end(start())
    after = kept(tmp_path / "out")
    assert status == 0 and f"{len(before)} of {SEEDS} runs are in out already" in stderr, stderr
    assert len(after) == SEEDS and before.items() <= after.items()
    (trace,) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["traces"]
    assert trace["seeds"] == [*range(42, 42 + SEEDS)]

    assert end(start(out="undisturbed"))[0] == 0
    assert without_time(tmp_path / "out") == without_time(tmp_path / "undisturbed")


def test_ctrl_c_while_processes_begin(start: Start, tmp_path: Path) -> None:
    """A terminal sends it to all of them; they have not been told yet to leave it to the first."""
    process = start()
    await_(lambda: workers(process), process)
    os.killpg(process.pid, signal.SIGINT)
    status, stderr = end(process)
    assert status == 130, stderr
    assert "Traceback" not in stderr and "died" not in stderr
    assert f"interrupted: {len(kept(tmp_path / 'out'))} runs are kept" in stderr


def test_a_worker_that_is_killed_costs_nothing_but_time(start: Start, tmp_path: Path) -> None:
    process = start()
    await_(lambda: [*(tmp_path / "out").glob("runs/t-*.json")], process)
    os.kill(workers(process)[0], signal.SIGKILL)
    status, stderr = end(process)
    assert status == 0 and "a process died (out of memory, killed?);" in stderr, stderr
    assert len(kept(tmp_path / "out")) == SEEDS
    assert end(start(out="undisturbed"))[0] == 0
    assert without_time(tmp_path / "out") == without_time(tmp_path / "undisturbed")


def test_a_run_that_always_kills_its_process(start: Start, tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text(DEADLY.format(folder=str(tmp_path), seeds=SEEDS), encoding="utf-8")
    (tmp_path / "deadly").touch()
    both = "Random,deadly.py:Deadly"
    status, stderr = end(start(both, jobs=1))
    before = kept(tmp_path / "out")
    assert status == 1 and "processes died 3 times (out of memory?) while these were due: t-Deadly-" in stderr, stderr
    assert "Traceback" not in stderr
    assert SEEDS <= len(before) < 2 * SEEDS and not (tmp_path / "out.json").exists()

    (tmp_path / "deadly").unlink()
    status, stderr = end(start(both))
    after = kept(tmp_path / "out")
    assert status == 0 and len(after) == 2 * SEEDS and before.items() <= after.items(), stderr
