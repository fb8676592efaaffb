"""``stowage bench proxy``: what it measures, how it says it, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.cli import bench
from bench.proxy import workload
from bench.proxy.measure import Job, measure

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace is made, which needs root")


def test_objects_are_made_by_number() -> None:
    assert workload.endpoint_slice(3, 4) == workload.endpoint_slice(3, 4)
    for generation in range(3):
        before, after = (workload.endpoint_slice(3, 4, each) for each in (generation, generation + 1))
        assert sum(a != b for a, b in zip(before.endpoints, after.endpoints, strict=True)) == 1
    addresses = {each.addresses[0] for number in range(50) for each in workload.endpoint_slice(number, 4).endpoints}
    assert len(addresses) == 200


@pytest.mark.parametrize("mode", ["flat", "nftables", "iptables", "ipvs"])
def test_rendering_alone(mode: str) -> None:
    result = measure(Job(mode, 40, 3, 10, kernel=False, seed=1, iptables_variant="legacy"))
    assert (result.mode, result.services, result.changes, result.kernel) == (mode, 40, 10, False)
    assert 0 < result.change_ms_p50 <= result.change_ms_p99
    assert result.first_load_kernel_seconds == 0 and result.first_packet_us_p50 is None


def test_one_result_is_an_object_and_several_are_a_list(tmp_path: Path) -> None:
    out, report = tmp_path / "out.json", tmp_path / "report.html"
    options = ["proxy", "--render-only", "--endpoints", "2", "--changes", "5", "--mode", "flat", "--json", str(out)]
    ran = CliRunner().invoke(bench, [*options, "--services", "20"])
    assert ran.exit_code == 0, ran.output
    assert json.loads(out.read_text())["first_load_seconds"] > 0
    sizes = [word for size in ("20", "40", "80") for word in ("--services", size)]
    ran = CliRunner().invoke(bench, [*options, *sizes, "--report", str(report)])
    assert ran.exit_code == 0, ran.output
    assert [each["services"] for each in json.loads(out.read_text())] == [20, 40, 80]
    page = report.read_text()
    assert page.count("<figure>") == 5 and "services (log scale)" in page and "first load" in page


def test_more_endpoints_than_there_are_addresses_for_are_refused() -> None:
    ran = CliRunner().invoke(
        bench, ["proxy", "--render-only", "--services", "10", "--services", "4001", "--endpoints", "1000"]
    )
    assert ran.exit_code == 2 and "must be 4,000,000 at most" in ran.output


def test_a_mode_that_the_kernel_lacks_is_named_and_the_others_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = CliRunner().invoke(
        bench, ["proxy", "--services", "5", "--endpoints", "2", "--changes", "5", "--mode", "ipvs", "--mode", "flat"]
    )
    if os.geteuid() == 0 and not Path("/proc/net/ip_vs").exists():
        assert ran.exit_code == 1
        assert "ipvs, 5 × 2: " in ran.output and "ip_vs" in ran.output
        assert "flat" in ran.output.partition("one change")[2]


@ROOT
@pytest.mark.parametrize("mode", ["flat", "nftables", "iptables"])
def test_rules_are_written_and_connections_go_through_them(mode: str, tmp_path: Path) -> None:
    if mode == "iptables" and not shutil.which("iptables-legacy-restore"):
        pytest.skip("iptables-legacy-restore is not installed")
    out = tmp_path / "out.json"
    options = ["--services", "30", "--endpoints", "3", "--changes", "5", "--mode", mode, "--json", str(out)]
    ran = CliRunner().invoke(bench, ["proxy", *options])
    assert ran.exit_code == 0, ran.output
    result = json.loads(out.read_text())
    assert result["kernel"] and 0 < result["first_load_kernel_seconds"] < result["first_load_seconds"]
    assert result["first_packet_us_p50"] > 0 and result["change_kernel_ms_p50"] > 0
