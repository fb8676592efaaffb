"""``stowage bench scheduler-perf``: what a user types, and exit statuses."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.command import PROGRAM, Stowage
from tests.bench.scheduler_perf.files import BASIC, write

NEVER = "  - name: never\n    params: {nodes: 0, pods: 1}\n"


@pytest.fixture
def file(workdir: Path) -> str:
    """Write the file of test cases into the folder that commands run in."""
    return write(workdir).name


def test_a_workload_that_passes(stowage: Stowage, workdir: Path, file: str) -> None:
    status, stdout, stderr = stowage("scheduler-perf", file, "--json", "out.json")
    assert status == 0, stderr
    assert "Basic" in stdout and "tiny" in stdout and "not collected: scheduler_framework_extension" in stdout
    written = json.loads((workdir / "out.json").read_text(encoding="utf-8"))
    assert written["dataItems"][0]["labels"]["Name"] == "Basic/tiny/namespace-1"
    assert written["stowage"]["workloads"][0]["passed"] is True


def test_json_on_standard_output_leaves_the_table_to_the_other(stowage: Stowage, file: str) -> None:
    status, stdout, stderr = stowage("scheduler-perf", file, "--json", "-", "--repeat", "3")
    assert status == 0, stderr
    assert json.loads(stdout)["version"] == "v1"
    assert "tiny" in stderr


def test_a_missed_threshold_or_a_pod_that_is_not_scheduled_is_status_1(stowage: Stowage, workdir: Path) -> None:
    file = write(workdir, BASIC.replace("labels: [performance, short]", "threshold: 1000000000")).name
    status, stdout, _ = stowage("scheduler-perf", file)
    assert (status, "1,000,000,000" in stdout) == (1, True)
    file = write(workdir, BASIC + NEVER).name
    status, stdout, stderr = stowage(
        "scheduler-perf", file, "--name", "never", "--timeout", "0.2", "--json", "out.json"
    )
    assert status == 1, stderr
    assert "nothing was scheduled for 0.2 s: 0 of 1 pods" in " ".join(stdout.split())
    assert "0 of 1" in json.loads((workdir / "out.json").read_text())["stowage"]["workloads"][0]["stopped"]


def test_gates_without_effect_are_named(stowage: Stowage, workdir: Path) -> None:
    gates = "{FlyingPigs: true, SchedulerAsyncAPICalls: false}"
    file = write(workdir, BASIC.replace("labels:", f"featureGates: {gates}\n    labels:")).name
    status, stdout, stderr = stowage("scheduler-perf", file)
    assert status == 0, stderr
    assert "warning: FlyingPigs=true: unknown gate, ignored (1 workload)" in stdout
    assert "SchedulerAsyncAPICalls=false: no effect here" in stdout


def test_list_shows_what_would_run(stowage: Stowage, workdir: Path) -> None:
    folder = workdir / "event_handling"
    folder.mkdir()
    write(folder, BASIC + NEVER)
    status, stdout, _ = stowage("scheduler-perf", "event_handling/performance-config.yaml", "--list")
    assert (status, stdout) == (0, "eventhandling\tBasic/tiny\tperformance,short\t\neventhandling\tBasic/never\t\t\n")
    arguments = ("--list", "--label", "performance,!fast", "--name", "tiny$")
    _, stdout, _ = stowage("scheduler-perf", "event_handling/performance-config.yaml", *arguments)
    assert stdout.count("\n") == 1


def test_the_table_goes_between_its_markers(stowage: Stowage, workdir: Path, file: str) -> None:
    begin, end = (f"<!-- stowage bench scheduler-perf: {which} -->" for which in ("begin", "end"))
    readme = workdir / "README.md"
    readme.write_text(f"head\n{begin}\nold\n{end}\ntail\n", encoding="utf-8")
    status, _, stderr = stowage("scheduler-perf", file, "--update", "README.md")
    assert status == 0, stderr
    text = readme.read_text(encoding="utf-8")
    assert text.startswith(f"head\n{begin}\n| workload | nodes |")
    assert text.endswith(f"{end}\ntail\n")
    assert "| Basic/tiny | 2 | 8 | 8 |" in text and "\nold\n" not in text


@pytest.mark.parametrize(
    ("arguments", "needle"),
    [
        ((), "Missing argument 'FILE...'"),
        (("gone.yaml",), "'gone.yaml' does not exist"),
        (("performance-config.yaml", "--name", "("), "'(' is not a regular expression"),
        (("performance-config.yaml", "--name", "nobody"), "No workload has this name and these labels"),
        (("performance-config.yaml", "--repeat", "0"), "Invalid value for '--repeat'"),
        (("performance-config.yaml", "--timeout", "0"), "Invalid value for '--timeout'"),
        (("performance-config.yaml", "--json", "no/folder/x.json"), "cannot be written"),
        (("performance-config.yaml", "--update", "pod.yaml"), "does not have the lines"),
        (("pod.yaml",), "pod.yaml: holds no list of test cases"),
    ],
)
def test_bad_input_is_status_2_and_runs_nothing(
    stowage: Stowage, workdir: Path, file: str, arguments: tuple[str, ...], needle: str
) -> None:
    status, stdout, stderr = stowage("scheduler-perf", *arguments)
    assert (status, stdout) == (2, "")
    assert needle in " ".join(stderr.split())
    assert "Traceback" not in stderr and "[1/" not in stderr


def test_ctrl_c_keeps_the_results_so_far(environment: dict[str, str], workdir: Path) -> None:
    file = write(workdir, BASIC + NEVER).name
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "bench", "scheduler-perf", file, "--json", "out.json"],
        cwd=workdir,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # in the background of a shell script SIGINT is ignored, and so it would be in the child
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stderr is not None
        while (line := process.stderr.readline()) and "[2/2]" not in line:
            pass
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Basic/never: interrupted" in stdout
    own = json.loads((workdir / "out.json").read_text(encoding="utf-8"))["stowage"]
    assert own["interrupted"] is True
    assert [(each["name"], each["passed"], each["interrupted"]) for each in own["workloads"]] == [
        ("Basic/tiny", True, False),
        ("Basic/never", False, True),
    ]
