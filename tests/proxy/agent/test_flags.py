"""Upstream's flags and a configuration file: where each ends up, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from cluster_shim.proxy.dump import config_tree, dump_config, go_duration
from cluster_shim.proxy.flags import FLAGS, configuration
from proxy_core import InvalidConfig, NotSupported, load_config
from proxy_core.config.duration import parse_duration
from tests.proxy.agent.world import HEAD, SECOND

VALUES: dict[str, Any] = {
    "text": "x",
    "number": 7,
    "float": 2.5,
    "duration": "90s",
    "flag": True,
    "list": "10.0.0.0/8,fd00::/8",
}
SPECIAL = {
    "cluster-cidr": "10.0.0.0/8,fd00::/8",
    "detect-local-mode": "NodeCIDR",
    "bind-address": "::1",
    "healthz-bind-address": "10.1.2.3:99",
    "metrics-bind-address": "[::1]:98",
    "iptables-min-sync-period": "5s",
    "ipvs-min-sync-period": "6s",
}


def configured(mode: str | None = None, file: str | None = None, **flags: Any) -> Any:
    return config_tree(configuration(flags, file, mode, print))


def _as_go_writes(text: str) -> Any:
    return go_duration(parse_duration(text))


def _split(text: str) -> Any:
    return text.split(",")


def at(tree: Any, path: str) -> Any:
    for step in path.split("."):
        tree = tree[step]
    return tree


@pytest.mark.parametrize(
    "flag", [each for each in FLAGS if "Not supported" not in each.help], ids=lambda flag: flag.name
)
def test_every_flag_sets_its_field(flag: Any) -> None:
    given = SPECIAL.get(flag.name, VALUES[flag.kind])
    if flag.name == "iptables-localhost-nodeports":
        given = False
    expected = {"duration": _as_go_writes, "list": _split}.get(flag.kind)
    value = at(configured(**{flag.variable: given}), flag.path)
    assert value == (expected(given) if expected else given) and value != at(configured(), flag.path)


@pytest.mark.parametrize("flag", [each for each in FLAGS if "Not supported" in each.help], ids=lambda flag: flag.name)
def test_what_is_not_supported_is_refused_by_name(flag: Any) -> None:
    with pytest.raises(NotSupported, match=f"--{flag.name} is not supported"):
        configured(**{flag.variable: VALUES[flag.kind]})


def test_flags_of_iptables_count_in_nftables_mode_too() -> None:
    tree = configured("nftables", iptables_sync_period="2m", masquerade_all=True)
    assert tree["mode"] == "nftables"
    assert (tree["nftables"]["syncPeriod"], tree["nftables"]["masqueradeAll"]) == ("2m0s", True)


def test_a_problem_names_the_flag_that_was_given_once() -> None:
    with pytest.raises(InvalidConfig) as refused:
        configured(iptables_sync_period="5", nodeport_addresses="10.0.0.0/8,x", cluster_cidr="10.0.0.0/8")
    assert [str(each) for each in refused.value.problems] == [
        "--iptables-sync-period: is no duration, as 30s or 1m30s are: '5'"
    ]
    with pytest.raises(InvalidConfig, match=r"^1 problem.*\n  --nodeport-addresses: must be a valid CIDR: 'x'$"):
        configured(nodeport_addresses="10.0.0.0/8,x")


def test_the_least_interval_of_ipvs_is_another_by_flags_than_by_file(tmp_path: Path) -> None:
    assert configured("ipvs")["ipvs"]["minSyncPeriod"] == "1s"
    assert configured("ipvs", ipvs_min_sync_period="0s")["ipvs"]["minSyncPeriod"] == "0s"
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({**HEAD, "mode": "ipvs"}))
    assert configured(None, str(file))["ipvs"]["minSyncPeriod"] == "0s"


def test_a_file_with_the_few_flags_that_count_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({**HEAD, "mode": "ipvs", "nft": 1, "clientConnection": {"kubeconfig": "k"}}))
    tree = configured("nftables", str(file), hostname_override="n")
    assert (tree["mode"], tree["hostnameOverride"]) == ("nftables", "n")
    said = capsys.readouterr().out
    assert "config.yaml: unknown field nft" in said and "kubeconfig is not used yet" in said
    assert "qps" not in said and "logging" not in said
    more = {"clientConnection": {"qps": 50, "burst": 0, "contentType": ""}, "logging": {"verbosity": 4, "vmodule": []}}
    file.write_text(yaml.safe_dump({**HEAD, **more}))
    configured(None, str(file))
    said = capsys.readouterr().out
    assert said.count("warning") == 2 and "clientConnection.qps is not used yet" in said and "logging.verbosity" in said
    with pytest.raises(click.UsageError, match="--cluster-cidr has no effect beside --config; put clusterCIDR into"):
        configured(None, str(file), cluster_cidr="10.0.0.0/8")


@pytest.mark.parametrize("field", ["featureGates", "enableProfiling", "showHiddenMetricsForVersion"])
def test_fields_of_a_file_that_are_refused(tmp_path: Path, field: str) -> None:
    value = {"featureGates": {"A": True}, "enableProfiling": True, "showHiddenMetricsForVersion": "1.35"}[field]
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({**HEAD, field: value}))
    with pytest.raises(NotSupported, match=f"{field} is not supported"):
        configured(None, str(file))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "malformed"),
        ("", "is empty"),
        (f"{yaml.safe_dump(HEAD)}---\n{yaml.safe_dump(HEAD)}", "expected one KubeProxyConfiguration, found 2"),
        ("kind: KubeletConfiguration", "expected one KubeProxyConfiguration, found KubeletConfiguration$"),
        ("kind: ConfigMap", "expected one KubeProxyConfiguration, found ConfigMap; .* data"),
        (yaml.safe_dump({**HEAD, "mode": "ebpf"}), "mode: must be"),
    ],
)
def test_files_that_are_no_configuration(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(InvalidConfig, match=reason):
        configured(None, str(file))
    with pytest.raises(InvalidConfig, match="cannot be read: No such file"):
        configured(None, str(tmp_path / "none.yaml"))


def test_a_configuration_of_a_cluster_with_other_documents(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"kind: KubeletConfiguration\n---\n{yaml.safe_dump({**HEAD, 'mode': 'nftables'})}")
    assert configured(None, str(file))["mode"] == "nftables"


def test_a_dumped_configuration_is_read_as_the_same() -> None:
    config = load_config({**HEAD, "mode": "ipvs", "ipvs": {"excludeCIDRs": ["10.0.0.0/8"], "udpTimeout": "1m30.5s"}})
    assert load_config(yaml.safe_load(dump_config(config))) == config


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1500, "1.5µs"),
        (20_000_000, "20ms"),
        (SECOND, "1s"),
        (90_500_000_000, "1m30.5s"),
        (-7200 * SECOND, "-2h0m0s"),
        (3601 * SECOND, "1h0m1s"),
    ],
)
def test_durations_as_go_writes_them(nanoseconds: int, text: str) -> None:
    assert go_duration(nanoseconds) == text and parse_duration(text) == nanoseconds
