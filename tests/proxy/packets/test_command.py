"""``stowage proxy`` from beginning to end: a process, a folder of manifests, a kernel, and connections through it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from proxy_core import EndpointSlice, ProxyObject
from proxy_core.kernel.netns import inside
from tests.proxy.agent.world import Reply, get
from tests.proxy.objects import NODE, node
from tests.proxy.packets.bed import Bed, can_be_made
from tests.proxy.packets.clients import Outcome, Question, ask
from tests.proxy.packets.cluster import (
    PORT,
    TARGET,
    cluster_ip,
    local,
    remote,
    service,
    service_cidrs,
    slices,
)
from tests.proxy.packets.driver import missing
from tests.proxy.packets.servers import Answer, Servers

PROGRAM = """
from cluster_shim.cli.main import EntryPointGroup
from cluster_shim.cli.proxy import proxy
group = EntryPointGroup("stowage")
group.get_command = lambda context, name: proxy
group()
"""
OTHER = {"iptables": "nftables", "nftables": "flat", "flat": "iptables"}
API_VERSIONS = {"EndpointSlice": "discovery.k8s.io/v1", "ServiceCIDR": "networking.k8s.io/v1"}


class Site:
    """A bed with servers, a folder of manifests, and the processes that were started on it."""

    def __init__(self, mode: str, bed: Bed, servers: Servers, folder: Path) -> None:
        self.mode, self.bed, self.servers, self.folder = mode, bed, servers, folder
        self.processes: list[subprocess.Popen[str]] = []

    def write(self, *records: ProxyObject, name: str = "shop.json") -> None:
        """Put objects into a file of the folder, at once."""
        items = [
            {
                "kind": type(each).__name__,
                "apiVersion": API_VERSIONS.get(type(each).__name__, "v1"),
                **msgspec.to_builtins(each),
            }
            for each in records
        ]
        (self.folder / "next").write_text(json.dumps({"kind": "List", "items": items}))
        (self.folder / "next").rename(self.folder / name)

    def command(self, *args: str, mode: str = "") -> list[str]:
        """Return the words that start the proxy in the node's namespace."""
        common = ("--netns", self.bed.node.netns, "--mode", mode or self.mode, "--hostname-override", NODE)
        return [sys.executable, "-c", PROGRAM, "proxy", *common, *args]

    def run(self, *args: str, mode: str = "") -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(self.command(*args, mode=mode), capture_output=True, text=True, check=False, timeout=60)

    def start(self) -> subprocess.Popen[str]:
        """Start it and wait until it says that it is healthy."""
        words = self.command("--from", str(self.folder), "--iptables-min-sync-period", "100ms")
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        self.processes.append(process)
        _until(lambda: process.poll() is not None or self.get("/healthz").status == 200)
        assert process.poll() is None, process.communicate()
        return process

    def get(self, path: str, port: int = 10256) -> Reply:
        """Ask one of its servers from the node."""
        with inside(self.bed.node.netns), suppress(OSError):
            return get(f"http://127.0.0.1:{port}{path}")
        return Reply(0, None, "")  # type: ignore[arg-type]

    def ask(self) -> Outcome:
        """Open a connection from a pod of the node to the service."""
        return ask(Question(self.bed.pod_b.netns, cluster_ip(1, "IPv4"), PORT), seconds=3)

    def modes(self) -> set[str]:
        """Return the modes of which there is a rule in the kernel."""
        tables = self.bed.run(self.bed.node, "nft", "list", "tables")
        rules = self.bed.run(self.bed.node, "iptables-save") + self.bed.run(self.bed.node, "ip6tables-save")
        found = {"nftables": "kube-proxy\n" in tables, "flat": "stowage\n" in tables, "iptables": "KUBE-SVC" in rules}
        return {mode for mode, there in found.items() if there}

    def end(self, process: subprocess.Popen[str], how: signal.Signals) -> tuple[int, str]:
        """Send a signal; return the exit status and what the process said."""
        process.send_signal(how)
        said = process.communicate(timeout=30)[1]
        return process.returncode, said


def _until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def _server(outcome: Outcome) -> str:
    return outcome.server if isinstance(outcome, Answer) else outcome


@pytest.fixture
def site(mode: str, tmp_path: Path) -> Iterator[Site]:
    """Return a site with one service, whose endpoint is a pod of the node."""
    reason = can_be_made() or missing(mode)
    if reason:
        pytest.skip(reason)
    with Bed() as bed, Servers() as servers:
        servers.serve(bed.pod_a.netns, bed.pod_a.IPv4, TARGET, ("TCP",))
        servers.serve(bed.other.netns, bed.remote_pod(0, "IPv4"), TARGET, ("TCP",))
        found = Site(mode, bed, servers, tmp_path)
        found.write(node(), service_cidrs(), service(1, protocols=("TCP",)), name="cluster.json")
        found.write(*ends(bed, here=True))
        yield found
        for each in found.processes:
            if each.poll() is None:
                each.kill()
            each.communicate()


def ends(bed: Bed, *, here: bool) -> tuple[EndpointSlice, EndpointSlice]:
    """Return the slices of the service, whose only endpoint is here or on the other node."""
    return slices(1, [local(bed.pod_a) if here else remote(bed, 0)], protocols=("TCP",))


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
def test_a_proxy_from_its_start_to_its_clean_up(site: Site) -> None:
    bed, here, there = site.bed, site.bed.pod_a.IPv4, site.bed.remote_pod(0, "IPv4")
    process = site.start()
    _until(lambda: _server(site.ask()) == here)
    assert site.get("/proxyMode", 10249).body == site.mode
    metrics = site.get("/metrics", 10249).body
    assert 'kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family="IPv6"} 1.0' in metrics
    assert ("kubeproxy_iptables_ct_state_invalid_dropped_packets_total" in metrics) == (site.mode == "iptables")

    site.write(*ends(bed, here=False))
    _until(lambda: _server(site.ask()) == there)
    compared = site.run("--from", str(site.folder), "--diff")
    assert (compared.returncode, compared.stdout) == (0, ""), compared.stdout + compared.stderr

    (site.folder / "shop.json").write_text("{")
    time.sleep(2)  # for a proxy on a busy machine to look at it
    assert _server(site.ask()) == there
    site.write(*ends(bed, here=True))
    _until(lambda: _server(site.ask()) == here)
    status, said = site.end(process, signal.SIGTERM)
    assert status == 0 and "shop.json" in said and "stays in force" in said and said.endswith("the rules stay\n")
    assert _server(site.ask()) == here

    process = site.start()
    assert site.end(process, signal.SIGKILL)[0] == -signal.SIGKILL
    site.write(*ends(bed, here=False))
    assert _server(site.ask()) == here  # nobody is there to follow
    site.start()
    _until(lambda: _server(site.ask()) == there)

    compared = site.run("--from", str(site.folder), "--diff", "--json", "-", mode=OTHER[site.mode])
    assert compared.returncode == 1 and json.loads(compared.stdout)["differences"]


@pytest.mark.parametrize("mode", OTHER)
def test_another_mode_takes_over_and_cleaning_up_leaves_nothing(site: Site) -> None:
    for mode in (site.mode, OTHER[site.mode]):
        done = site.run("--from", str(site.folder), "--once", mode=mode)
        assert done.returncode == 0 and _server(site.ask()) == site.bed.pod_a.IPv4, done.stderr
    assert site.modes() == {OTHER[site.mode]}
    cleaned = site.run("--cleanup", mode=site.mode)
    assert (cleaned.returncode, cleaned.stderr) == (0, "")
    assert _server(site.ask()) == "silence" and site.modes() == set()
