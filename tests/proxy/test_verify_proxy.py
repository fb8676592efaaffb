"""``stowage verify proxy``: recorded rules of kube-proxy, all of them, and differences that are shown."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench.verify.cli import verify
from bench.verify.proxy import packets
from proxy_core.flat.ways import Way
from sched_core import InvalidObjects


@pytest.fixture
def golden(shared: Path) -> Path:
    return shared / "golden" / "proxy"


def verified(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(verify, ["proxy", *arguments])
    return result.exit_code, result.output


def test_all_modes_equal_kube_proxy_in_every_family(golden: Path) -> None:
    code, text = verified(str(golden))
    assert (code, "220/220 scenarios passed" in text) == (0, True), text


@pytest.mark.parametrize(
    ("mode", "path", "old", "new", "field"),
    [
        ("iptables", ("iptables", "ipv4", "nat"), "KUBE-MARK-MASQ\n", "ACCEPT\n", "field     table: nat KUBE"),
        (
            "nftables",
            ("nftables", "ipv4", "ruleset"),
            "masquerade fully-random",
            "masquerade",
            "ruleset: rule masquerading",
        ),
        ("ipvs", ("ipvs", "ipv4", "filter"), "-j DROP\n", "-j ACCEPT\n", "table: filter KUBE-SOURCE-RANGES-FIREWALL"),
        ("ipvs", ("ipvs", "ipv4", "nat"), "\n-A KUBE-SERVICES", "\n-A KUBE-NODE-PORT", "table: nat KUBE-NODE-PORT"),
    ],
)
def test_a_difference_is_shown(
    golden: Path, tmp_path: Path, mode: str, path: tuple[str, ...], old: str, new: str, field: str
) -> None:
    scenario: dict[str, Any] = json.loads(gzip.decompress((golden / "clusterip.json.gz").read_bytes()))[0]
    part = scenario["expect"]
    for step in path[:-1]:
        part = part[step]
    assert old in part[path[-1]]
    part[path[-1]] = part[path[-1]].replace(old, new)
    (tmp_path / "changed.json").write_text(json.dumps([scenario]), encoding="utf-8")
    code, text = verified(str(tmp_path), "--mode", mode)
    assert code == 1 and "0/1 passed, 1 differs" in text and field in text, text


@pytest.mark.parametrize(
    ("part", "field", "value", "shown"),
    [
        ("virtualServers", "scheduler", "lc", "ipvs: virtual servers"),
        ("virtualServers", "realServers", [], "ipvs: real servers of 172.30."),
        ("ipsets", "entries", [], "ipvs: ipset KUBE-CLUSTER-IP"),
        ("boundAddresses", "", "172.30.255.254", "ipvs: bound addresses"),
    ],
)
def test_a_difference_of_ipvs_is_shown(
    golden: Path, tmp_path: Path, part: str, field: str, value: Any, shown: str
) -> None:
    scenario: dict[str, Any] = json.loads(gzip.decompress((golden / "clusterip.json.gz").read_bytes()))[0]
    expected = scenario["expect"]["ipvs"]["ipv4"][part]
    if part == "boundAddresses":
        expected.append(value)
    elif part == "ipsets":
        expected["KUBE-CLUSTER-IP"][field] = value
    else:
        next(each for each in expected if each["realServers"])[field] = value
    (tmp_path / "changed.json").write_text(json.dumps([scenario]), encoding="utf-8")
    code, text = verified(str(tmp_path), "--mode", "ipvs")
    assert code == 1 and f"field     {shown}" in text, text


def test_packets_fare_in_mode_flat_as_in_mode_nftables(golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packets, "PACKETS", 25)
    families = ("affinity", "detectlocal", "externalips", "loadbalancer", "mixed", "nodeport", "trafficpolicy")
    code, text = verified(*(str(golden / f"{family}.json.gz") for family in families), "--mode", "flat")
    assert (code, "84/84 scenarios passed" in text) == (0, True), text


def test_a_packet_that_fares_differently_is_shown(golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = Way.rules
    monkeypatch.setattr(Way, "rules", lambda way, settings: rules(way, settings)[way.kind == "external" :])
    code, text = verified(str(golden / "externalips.json.gz"), "--mode", "flat")
    assert code == 1 and "packet " in text and "masqueraded" in text, text


def test_results_that_could_not_be_written_are_refused_first(golden: Path) -> None:
    code, text = verified(str(golden / "clusterip.json.gz"), "--json", "missing/out.json")
    assert code == 2 and "Invalid value for --json" in text, text


def test_a_refusal_names_the_sync(golden: Path, tmp_path: Path) -> None:
    scenarios = json.loads(gzip.decompress((golden / "steps.json.gz").read_bytes()))
    scenario = next(each for each in scenarios if each["steps"])
    scenario["steps"][0]["changes"][0]["object"] = {"apiVersion": "v1", "kind": "Service", "metadata": {}}
    (tmp_path / "changed.json").write_text(json.dumps([scenario]), encoding="utf-8")
    code, text = verified(str(tmp_path), "--mode", "iptables")
    assert code == 1 and "sync 1" in text and "metadata.name: is missing" in text, text


def test_files_that_are_no_scenarios(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("[{}]", encoding="utf-8")
    result = CliRunner().invoke(verify, ["proxy", str(tmp_path)])
    assert isinstance(result.exception, InvalidObjects)
    assert "bad.json: is no list of proxy scenarios: Object missing required field" in str(result.exception)
