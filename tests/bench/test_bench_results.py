"""Numbers worked out of a run, rules of comparison, files, and the layout of the heat map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np
import pytest

from bench import table
from bench.machine import Machine
from bench.report.heatmap import lay_out
from bench.scheduling.compare import compare
from bench.scheduling.result import Histogram, Result, Throughput, histogram, throughput
from bench.workloads.source import Groups
from cluster_shim.cli import output

MACHINE = Machine(cpu="abacus", cores=2, memory_bytes=1 << 30, kernel="6", python="3", numba="1", numpy="2")


def a_result(**changes: Any) -> Result:
    values: dict[str, Any] = {
        "schema": "stowage/bench/scheduling/1",
        "version": "1",
        "created": "2026-01-01T00:00:00+00:00",
        "title": "a run",
        "workload": {"pods": 100},
        "options": {"engine": "auto"},
        "notes": [],
        "machine": MACHINE,
        "interrupted": False,
        "pods": 100,
        "decided": 100,
        "scheduled": 90,
        "unschedulable": 10,
        "errors": 0,
        "nodes": 5,
        "nodes_used": 5,
        "decisions_per_second": 1000.0,
        "seconds": 0.1,
        "setup_seconds": 0.0,
        "compile_seconds": 0.0,
        "latency_us_p50": 10.0,
        "latency_us_p90": 20.0,
        "latency_us_p99": 30.0,
        "latency_us_max": 40.0,
        "peak_rss_bytes": 1000,
        "speeds": {"fused": 100},
        "utilisation": {},
        "unschedulable_reasons": [],
        "unschedulable_messages": [],
        "throughput": Throughput([0.1], [1000.0]),
        "latency_histogram": Histogram([1.0, 10.0], [100]),
        "decisions_sha256": "0",
    }
    return Result(**(values | changes))


def test_the_histogram_counts_everything_once() -> None:
    latency = np.array([0.0, 0.5, 1.0, 9.99, 10.0, 1e6])
    found = histogram(latency)
    assert sum(found.counts) == 6
    edges = np.array(found.edges_us)
    assert np.allclose(edges[1:] / edges[:-1], 10**0.1)
    at_ten = int(np.flatnonzero(np.isclose(edges, 10.0))[0])
    assert (found.counts[at_ten - 1], found.counts[at_ten]) == (1, 1)
    assert histogram(np.array([])) == Histogram([], [])


def test_throughput_adds_up() -> None:
    finished = np.cumsum(np.linspace(0.001, 0.002, 1000))
    found = throughput(finished)
    took = np.diff(found.seconds, prepend=0.0)
    assert found.seconds[-1] == finished[-1]
    assert float(np.sum(took * found.decisions_per_second)) == pytest.approx(1000)
    assert found.decisions_per_second[0] > found.decisions_per_second[-1]
    assert throughput(np.array([])) == Throughput([], [])


def test_throughput_of_few_pods() -> None:
    assert throughput(np.array([0.5, 1.0])).decisions_per_second == [2.0, 2.0]


@pytest.mark.parametrize(
    ("changes", "regressions"),
    [
        ({}, []),
        ({"decisions_per_second": 901.0, "latency_us_p50": 11.9, "latency_us_p99": 44.0, "peak_rss_bytes": 1099}, []),
        ({"decisions_per_second": 899.0}, ["decisions_per_second"]),
        ({"latency_us_p50": 12.1, "latency_us_p99": 45.1}, ["latency_us_p50", "latency_us_p99"]),
        ({"peak_rss_bytes": 1101}, ["peak_rss_bytes"]),
        ({"scheduled": 89}, ["scheduled"]),
        ({"scheduled": 89, "workload": {"pods": 99}}, []),
        ({"scheduled": 89, "interrupted": True}, []),
    ],
)
def test_what_is_a_regression(changes: dict[str, Any], regressions: list[str]) -> None:
    found = compare(a_result(**changes), a_result(), "earlier")
    assert [change.rule.key for change in found.regressions] == regressions


def test_timings_of_another_machine_are_not_judged() -> None:
    other = msgspec.structs.replace(MACHINE, cores=64)
    found = compare(a_result(machine=other, decisions_per_second=1.0, scheduled=1), a_result(), "earlier")
    assert [change.rule.key for change in found.regressions] == ["scheduled"]
    assert any("another machine" in remark for remark in found.remarks)


def test_decisions_that_differ_are_said() -> None:
    assert "pods went to other nodes" in compare(a_result(decisions_sha256="1"), a_result(), "earlier").remarks


def test_every_node_has_its_cell() -> None:
    zone_of = np.array([0, 1] * 50, np.int32)
    shape_of = np.array([0] * 70 + [1] * 30, np.int32)
    groups = Groups(["z-a", "z-b"], ["shape-16", "shape-4"], zone_of, shape_of)
    percent = np.arange(100.0)
    percent[0] = np.nan
    layout = lay_out(percent, groups)
    assert sorted(layout.cells[~np.isnan(layout.cells)].tolist()) == list(range(1, 100))
    assert [label for _, label in layout.rows] == ["shape-4", "shape-16"]
    assert [label for _, label in layout.columns] == ["z-a", "z-b"]
    assert layout.nodes_per_cell == 1


def test_too_many_nodes_share_cells() -> None:
    count = 100_000
    groups = Groups(
        ["z"], [f"s{number}" for number in range(60)], np.zeros(count, np.int32), np.arange(count, dtype=np.int32) % 60
    )
    layout = lay_out(np.full(count, 40.0), groups)
    assert layout.nodes_per_cell == 4
    assert np.nanmax(layout.cells) == np.nanmin(layout.cells) == 40.0
    assert layout.rows[-1][1] == "other shapes"


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o640)
    with pytest.raises(UnicodeEncodeError):
        output.write_atomically(path, "new \udc80")
    assert path.read_text(encoding="utf-8") == "old"
    output.write_atomically(path, "new")
    assert path.read_text(encoding="utf-8") == "new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_check_leaves_nothing(tmp_path: Path) -> None:
    output.check_writable(tmp_path / "out", "--json")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(click.BadParameter, match="cannot be written"):
        output.check_writable(tmp_path / "gone" / "out", "--json")


def test_the_table_is_put_between_its_markers() -> None:
    text = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
    assert table.replace_between_markers(text, "new", "x") == f"before\n{table.BEGIN}\nnew\n{table.END}\nafter\n"


def test_the_table_says_what_was_reached() -> None:
    good = table.Measured(a_result(decisions_per_second=512_345.0), 59.0)
    late = table.Measured(a_result(peak_rss_bytes=5 << 30), 61.0)
    lines = table.table([good, good, good, late]).splitlines()
    assert len(lines) == 2 + len(table.BARS) + 2
    assert "| ≥ 500,000/s | **512,000/s** | yes |" in lines[2]
    assert "**61.0 s in all, 5.0 GiB** | no |" in lines[5]
    assert "`stowage bench scheduling --nodes 10000 --pods 50000 --workload one-class`" in lines[2]
    assert str(MACHINE) in lines[-1]
