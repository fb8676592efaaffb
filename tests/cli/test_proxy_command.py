"""``stowage proxy`` as a user calls it, on paper and on a machine made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from cluster_shim.cli import proxy_run
from cluster_shim.cli.main import EntryPointGroup
from cluster_shim.cli.proxy import proxy
from cluster_shim.proxy.backends import MODES
from tests.proxy.agent.world import PaperEdge

Run = Callable[..., Result]
WEB = """
apiVersion: v1
kind: Node
metadata: {name: node-1}
status: {addresses: [{type: InternalIP, address: 192.168.7.11}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 172.30.0.1, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: bare, namespace: shop}
spec: {ports: [{port: 80}]}
"""
HEADLESS = """
apiVersion: v1
kind: Service
metadata: {name: headless, namespace: shop}
spec: {clusterIP: None}
"""


class Here(EntryPointGroup):
    """The group with this command of the source tree, installed or not."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return proxy


@pytest.fixture
def stowage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs ``stowage proxy ARGS`` in a folder with web.yaml."""
    (tmp_path / "web.yaml").write_text(WEB, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(Here(name="stowage"), ["proxy", *args])


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> PaperEdge:
    """Return the machine made up on which the command works."""
    found = PaperEdge()
    monkeypatch.setattr(proxy_run, "_edge", lambda _: found)
    return found


@pytest.mark.parametrize("mode", MODES)
def test_a_newcomer_sees_a_sample_in_every_mode(stowage: Run, mode: str) -> None:
    result = stowage("--dry-run", "--mode", mode)
    assert result.exit_code == 0 and "no --from, so this is a sample" in result.stderr
    assert f"# IPv4, mode {mode}" in result.stdout and f"# IPv6, mode {mode}" in result.stdout
    assert "172.30.0.41" in result.stdout and "kube-system/dns:dns udp" in result.stderr
    assert "no endpoint: rejected" in result.stderr and "nothing was touched" in result.stderr


def test_a_dry_run_as_json(stowage: Run) -> None:
    result = stowage("--dry-run", "--json", "-", "--from", "web.yaml", "--hostname-override=node-1")
    tree = json.loads(result.stdout)
    assert tree["mode"] == "iptables" and tree["servicePorts"] == [
        {
            "name": "shop/web tcp",
            "addresses": "172.30.0.1:80",
            "endpoints": "0",
            "notes": "no endpoint: rejected",
        }
    ]
    assert "ip6tables-restore --noflush --counters <<'EOF'" in tree["written"]["IPv6"]


def test_what_an_api_server_would_have_given_is_missed(stowage: Run) -> None:
    result = stowage("--dry-run", "--from", "web.yaml", "--hostname-override", "node-2")
    assert "without spec.clusterIP, which an API server assigns, there is nothing to do for shop/bare" in result.stderr
    assert "there is no Node node-2 (did you mean node-1?): its addresses" in result.stderr
    result = stowage("--dry-run", "--from", "web.yaml", "--hostname-override", "x")
    assert "there is no Node x (but node-1): its addresses" in result.stderr


def test_the_overview_counts_in_words(stowage: Run, tmp_path: Path) -> None:
    spec = "{type: LoadBalancer, clusterIP: 172.30.0.1, loadBalancerSourceRanges: [%s], ports: [{port: 80}]}"
    for ranges, words in (("10.0.0.0/8", "for 1 network only"), ("10.0.0.0/8, 192.0.2.0/24", "for 2 networks only")):
        text = WEB.replace("{clusterIP: 172.30.0.1, ports: [{port: 80}]}", spec % ranges)
        (tmp_path / "web.yaml").write_text(text, encoding="utf-8")
        assert words in stowage("--dry-run", "--from", "web.yaml").stderr


MAGLEV = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, annotations: {stowage.dev/balancing: maglev}}
spec: {clusterIP: 172.30.0.1, ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [{addresses: [10.180.0.1]}, {addresses: [10.180.1.1]}]
"""


def test_ways_by_many_elements_are_one_for_each_endpoint(stowage: Run, tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(MAGLEV, encoding="utf-8")
    way = ("trace", "--from", "10.180.0.77", "--to", "172.30.0.1:80", "--objects", "web.yaml", "--mode", "flat")
    result = stowage(*way)
    lines = [line for line in result.stdout.splitlines() if "accepted" in line]
    assert sorted(line.partition("to ")[2] for line in lines) == ["10.180.0.1:8080", "10.180.1.1:8080"], result.output
    assert sum(Fraction(line.partition(" ")[0]) for line in lines) == 1
    assert result.stdout.count("that differ in the element alone") == 2
    assert len(json.loads(stowage(*way, "--json", "-").stdout)["ways"]) > 2


def test_a_dry_run_tells_what_would_be_left_out(stowage: Run, tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(MAGLEV.replace("maglev", "magleff"), encoding="utf-8")
    result = stowage("--dry-run", "--from", "web.yaml", "--mode", "flat")
    assert result.exit_code == 0 and "IPv4: left out: Service shop/web: metadata.annotations" in result.stderr
    assert "172.30.0.1 . tcp . 80" in result.stdout
    result = stowage("--dry-run", "--from", "web.yaml", "--mode", "ipvs", "--ipvs-scheduler", "none")
    assert result.exit_code == 0 and "172.30.0.1:80/TCP: no scheduler none" in result.stderr


def test_a_local_policy_without_an_endpoint_here_is_noted(stowage: Run, tmp_path: Path) -> None:
    text = MAGLEV.replace("ports: [{port: 80}]", "internalTrafficPolicy: Local, ports: [{port: 80}]")
    (tmp_path / "web.yaml").write_text(text, encoding="utf-8")
    rows = json.loads(stowage("--dry-run", "--json", "-", "--from", "web.yaml").stdout)["servicePorts"]
    assert rows[0]["endpoints"] == "2 (0 here)"
    assert rows[0]["notes"] == "internal traffic to this node's endpoints only, and there is none"


def test_addresses_of_several_services_are_named(stowage: Run, tmp_path: Path) -> None:
    ports = "ports: [{port: 80, nodePort: 30080}, {port: 80, protocol: UDP, nodePort: 30080, name: u}]"
    text = WEB.replace("ports: [{port: 80}]", ports.replace("80, nodePort", "80, name: t, nodePort"))
    (tmp_path / "web.yaml").write_text(text.replace("spec: {ports", "spec: {clusterIP: 172.30.0.2, ports"))
    words = stowage("--dry-run", "--from", "web.yaml").stderr
    assert "node:30080 tcp is of shop/web:t and shop/bare:t: one of them has its traffic\n" in words
    assert "node:30080 udp is of" in words and "172.30.0.1:80" in words and words.count("one of them") == 2


def test_a_service_without_ports_is_named_unless_it_is_headless(stowage: Run, tmp_path: Path) -> None:
    text = WEB.replace("172.30.0.1, ports: [{port: 80}]", "172.30.0.1") + "---\n" + HEADLESS
    (tmp_path / "web.yaml").write_text(text, encoding="utf-8")
    words = stowage("--dry-run", "--from", "web.yaml").stderr
    assert "without spec.ports there is nothing to do for shop/web\n" in words and "headless" not in words


def test_from_takes_all_that_follows(stowage: Run, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.yaml").write_text(
        WEB.replace("name: web", "name: api").replace("node-1", "n").replace("bare", "b")
    )
    result = stowage("--from", "web.yaml", "more", "--dry-run", "--mode", "nftables")
    assert "shop/api tcp" in result.stderr and "shop/web tcp" in result.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--from"], "Option '--from' requires an argument"),
        ([], "--from FILES is missing"),
        (["--dry-run", "--mode", "nftabels"], "'nftabels' is no mode; did you mean nftables"),
        (["--dry-run", "--mode", "x"], "'x' is no mode; there are iptables, ipvs, nftables, flat"),
        (["--dry-run", "--once", "--from", "web.yaml"], "--dry-run and --once exclude each other"),
        (["--json", "-", "--from", "web.yaml"], "--json goes with --dry-run or --diff"),
        (["--dry-run", "--from", "none.yaml"], "none.yaml: cannot be read: No such file"),
        (["--dry-run", "--cluster-cidr", "10.0.0.0"], "--cluster-cidr: must be valid CIDR blocks"),
        (["--dry-run", "--profiling"], "--profiling is not supported"),
        (["--dry-run", "--master", "1"], "No such option"),
        (
            ["--dry-run", "--from", "web.yaml", "--detect-local-mode", "NodeCIDR"],
            "detectLocalMode: is NodeCIDR, and Node",
        ),
        (["--from", "web.yaml", "--once", "--netns", "no-such-namespace"], "network namespace no-such-namespace"),
        (["trace2"], "No such command"),
    ],
)
def test_bad_input_is_named_and_ends_with_2(stowage: Run, args: list[str], words: str) -> None:
    result = stowage(*args)
    assert result.exit_code == 2 and words in result.stderr and "Traceback" not in result.output


def test_the_configuration_with_all_defaults(stowage: Run, tmp_path: Path) -> None:
    assert stowage("--write-config-to", "c.yaml", "--masquerade-all=true", "--mode=ipvs").exit_code == 0
    tree = yaml.safe_load((tmp_path / "c.yaml").read_text())
    assert (tree["mode"], tree["iptables"]["masqueradeAll"], tree["configSyncPeriod"]) == ("ipvs", True, "15m0s")
    result = stowage("--config", "c.yaml", "--write-config-to", "-")
    assert yaml.safe_load(result.stdout) == tree
    assert stowage("--masquerade-all=false", "--write-config-to", "-").stdout.count("masqueradeAll: false") == 2


def test_once_prepares_syncs_and_removes_what_others_left(stowage: Run, edge: PaperEdge) -> None:
    result = stowage("--from", "web.yaml", "--once", "--mode", "nftables")
    assert result.exit_code == 0 and edge.done == [
        "prepared",
        "prepared for nftables",
        "removed leftovers of other modes than nftables; written: True",
    ]


def test_init_only_ends_before_any_rule(stowage: Run, edge: PaperEdge) -> None:
    assert stowage("--from", "web.yaml", "--init-only").exit_code == 0
    assert edge.done == ["prepared", "prepared for iptables"] and edge.paper.lines == {}


def test_cleanup_needs_no_objects_and_says_what_stays(stowage: Run, edge: PaperEdge) -> None:
    assert stowage("--cleanup").exit_code == 0 and edge.done == ["removed all"]
    edge.problems = ["chain KUBE-SVC is busy"]
    result = stowage("--cleanup")
    assert result.exit_code == 1 and result.stderr == "chain KUBE-SVC is busy\n"


def test_a_trace_explains_the_way_of_a_packet(stowage: Run) -> None:
    result = stowage("trace", "--from", "10.180.0.77", "--to", "172.30.0.41:80", "--mode", "nftables")
    assert result.exit_code == 0 and "for Service shop/cart:http, by its cluster IP (3 endpoints" in result.stdout
    assert "1/3  accepted, to 10.180.0.5:8080" in result.stdout and "no --objects, so this is a sample" in result.stderr
    refused = stowage("trace", "--from", "10.180.0.77", "--to", "172.30.0.43:9000", "--json", "-")
    assert refused.exit_code == 1 and json.loads(refused.stdout)["mode"] == "iptables"


def test_a_trace_of_own_objects_seen_from_a_node(stowage: Run) -> None:
    words = ("trace", "--from=1.2.3.4", "--to=172.30.0.1:80", "--masquerade-all=true", "--hostname-override=node-1")
    result = stowage(*words, "--objects", "web.yaml")
    assert result.exit_code == 1 and "for Service shop/web, by its cluster IP (0 endpoints" in result.stdout
    assert "rejected" in result.stdout
    wrong = stowage("trace", "--from", "1.2.3.4", "--to", "172.30.0.1")
    assert wrong.exit_code == 2 and "172.30.0.1 is not IP:PORT" in wrong.stderr


def test_a_mode_that_upstream_gives_up_says_so(stowage: Run, edge: PaperEdge) -> None:
    assert "mode ipvs is deprecated" in stowage("--from", "web.yaml", "--once", "--mode", "ipvs").stderr


@pytest.mark.parametrize(
    ("port", "where"), [(None, "[::]:10256"), (8080, "[::]:8080"), (0, "")], ids=["none", "another", "off"]
)
def test_deprecated_ports(port: int | None, where: str) -> None:
    assert proxy_run._with_port("[::]:10256", port) == where


def test_a_machine_without_the_family_of_the_node_or_its_pods(
    stowage: Run, edge: PaperEdge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "families", lambda mode: ("IPv4",))
    words = ("--from", "web.yaml", "--once")
    refused = stowage(*words, "--bind-address", "2001:db8:7::b")
    assert refused.exit_code == 2 and "own address is of IPv6, which does not work on this machine" in refused.stderr
    refused = stowage(*words, "--cluster-cidr", "fd00:10:180::/44")
    assert refused.exit_code == 2 and "clusterCIDR: has no network of IPv4: fd00:10:180::/44" in refused.stderr
    assert stowage(*words, "--cluster-cidr", "10.180.0.0/14").exit_code == 0
