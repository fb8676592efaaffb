"""``stowage bench proxy``: what it measures, how it says it, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from bench.cli import bench
from bench.proxy import namespace, workload
from bench.proxy.measure import Job, measure
from bench.proxy.report import page
from proxy_core import KernelError
from proxy_core.kernel import capabilities

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
    text = report.read_text()
    assert text.count("<figure>") == 5 and "services (log scale)" in text and "first load" in text


def test_a_curve_has_numbers_beside_it_also_where_values_are_close_together() -> None:
    first = measure(Job("flat", 5, 2, 5, kernel=False, seed=1, iptables_variant="legacy"))
    results = [
        msgspec.structs.replace(first, services=services, peak_rss_bytes=mib * 2**20, first_load_seconds=load)
        for services, mib, load in ((20, 123, 0.02), (40, 124, 0.2), (80, 133, 2.0))
    ]
    figures = {text.partition("<")[0]: text for text in page(results).split("<figcaption>")[1:]}
    assert "peak (MiB)<" in figures["Memory"] and ">100</text>" in figures["Memory"]  # from 0 on
    assert "time (s), log scale<" in figures["First load"] and ">0.1</text>" in figures["First load"]


def test_missing_rights_are_named_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capabilities, "missing", lambda _: ("NET_ADMIN",))
    with pytest.raises(KernelError, match="lacks the capability NET_ADMIN"):
        namespace.enter_new()


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
