"""kill -9 at random moments under 50 writers: nothing acknowledged is lost, nothing is half there, no watch has a gap.

The suite runs a short form; ``STOWAGE_FULL=1`` (make crash) makes it 200 kills.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.storage.etcd_server import Etcd
from tests.storage.histories import Checker

KILLS = 200 if os.environ.get("STOWAGE_FULL") else 4
START_SECONDS = 30


def run_and_kill(repo: Path, driver: str, place: str, run: int, after: int, seconds: float) -> bytes:
    """Run a process, kill it some time after its first line, and return what it told."""
    command = [sys.executable, "-m", "tests.storage.crash_writer", driver, place, str(run), str(after)]
    with subprocess.Popen(command, cwd=repo, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        output: list[bytes] = []
        reader = threading.Thread(target=lambda: output.extend(process.stdout or ()))
        reader.start()
        deadline = time.monotonic() + START_SECONDS
        while not output and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(seconds)
        ended = process.poll()
        process.kill()
        reader.join()
        assert ended is None, process.stderr.read().decode()
        return b"".join(output)


@pytest.mark.parametrize("driver", ["wal", "wal-small-snapshots", "sqlite", "etcd"])
def test_killed_at_any_moment(driver: str, repo: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    place = str(tmp_path)
    if driver == "etcd":
        server: Etcd = request.getfixturevalue("etcd")
        server.wipe()
        place = ",".join(server.urls)
    dice, checker = random.Random(driver), Checker()
    for run in range(KILLS):
        output = run_and_kill(repo, driver, place, run, checker.position, dice.uniform(0.05, 0.5))
        checker.read(output)
    print(f"{driver}: {checker.acknowledged:,} acknowledged, {checker.relisted} of {KILLS} watches read all again")
    assert checker.acknowledged > 20 * KILLS
    if driver in ("wal", "sqlite"):
        assert checker.relisted == 0
