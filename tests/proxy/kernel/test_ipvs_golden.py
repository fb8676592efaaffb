"""Recorded scenarios of kube-proxy written by IpvsProxier into the guest's kernel, and read back by the programs.

Those of one family follow each other in one network namespace, each with a proxier of its own: so the first sync also
takes away what the one before has left.
"""

from __future__ import annotations

import gzip
import json
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from bench.verify.proxy.normal import Normal, ipvs_rules
from proxy_core import (
    FakeIptables,
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
from proxy_core.addresses import Family
from proxy_core.kernel.iptables import IptablesPrograms
from proxy_core.kernel.ipvs_mode import ipvs_kernel
from tests.proxy.kernel.guest import in_guest_within

GOLDEN = Path(__file__).resolve().parents[4] / "shared" / "golden" / "proxy"
SECOND = 10**9
OPTIONS = {"TCP": "-t", "UDP": "-u", "SCTP": "--sctp-service"}
SAMPLE = 1
"""Scenarios of each family; all of them are compared, on a kernel in memory, by `stowage verify proxy`."""
TABLES = ("config", "detectlocal", "externalips", "loadbalancer", "nodeport")
"""The families whose rules are written by the programs, too: these take a tenth of a second each in the guest."""
NAMES = sorted(path.name for path in GOLDEN.glob("*.json.gz"))

pytestmark = pytest.mark.skipif(not NAMES, reason="there are no recorded rules in ../shared/golden/proxy")


class World:
    """A proxier of one family on the kernel."""

    def __init__(self, scenario: dict[str, Any], family: Family, *, real_tables: bool) -> None:
        environment = scenario["environment"]
        head = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}
        self.config = load_config({**head, **scenario["config"], "mode": "ipvs"}, scenario["name"])
        record = load_object(packed(scenario["node"]), "golden")
        assert isinstance(record, Node)
        self.name = record.metadata.name
        node = self.node(record)
        machine = Machine(
            interfaces=lambda: environment["interfaces"],
            random_fully=environment.get("masqueradeRandomFully") is not False,
        )
        self.state = ProxyState(family, node)
        tables = IptablesPrograms(family, "legacy") if real_tables else FakeIptables()
        kernel = ipvs_kernel(family, tables)
        settings = settings_of(self.config, "ipvs", family, node, machine)
        self.proxier = IpvsProxier(self.state, settings, kernel)

    def node(self, record: Node) -> NodeInfo:
        return node_info(self.name, record, self.config.bind_address)

    def take(self, op: str, content: dict[str, Any]) -> None:
        record = load_object(packed(content), "golden")
        if isinstance(record, Node):
            if record.metadata.name == self.name:
                self.state.set_node(self.node(record))
        elif record is not None:
            (self.state.delete if op == "delete" else self.state.update)(record)


def packed(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode()


def output(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def expected_servers(expected: dict[str, Any]) -> list[str]:
    """Return what ipvsadm -Sn is to say."""
    lines = []
    for each in expected["virtualServers"]:
        server = f"{OPTIONS[each['protocol']]} {ip_port(each)}"
        persistent = f" -p {each['timeout']}" if each["flags"] & 1 else ""
        lines.append(f"-A {server} -s {each['scheduler']}{persistent}{' -b mh-port' if each['flags'] & 16 else ''}")
        lines += [f"-a {server} -r {ip_port(real)} -m -w {real['weight']}" for real in each["realServers"]]
    return sorted(lines)


def ip_port(of: dict[str, Any]) -> str:
    return f"[{of['address']}]:{of['port']}" if ":" in of["address"] else f"{of['address']}:{of['port']}"


def present_servers(family: Family) -> list[str]:
    lines = (line.strip() for line in output("ipvsadm", "-Sn").splitlines())
    return sorted(line for line in lines if ("[" in line) == (family == "IPv6"))


def expected_sets(expected: dict[str, Any]) -> dict[str, list[str]]:
    """Return kind and entries of the sets as ipset writes them; a network that is everything is no entry."""
    return {
        name: [
            each["type"],
            *sorted(
                entry.removesuffix("/128" if ":" in entry.split(",")[0] else "/32")
                for entry in each["entries"]
                if entry[-2:] != "/0"
            ),
        ]
        for name, each in expected["ipsets"].items()
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
    kind = "inet6" if family == "IPv6" else "inet"
    return sorted(each["local"] for each in device["addr_info"] if each["family"] == kind)


def same_rules(family: Family, expected: dict[str, Any]) -> None:
    """Compare the tables with what the programs make of the recorded ones."""
    name = "ip6tables-legacy" if family == "IPv6" else "iptables-legacy"
    present = {table: ipvs_rules(output(f"{name}-save", "-t", table)) for table in ("nat", "filter")}
    wanted = f"{expected['nat']}\n{expected['filter']}\n"
    subprocess.run([f"{name}-restore"], input=wanted, text=True, check=True)
    for table, rules in present.items():
        again = ipvs_rules(output(f"{name}-save", "-t", table))
        parts = sorted(part for part in {*rules, *again} if "chains" not in part)
        different = [(part, rules.get(part), again.get(part)) for part in parts if rules.get(part) != again.get(part)]
        assert different == []
        assert chains(rules) == chains(again)


def chains(rules: Normal) -> set[str]:
    return {line.split(" ")[0] for part, lines in rules.items() if "chains" in part for line in lines}


def compare(family: Family, expected: dict[str, Any], proxier: IpvsProxier, *, tables: bool) -> None:
    assert present_servers(family) == expected_servers(expected)
    wanted, present = expected_sets(expected), present_sets(expected["ipsets"])
    different = [each for each in zip(present.items(), wanted.items(), strict=True) if each[0] != each[1]]
    assert different == []
    assert present_addresses(family) == sorted(expected["boundAddresses"])
    everything = [each for found in expected["ipsets"].values() for each in found["entries"] if each.endswith("/0")]
    assert len(proxier.refusals) == len(everything), proxier.refusals
    if tables:
        same_rules(family, expected)


@in_guest_within(180)
@pytest.mark.parametrize("family", ["IPv4", "IPv6"])
@pytest.mark.parametrize("name", NAMES)
def test_recorded_scenarios(name: str, family: Family) -> None:
    scenarios = json.loads(gzip.decompress((GOLDEN / name).read_bytes()))
    count: Counter[str] = Counter()
    tables = name.partition(".")[0] in TABLES
    for scenario in scenarios[:SAMPLE]:
        world, now = World(scenario, family, real_tables=tables), 10**18
        for each in scenario["objects"]:
            world.take("add", each)
        world.proxier.sync(now)
        compare(family, scenario["expect"]["ipvs"][family.lower()], world.proxier, tables=tables)
        for step in scenario.get("steps", ())[:2]:
            now += int(step["elapsedSeconds"] * SECOND)
            for change in step["changes"]:
                world.take(change["op"], change["object"])
            world.proxier.sync(now)
            compare(family, step["expect"]["ipvs"][family.lower()], world.proxier, tables=tables)
            count["steps"] += 1
        count["scenarios"] += 1
    print(dict(count))
