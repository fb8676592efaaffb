"""``stowage proxy --mode ipvs`` in a kernel that has ip_vs: once, compared, changed by somebody, cleaned up."""

from __future__ import annotations

import subprocess

import click
from click.testing import CliRunner, Result

from cluster_shim.cli.main import EntryPointGroup
from cluster_shim.cli.proxy import proxy
from cluster_shim.cli.proxy_run import SAMPLE
from tests.proxy.kernel.guest import in_guest_within


class _Here(EntryPointGroup):
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return proxy


def _run(*args: str) -> Result:
    return CliRunner().invoke(_Here(name="stowage"), ["proxy", "--mode", "ipvs", "--iptables-variant", "legacy", *args])


@in_guest_within(300)
def test_ipvs_mode_once_compared_and_cleaned_up() -> None:
    objects = ("--from", SAMPLE, "--hostname-override", "node-1")
    done = _run(*objects, "--once")
    assert done.exit_code == 0, done.output
    servers = _said("ipvsadm", "-Sn")
    assert "-a -t 172.30.0.41:80 -r 10.180.1.5:8080 -m -w 1" in servers and "-A -u 172.30.0.10:53 -s rr" in servers

    same = _run(*objects, "--diff")
    assert (same.exit_code, same.stdout) == (0, ""), same.output
    subprocess.run(["ipvsadm", "-d", "-t", "172.30.0.41:80", "-r", "10.180.1.5:8080"], check=True)
    subprocess.run(["ipset", "del", "KUBE-CLUSTER-IP", "172.30.0.41,tcp:80"], check=True)
    other = _run(*objects, "--diff")
    assert other.exit_code == 1 and "+ 10.180.1.5:8080 weight 1\n" in other.stdout, other.output
    assert "IPv4 ipset KUBE-CLUSTER-IP\n+ 172.30.0.41,tcp:80\n" in other.stdout

    assert _run("--cleanup").exit_code == 0
    left = _said("ipvsadm", "-Sn") + _said("ipset", "list", "-n") + _said("iptables-legacy-save") + _said("ip", "link")
    assert "KUBE-" not in left.replace("KUBE-FIREWALL", "") and "kube-ipvs0" not in left and "172.30" not in left


def _said(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
