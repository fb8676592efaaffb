"""Capabilities: what a process has after it has given up the others; each case in a process of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from proxy_core.kernel.capabilities import NEEDED, effective, missing

ADMIN, RAW = 1 << 12, 1 << 13


def run(program: str, repo: Path, *before: str) -> str:
    words = [*before, sys.executable, "-c", program]
    environment = {**os.environ, "PYTHONPATH": str(repo)}
    done = subprocess.run(words, cwd=repo, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def sets(status: str) -> dict[str, int]:
    return {name: int(value, 16) for name, value in re.findall(r"^Cap(\w+):\s*([0-9a-f]+)", status, re.MULTILINE)}


@pytest.fixture(autouse=True)
def needs_them() -> None:
    lacks = missing((*NEEDED,))
    if lacks:
        pytest.skip(f"the tests lack {', '.join(lacks)}")


def test_all_others_are_gone_here_and_in_programs(repo: Path) -> None:
    text = run(
        "import subprocess; from proxy_core.kernel.capabilities import keep_only; keep_only(); "
        "print(open('/proc/self/status').read(), flush=True); subprocess.run(['cat', '/proc/self/status'])",
        repo,
    )
    here, there = text.split("Name:\t")[1:]
    for each in (here, there):
        found = sets(each)
        assert found["Eff"] == found["Prm"] == found["Amb"] == ADMIN | RAW and "NoNewPrivs:\t1" in each
        if effective() >> 8 & 1:  # SETPCAP
            assert found["Bnd"] == ADMIN | RAW


def test_rules_and_flows_need_no_more(repo: Path) -> None:
    text = run(
        """
from proxy_core.kernel.capabilities import keep_only
from proxy_core.kernel.conntrack import NetlinkConntrack
from proxy_core.kernel.iptables import IptablesPrograms
from proxy_core.kernel.machine import check_mode, interfaces, read_machine
keep_only()
tables = IptablesPrograms("IPv4")
tables.ensure_chain("nat", "KUBE-E")
tables.restore(["*nat\\n:KUBE-F - [0:0]\\n-A KUBE-F -j RETURN\\nCOMMIT\\n"])
print(tables.chains("nat")[-2:], NetlinkConntrack("IPv6").udp_flows(), interfaces(), read_machine().random_fully)
check_mode("flat", "IPv4")
""",
        repo, "unshare", "--net",
    )  # fmt: skip
    assert text == "['KUBE-E', 'KUBE-F'] [] {'lo': []} True\n"


def test_what_is_missing_is_named_with_the_remedy(repo: Path) -> None:
    program = "from proxy_core.kernel import capabilities as c\ntry: c.keep_only()\nexcept Exception as e: print(e)"
    if os.geteuid() != 0:
        pytest.skip("only root can take a capability away here")
    text = run(program, repo, "setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-all")
    assert "lacks the capability NET_RAW: run it as root" in text and "capabilities.add [NET_RAW]" in text
    text = run(program, repo, "setpriv", "--bounding-set", "-all", "--inh-caps", "-all")
    assert "lacks the capabilities NET_ADMIN and NET_RAW" in text and "+net_admin,+net_raw" in text


ADMIN_ALONE = ("unshare", "--net", "setpriv", "--bounding-set", "-all,+net_admin", "--inh-caps", "-all,+net_admin")
PREPARE = """
from cluster_shim.proxy.machine import ThisMachine
from proxy_core import KernelError, load_config
head = {{"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}}
config = load_config({{**head, "mode": {!r}}})
machine = ThisMachine(lambda text: None, {!r})
try:
    machine.families(config.mode)
    machine.prepare(config)
except KernelError as lacks:
    raise SystemExit(print(lacks))
machine.drop_rights(config)
print(open("/proc/thread-self/status").read())
"""


@pytest.mark.parametrize(("mode", "variant"), [("flat", "nft"), ("nftables", "legacy"), ("iptables", "nft")])
def test_net_raw_is_for_the_legacy_programs_of_iptables_alone(repo: Path, mode: str, variant: str) -> None:
    if os.geteuid() != 0 or not shutil.which("iptables-nft"):
        pytest.skip("it takes root, to give capabilities up, and iptables-nft")
    assert sets(run(PREPARE.format(mode, variant), repo, *ADMIN_ALONE))["Eff"] == ADMIN
    all_of_them = sets(run(PREPARE.format(mode, variant), repo, "unshare", "--net"))
    assert all_of_them["Eff"] == (ADMIN | RAW if variant == "legacy" and shutil.which("iptables-legacy") else ADMIN)


def test_the_legacy_programs_need_net_raw(repo: Path) -> None:
    if os.geteuid() != 0 or not shutil.which("iptables-legacy"):
        pytest.skip("it takes root, to give capabilities up, and iptables-legacy")
    assert "lacks the capability NET_RAW" in run(PREPARE.format("iptables", "legacy"), repo, *ADMIN_ALONE)
