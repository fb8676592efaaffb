"""Recorded scenarios of kube-proxy written by IpvsProxier into the guest's kernel, and read back by the programs.

Those of one family follow each other in one network namespace, each with a proxier of its own: so the first sync also
takes away what the one before has left.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from bench.verify.proxy.normal import Normal, ipvs_rules
from bench.verify.proxy.read import Family, Ipvs, Scenario, read
from bench.verify.proxy.world import FAMILIES
from proxy_core import (
    IpvsProxier,
    Machine,
    Node,
    NodeInfo,
    ProxyState,
    load_config,
    load_object,
    node_info,
    settings_of,
)
from proxy_core.kernel.iptables import IptablesPrograms
from proxy_core.kernel.ipvs_mode import ipvs_kernel
from tests.proxy.kernel.guest import in_guest_within

GOLDEN = Path(__file__).resolve().parents[4] / "shared" / "golden" / "proxy"
SECOND = 10**9
OPTIONS = {"TCP": "-t", "UDP": "-u", "SCTP": "--sctp-service"}
NAMES = sorted(path.name for path in GOLDEN.glob("*.json.gz"))

pytestmark = pytest.mark.skipif(not NAMES, reason="there are no recorded rules in ../shared/golden/proxy")


class World:
    """A proxier of one family on the kernel."""

    def __init__(self, scenario: Scenario, family: Family) -> None:
        environment = scenario.environment
        head = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}
        self.config = load_config({**head, **scenario.config, "mode": "ipvs"}, scenario.name)
        record = load_object(scenario.node, scenario.name)
        assert isinstance(record, Node)
        self.name = record.metadata.name
        node = self.node(record)
        machine = Machine(
            interfaces=lambda: environment.interfaces, random_fully=environment.masquerade_random_fully is not False
        )
        self.state = ProxyState(FAMILIES[family], node)
        kernel = ipvs_kernel(FAMILIES[family], IptablesPrograms(FAMILIES[family], "legacy"))
        settings = settings_of(self.config, "ipvs", FAMILIES[family], node, machine)
        self.proxier = IpvsProxier(self.state, settings, kernel)

    def node(self, record: Node) -> NodeInfo:
        return node_info(self.name, record, self.config.bind_address)

    def take(self, op: str, data: bytes) -> None:
        record = load_object(data, "golden")
        if isinstance(record, Node):
            if record.metadata.name == self.name:
                self.state.set_node(self.node(record))
        elif record is not None:
            (self.state.delete if op == "delete" else self.state.update)(record)


def output(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def expected_servers(expected: Ipvs) -> list[str]:
    """Return what ipvsadm -Sn is to say."""
    lines = []
    for each in expected.virtual_servers:
        server = f"{OPTIONS[each.protocol]} {ip_port(each.address, each.port)}"
        persistent = f" -p {each.timeout}" if each.flags & 1 else ""
        lines.append(f"-A {server} -s {each.scheduler}{persistent}{' -b mh-port' if each.flags & 16 else ''}")
        lines += [
            f"-a {server} -r {ip_port(real.address, real.port)} -m -w {real.weight}" for real in each.real_servers
        ]
    return sorted(lines)


def ip_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def present_servers(family: Family) -> list[str]:
    lines = (line.strip() for line in output("ipvsadm", "-Sn").splitlines())
    return sorted(line for line in lines if ("[" in line) == (family == "ipv6"))


def expected_sets(expected: Ipvs) -> dict[str, list[str]]:
    """Return kind and entries of the sets as ipset writes them; a network that is everything is no entry."""
    return {
        name: [each.type, *sorted(re.sub(r"/(32|128)$", "", entry) for entry in each.entries if entry[-2:] != "/0")]
        for name, each in expected.ipsets.items()
    }


def present_sets(expected: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in output("ipset", "-s", "save").splitlines():
        command, name, rest = line.split(" ", 2)
        if command == "create":
            found[name] = [rest.split(" ")[0]]
        else:
            found[name].append(rest)
    return {name: [found[name][0], *sorted(found[name][1:])] for name in expected}


def present_addresses(family: Family) -> list[str]:
    (device,) = json.loads(output("ip", "-json", "addr", "show", "dev", "kube-ipvs0"))
    kind = "inet6" if family == "ipv6" else "inet"
    return sorted(each["local"] for each in device["addr_info"] if each["family"] == kind)


def same_rules(family: Family, expected: Ipvs) -> None:
    """Compare the tables with what the programs make of the recorded ones."""
    name = "ip6tables-legacy" if family == "ipv6" else "iptables-legacy"
    present = {table: ipvs_rules(output(f"{name}-save", "-t", table)) for table in ("nat", "filter")}
    wanted = f"{expected.nat}\n{expected.filter}\n"
    subprocess.run([f"{name}-restore"], input=wanted, text=True, check=True)
    for table, rules in present.items():
        again = ipvs_rules(output(f"{name}-save", "-t", table))
        assert {part: lines for part, lines in rules.items() if "chains" not in part} == {
            part: lines for part, lines in again.items() if "chains" not in part
        }
        assert chains(rules) == chains(again)


def chains(rules: Normal) -> set[str]:
    return {line.split(" ")[0] for part, lines in rules.items() if "chains" in part for line in lines}


def compare(family: Family, expected: Ipvs, proxier: IpvsProxier) -> None:
    assert present_servers(family) == expected_servers(expected)
    assert present_sets(expected.ipsets) == expected_sets(expected)
    assert present_addresses(family) == sorted(expected.bound_addresses)
    everything = [each for found in expected.ipsets.values() for each in found.entries if each.endswith("/0")]
    assert len(proxier.refusals) == len(everything), proxier.refusals
    same_rules(family, expected)


@in_guest_within(180)
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize("name", NAMES)
def test_recorded_scenarios(name: str, family: Family) -> None:
    (found,) = read([GOLDEN / name])
    count: Counter[str] = Counter()
    for scenario in found.scenarios[:SAMPLE]:
        world, now = World(scenario, family), 10**18
        for each in scenario.objects:
            world.take("add", each)
        world.proxier.sync(now)
        compare(family, scenario.expect.ipvs[family], world.proxier)
        for step in scenario.steps[:2]:
            now += int(step.elapsed_seconds * SECOND)
            for change in step.changes:
                world.take(change.op, change.object)
            world.proxier.sync(now)
            compare(family, step.expect.ipvs[family], world.proxier)
            count["steps"] += 1
        count["scenarios"] += 1
    print(dict(count))


SAMPLE = 1
