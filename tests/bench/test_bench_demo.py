"""``stowage bench demo`` and ``stowage bench table``, on clusters that are small enough for a test."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from bench import demo, table
from bench.workloads import source


def small() -> source.Workload:
    return source.synthetic("mixed", 40, 200, 2, 0)


def test_the_demo_prints_both_workloads_and_writes_one_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "synthetic", small)
    assert demo.run(tmp_path / "report.html") is False
    out = capsys.readouterr().out
    titles = ["mixed: 200 pods onto 40 synthetic nodes", "openb_sample_pods.csv: 1,500 pods onto the 300 nodes"]
    assert [title in out for title in titles] == [True, True]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert [title in page for title in titles] == [True, True]
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_the_demo_is_the_main_job(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(source, "synthetic", lambda *args: asked.append(args))
    demo.synthetic()
    assert asked == [("mixed", 10_000, 50_000, 3, 0)]


def test_most_of_the_sample_fits() -> None:
    workload = demo.sample()
    assert (workload.pod_count, workload.cluster.nodes.count) == (1500, 300)
    gpus = workload.cluster.nodes.resources.index("nvidia.com/gpu")
    assert int(workload.cluster.nodes.allocatable[gpus].sum()) == 1016


def test_a_row_of_the_table_is_measured_in_a_process_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    measured = table.measure("--nodes 30 --pods 60 --workload one-class")
    assert measured.result.scheduled == 60
    assert measured.wall_seconds > measured.result.seconds


def test_a_row_that_fails_says_why() -> None:
    with pytest.raises(click.ClickException, match="--nodes"):
        table.measure("--nodes 0")


def test_the_table_is_written_into_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"# x\n{table.BEGIN}\n{table.END}\nend\n", encoding="utf-8")
    small_run = table.measure("--nodes 30 --pods 60 --workload one-class")
    monkeypatch.setattr(table, "measure", lambda options: small_run)
    table.run(readme)
    text = readme.read_text(encoding="utf-8")
    assert text.startswith(f"# x\n{table.BEGIN}\n| workload | bar |")
    assert text.endswith(f"{table.END}\nend\n")
    assert text.count("`stowage bench scheduling ") == len(table.BARS)


def test_an_interrupted_table_leaves_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"{table.BEGIN}\nold\n{table.END}\n", encoding="utf-8")

    def interrupt(options: str) -> table.Measured:
        raise KeyboardInterrupt

    monkeypatch.setattr(table, "measure", interrupt)
    with pytest.raises(KeyboardInterrupt):
        table.run(readme)
    assert readme.read_text(encoding="utf-8") == f"{table.BEGIN}\nold\n{table.END}\n"
