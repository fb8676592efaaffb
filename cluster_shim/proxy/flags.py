"""Upstream's flags as a table: each is a field of KubeProxyConfiguration under another name.

Flags and a configuration file do not mix, as upstream: what stands beside ``--config`` and would be without effect is
refused by name. So is what this proxy does not do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import click
import msgspec
from msgspec.structs import fields

from proxy_core import InvalidConfig, KubeProxyConfiguration, NotSupported, Problem, load_config
from proxy_core.config.load import API_VERSION, KIND
from sched_core.objects.source import split_documents

Kind = Literal["text", "number", "float", "duration", "flag", "list"]


class Flag(NamedTuple):
    """One flag of upstream's."""

    name: str
    path: str
    """The field of the configuration."""
    kind: Kind
    help: str

    @property
    def variable(self) -> str:
        return self.name.replace("-", "_")


FLAGS = (
    Flag("hostname-override", "hostnameOverride", "text", "The name of this node, if it is not the host's."),
    Flag("cluster-cidr", "clusterCIDR", "text", "Networks of the pods, of one family or of both."),
    Flag(
        "detect-local-mode",
        "detectLocalMode",
        "text",
        "How traffic of this node's pods is known: "
        "ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix.  [default: ClusterCIDR]",
    ),
    Flag("pod-bridge-interface", "detectLocal.bridgeInterface", "text", "The bridge of the pods."),
    Flag("pod-interface-name-prefix", "detectLocal.interfaceNamePrefix", "text", "How the pods' interfaces begin."),
    Flag("nodeport-addresses", "nodePortAddresses", "list", "Networks on which node ports are served, or primary."),
    Flag("masquerade-all", "iptables.masqueradeAll", "flag", "Masquerade all traffic to cluster IPs."),
    Flag("bind-address", "bindAddress", "text", "The node's address, if its Node object does not say it."),
    Flag(
        "healthz-bind-address",
        "healthzBindAddress",
        "text",
        "IP:PORT of /healthz and /livez.  [default: 0.0.0.0:10256]",
    ),
    Flag(
        "metrics-bind-address",
        "metricsBindAddress",
        "text",
        "IP:PORT of /metrics and /proxyMode.  [default: 127.0.0.1:10249]",
    ),
    Flag("bind-address-hard-fail", "bindAddressHardFail", "flag", "End if one of these two cannot be had."),
    Flag(
        "iptables-masquerade-bit",
        "iptables.masqueradeBit",
        "number",
        "Bit of the mark of what is masqueraded; in modes iptables and ipvs.  [default: 14]",
    ),
    Flag(
        "iptables-localhost-nodeports",
        "iptables.localhostNodePorts",
        "flag",
        "Serve node ports on 127.0.0.1, too; in mode iptables.  [default: yes]",
    ),
    Flag(
        "iptables-sync-period",
        "iptables.syncPeriod",
        "duration",
        "Time to the next try after a failure; in mode nftables, too.  [default: 30s]",
    ),
    Flag(
        "iptables-min-sync-period",
        "iptables.minSyncPeriod",
        "duration",
        "Least time between syncs; in mode nftables, too.  [default: 1s]",
    ),
    Flag("ipvs-sync-period", "ipvs.syncPeriod", "duration", "How often everything is looked after.  [default: 30s]"),
    Flag("ipvs-min-sync-period", "ipvs.minSyncPeriod", "duration", "Least time between syncs.  [default: 1s]"),
    Flag("ipvs-scheduler", "ipvs.scheduler", "text", "How endpoints are chosen.  [default: rr]"),
    Flag("ipvs-exclude-cidrs", "ipvs.excludeCIDRs", "list", "Networks whose virtual servers are left alone."),
    Flag("ipvs-strict-arp", "ipvs.strictARP", "flag", "Answer ARP for an address by its own interface alone."),
    Flag("ipvs-tcp-timeout", "ipvs.tcpTimeout", "duration", "Timeout of idle TCP connections; 0s leaves it."),
    Flag("ipvs-tcpfin-timeout", "ipvs.tcpFinTimeout", "duration", "Timeout of TCP connections that end; 0s leaves it."),
    Flag("ipvs-udp-timeout", "ipvs.udpTimeout", "duration", "Timeout of UDP; 0s leaves it."),
    Flag(
        "conntrack-max-per-core",
        "conntrack.maxPerCore",
        "number",
        "Entries for each core; 0 leaves the limit.  [default: 32768]",
    ),
    Flag("conntrack-min", "conntrack.min", "number", "Entries at the least, whatever the cores.  [default: 131072]"),
    Flag(
        "conntrack-tcp-timeout-established",
        "conntrack.tcpEstablishedTimeout",
        "duration",
        "Timeout of idle TCP connections; 0s leaves it.  [default: 24h]",
    ),
    Flag(
        "conntrack-tcp-timeout-close-wait",
        "conntrack.tcpCloseWaitTimeout",
        "duration",
        "Timeout in CLOSE_WAIT; 0s leaves it.  [default: 1h]",
    ),
    Flag("conntrack-tcp-be-liberal", "conntrack.tcpBeLiberal", "flag", "Let packets out of window pass."),
    Flag("conntrack-udp-timeout", "conntrack.udpTimeout", "duration", "Timeout of UDP; 0s leaves it.  [default: 0s]"),
    Flag(
        "conntrack-udp-timeout-stream",
        "conntrack.udpStreamTimeout",
        "duration",
        "Timeout of UDP that was answered; 0s leaves it.  [default: 0s]",
    ),
    Flag(
        "oom-score-adj",
        "oomScoreAdj",
        "number",
        "How soon the kernel kills the process for want of memory.  [default: -999]",
    ),
    Flag("config-sync-period", "configSyncPeriod", "duration", "How often all objects are read again.  [default: 15m]"),
    Flag("feature-gates", "featureGates", "text", "Not supported."),
    Flag("kubeconfig", "clientConnection.kubeconfig", "text", "Not supported yet: objects come from --from."),
    Flag("kube-api-qps", "clientConnection.qps", "float", "Not supported yet."),
    Flag("kube-api-burst", "clientConnection.burst", "number", "Not supported yet."),
    Flag("kube-api-content-type", "clientConnection.contentType", "text", "Not supported yet."),
    Flag("profiling", "enableProfiling", "flag", "Not supported: it is Go's profiler."),
    Flag("show-hidden-metrics-for-version", "showHiddenMetricsForVersion", "text", "Not supported."),
)
_HIDDEN = "Not supported"
_FOR_NFTABLES = ("iptables.syncPeriod", "iptables.minSyncPeriod", "iptables.masqueradeAll")
BESIDE_CONFIG = ("hostname-override",)
"""Flags that count beside a configuration file."""


def flags(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command upstream's flags; each comes as a keyword, None if it was not given."""
    for flag in reversed(FLAGS):
        hidden = flag.help.startswith(_HIDDEN)
        if flag.kind == "flag":
            option = click.option(f"--{flag.name}/--no-{flag.name}", default=None, hidden=hidden, help=flag.help)
        else:
            kind = {"number": click.INT, "float": click.FLOAT}.get(flag.kind, click.STRING)
            metavar = {"duration": "30s", "list": "A,B", "number": "N", "float": "X"}.get(flag.kind, "TEXT")
            option = click.option(
                f"--{flag.name}", default=None, type=kind, metavar=metavar, hidden=hidden, help=flag.help
            )
        function = option(function)
    return function


def configuration(
    given: Mapping[str, Any], config_file: str | None, mode: str | None, warn: Callable[[str], None]
) -> KubeProxyConfiguration:
    """Return the configuration of a file, or of flags (by variable, None where not given).

    ``mode`` counts beside both. Raises InvalidConfig, NotSupported, or a usage error.
    """
    used = {flag: given[flag.variable] for flag in FLAGS if given.get(flag.variable) is not None}
    tree: dict[str, Any] = {"apiVersion": API_VERSION, "kind": KIND}
    for flag in used:
        if flag.help.startswith(_HIDDEN):
            raise NotSupported(f"--{flag.name} is {flag.help[0].lower()}{flag.help[1:].rstrip('.')}")
    if config_file is not None:
        for flag in used:
            if flag.name not in BESIDE_CONFIG:
                raise click.UsageError(
                    f"--{flag.name} has no effect beside --config; put {flag.path} into {config_file}."
                )
        tree = _read(config_file)
    elif mode == "ipvs" and given.get("ipvs_min_sync_period") is None:
        _set(tree, "ipvs.minSyncPeriod", "1s")  # upstream's default for flags; 0 for a file
    for flag, value in used.items():
        _set(tree, flag.path, value.split(",") if flag.kind == "list" else value)
    if mode is not None:
        tree["mode"] = mode
    if config_file is None:
        _for_nftables(tree)
    warnings: list[str] = []
    try:
        config = load_config(tree, config_file or "flags", warnings)
    except InvalidConfig as invalid:
        raise InvalidConfig(_by_flag(invalid.problems, used)) from None
    for each in warnings:
        warn(f"warning: {config_file}: {each}")
    _refuse(config, warn)
    return config


def _for_nftables(tree: dict[str, Any]) -> None:
    """Let the flags of iptables mode count in nftables mode, as upstream."""
    iptables = tree.get("iptables", {})
    for path in _FOR_NFTABLES:
        key = path.removeprefix("iptables.")
        if key in iptables:
            _set(tree, f"nftables.{key}", iptables[key])


def _by_flag(problems: Iterable[Problem], used: Iterable[Flag]) -> list[Problem]:
    """Return problems with the flag in place of the field that it has set, each once."""
    names = {flag.path: f"--{flag.name}" for flag in used}
    names |= {path.replace("iptables.", "nftables."): name for path, name in names.items() if path in _FOR_NFTABLES}
    found: dict[Problem, None] = {}
    for each in problems:
        name = names.get(each.field.partition("[")[0])
        found[each if name is None else Problem(name, "", "", each.reason)] = None
    return list(found)


def _set(tree: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for each in parents:
        tree = tree.setdefault(each, {})
    tree[last] = value


def _read(path: str) -> dict[str, Any]:
    """Return the tree of a configuration file. Raises InvalidConfig."""
    try:
        documents = list(split_documents(path, Path(path).read_bytes()))
    except OSError as error:
        raise InvalidConfig([Problem(path, "", "", f"cannot be read: {error.strerror}")]) from None
    problems = [Problem(path, each.position, "", each.reason) for each in documents if each.reason]
    trees = [msgspec.json.decode(each.json) for each in documents if not each.reason]
    others = [str(each["kind"]) for each in trees if isinstance(each, dict) and each.get("kind") not in (KIND, None)]
    trees = [each for each in trees if not isinstance(each, dict) or each.get("kind") in (KIND, None)]
    if not problems and (len(trees) != 1 or not isinstance(trees[0], dict)):
        found = f"{len(trees)}" if trees or not others else ", ".join(others)
        hint = "; the one of kubeadm is the text under data['config.conf']" if others == ["ConfigMap"] else ""
        problems.append(Problem(path, "", "", f"expected one {KIND}, found {found}{hint}"))
    if problems:
        raise InvalidConfig(problems)
    tree: dict[str, Any] = trees[0]
    return tree


def _refuse(config: KubeProxyConfiguration, warn: Callable[[str], None]) -> None:
    """Refuse by name what this proxy does not do, and name what has no effect here. Raises NotSupported."""
    for name, given in (
        ("featureGates", bool(config.feature_gates)),
        ("enableProfiling", config.enable_profiling),
        ("showHiddenMetricsForVersion", bool(config.show_hidden_metrics_for_version)),
    ):
        if given:
            raise NotSupported(f"{name} is not supported: leave it out")
    for field in fields(config.client_connection):
        if getattr(config.client_connection, field.name) not in (field.default, "", 0):
            warn(f"warning: clientConnection.{field.encode_name} is not used yet: objects come from --from")
    for name in ("format", "verbosity", "vmodule"):
        if config.logging.get(name) not in (None, "", "text", 0, []):
            warn(f"warning: logging.{name} has no effect: -v 2 tells of every sync")
