"""Bad input to ``stowage bench``: exit status 2, a message that names the fault, and nothing written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.command import Stowage

NODES = "sn,cpu_milli,memory_mib,gpu,model\nn0,4000,8192,0,\n"
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\np0,100,128,0,0\n"
NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "n0"},
    "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"}},
}
OUTPUTS = ("--json", "out.json", "--report", "out.html")


def refused(stowage: Stowage, workdir: Path, *args: str, needle: str, stdin: str | None = None) -> str:
    """Run a command that must be refused; return its message."""
    before = {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}
    status, stdout, stderr = stowage(
        "scheduling", *args, *([] if "--json" in args or "--report" in args else OUTPUTS), stdin=stdin
    )
    assert (status, stdout) == (2, ""), stderr
    assert "Traceback" not in stderr
    assert needle in " ".join(stderr.split())
    assert {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()} == before
    return stderr


@pytest.mark.parametrize(
    ("args", "needle"),
    [
        (("--nodes", "0"), "Invalid value for '--nodes'"),
        (("--pods", "-5"), "Invalid value for '--pods'"),
        (("--zones", "none"), "Invalid value for '--zones'"),
        (("--workload", "classes:"), "'classes:' is not one of"),
        (("--workload", "classes:0"), "at least 1"),
        (("--workload", "two-class"), "'two-class' is not one of"),
        (("--engine", "warp"), "Invalid value for '--engine'"),
        (("--trace", "borg"), "Invalid value for '--trace'"),
        (("--trace", "openb"), "--trace needs --nodes-csv and --pods-csv"),
        (("--from", "x.json", "--trace", "openb"), "give one of them"),
        (("--from", "x.json", "--nodes", "5"), "--nodes describes a synthetic cluster and does not go with --from"),
        (("--from", "x.json", "--seed", "0"), "--seed describes a synthetic cluster"),
        (("x.json",), "files of objects need --from"),
        (("--skip-invalid",), "--skip-invalid needs --from"),
        (("--validate", "ignore"), "--validate needs --from"),
        (("--validate", "warn"), "Invalid value for '--validate'"),
        (("--from", "-", "--profile", "-"), "cannot both read standard input"),
        (("--json", "same", "--report", "./same"), "name the same file"),
        (("--json", "no/such/folder/x.json"), "'no/such/folder/x.json' cannot be written"),
        (("--report", "."), "is a directory"),
        (("--json", "."), "is a folder"),
        (("--compare", "gone.json"), "'gone.json' does not exist"),
        (("--profile", "gone.yaml"), "gone.yaml"),
        (("--from", "gone.json"), "gone.json"),
        (("--disable", "NoSuchPlugin"), 'plugin "NoSuchPlugin" is not enabled'),
        (("--plugin", "own.py"), "there is no file 'own.py'"),
        (("--plugin", "own:py:x"), "is not of the form FILE.py:Class=WEIGHT"),
        (("--plugin", "no.such.module:Own"), "no.such"),
        (("--plugin", "NoSuchName"), 'no plugin "NoSuchName" is installed; there are '),
        (("--plugin", "gone.py:Own=2"), "there is no file 'gone.py'"),
        (("--plugin", "gone.py:Own=-2"), "is not of the form"),
        (("--plugin", "gone.py:Own=0"), "is not a positive int32"),
    ],
)
def test_bad_options_are_refused(stowage: Stowage, workdir: Path, args: tuple[str, ...], needle: str) -> None:
    refused(stowage, workdir, *args, needle=needle)


@pytest.mark.parametrize(
    ("source", "needle"),
    [
        ("x = 1\n", "own.py has no class Own; plugins in it: none"),
        ("Own = 3\n", "Own is not a subclass of sched_core.Plugin"),
        ("class Own: pass\n", "Own is not a subclass of sched_core.Plugin"),
        ("1 / 0\n", "own.py:1: ZeroDivisionError"),
        ("x = 1\ndef broken(\n", "own.py:2: SyntaxError"),
        (
            "from sched_core import Plugin\n\n\nclass Own(Plugin):\n    name = 'NodeName'\n",
            'plugin "NodeName" is enabled already',
        ),
    ],
)
def test_a_plugin_that_cannot_be_used_is_refused(stowage: Stowage, workdir: Path, source: str, needle: str) -> None:
    (workdir / "own.py").write_text(source, encoding="utf-8")
    refused(stowage, workdir, "--plugin", "own.py:Own=2", needle=needle)


@pytest.mark.parametrize(
    ("text", "needle"),
    [
        ("{", "old.json: is not JSON"),
        ("[]", "old.json: is not a result of `stowage bench scheduling --json`"),
        ('{"schema": "stowage/bench/scheduling/1"}', "missing required field"),
        ("\x00", "old.json: is not JSON"),
    ],
)
def test_a_comparison_with_something_else_is_refused(stowage: Stowage, workdir: Path, text: str, needle: str) -> None:
    (workdir / "old.json").write_text(text, encoding="utf-8")
    refused(stowage, workdir, "--compare", "old.json", needle=needle)


@pytest.mark.parametrize(
    ("text", "needle"),
    [
        ("", "profile.yaml"),
        ("kind: KubeSchedulerConfiguration\n", "apiVersion"),
        (
            "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n"
            "- plugins:\n    filter:\n      enabled:\n      - name: NoSuchPlugin\n",
            "NoSuchPlugin",
        ),
    ],
)
def test_a_profile_that_cannot_be_used_is_refused(stowage: Stowage, workdir: Path, text: str, needle: str) -> None:
    (workdir / "profile.yaml").write_text(text, encoding="utf-8")
    refused(stowage, workdir, "--profile", "profile.yaml", needle=needle)


@pytest.mark.parametrize(
    ("name", "content", "where"),
    [
        (
            "nodes.csv",
            NODES.replace("4000", "four"),
            'nodes.csv: line 2: column cpu_milli: "four" is not a whole number',
        ),
        ("nodes.csv", NODES.replace("memory_mib,", ""), "nodes.csv: line 1: column memory_mib: is missing"),
        ("pods.csv", PODS.replace(",100,", ",-100,"), 'pods.csv: line 2: column cpu_milli: "-100" is negative'),
        ("pods.csv", PODS + "p0,1,1,0,0\n", 'pods.csv: line 3: column name: "p0" stands on line 2 already'),
        ("pods.csv", "", "pods.csv: is empty"),
    ],
)
def test_a_list_with_a_fault_is_refused(stowage: Stowage, workdir: Path, name: str, content: str, where: str) -> None:
    (workdir / "nodes.csv").write_text(NODES, encoding="utf-8")
    (workdir / "pods.csv").write_text(PODS, encoding="utf-8")
    (workdir / name).write_text(content, encoding="utf-8")
    lists = ("--nodes-csv", "nodes.csv", "--pods-csv", "pods.csv")
    refused(stowage, workdir, "--trace", "openb", *lists, needle=where)


@pytest.mark.parametrize(
    ("text", "needle"),
    [
        (json.dumps(NODE)[:-9], "objects.json"),
        (json.dumps(NODE), "there is no pending pod"),
        ('{"apiVersion": "v1", "kind": "List", "items": []}', "there is no node"),
        (json.dumps(NODE).replace('"8Gi"', '"-8Gi"'), "status.allocatable"),
        (json.dumps(NODE | {"colour": "red"}), "colour"),
    ],
)
def test_objects_with_a_fault_are_refused(stowage: Stowage, workdir: Path, text: str, needle: str) -> None:
    (workdir / "objects.json").write_text(text, encoding="utf-8")
    assert "objects.json" in refused(stowage, workdir, "--from", "objects.json", needle=needle)


def test_a_table_needs_its_markers(stowage: Stowage, workdir: Path) -> None:
    (workdir / "README.md").write_text("no markers\n", encoding="utf-8")
    status, _, stderr = stowage("table", "--update", "README.md")
    assert status == 2
    assert "does not have the lines" in stderr
    assert (workdir / "README.md").read_text(encoding="utf-8") == "no markers\n"


def test_a_demo_whose_report_cannot_be_written_does_not_run(stowage: Stowage) -> None:
    status, stdout, stderr = stowage("demo", "--report", "no/folder/x.html")
    assert (status, stdout) == (2, "")
    assert "cannot be written" in stderr


def test_help_is_quick_to_import(stowage: Stowage) -> None:
    status, stdout, _ = stowage("--help")
    assert status == 0
    assert all(name in stdout for name in ("scheduling", "demo", "table"))
