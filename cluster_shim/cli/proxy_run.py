"""What ``stowage proxy`` does with its options: writes rules down, compares, syncs once, or runs until a signal."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import click
import msgspec

from cluster_shim.cli.output import check_writable, write_atomically
from cluster_shim.cli.proxy_view import diff_document, dry_run_document, show_diff, show_dry_run, tell_of_useless
from cluster_shim.cli.result import check_json, write_json
from cluster_shim.cli.terminal import notice, working
from cluster_shim.proxy.agent import Agent, MustRestart
from cluster_shim.proxy.backends import MODES
from cluster_shim.proxy.client import Client, Event, by_key, difference
from cluster_shim.proxy.diff import diff
from cluster_shim.proxy.dry_run import dry_run, machine_on_paper
from cluster_shim.proxy.dump import dump_config
from cluster_shim.proxy.edge import Edge
from cluster_shim.proxy.files import FileClient
from cluster_shim.proxy.flags import configuration
from cluster_shim.proxy.machine import ThisMachine
from cluster_shim.proxy.service import Listen, ProxyService
from cluster_shim.proxy.setup import Setup, find_node, name_of_node, setup
from proxy_core import KubeProxyConfiguration, Node, ProxyObject
from proxy_core.kernel.iptables import Variant
from proxy_core.kernel.netns import enter
from proxy_core.settings import SECOND

SAMPLE = str(Path(__file__).parent.parent / "proxy" / "sample")
SAMPLE_NODE = "node-1"
EXIT_GOOD, EXIT_FAILED = 0, 1
_NAMED = 3
"""Nodes that a notice names."""
EVERY_SYNC = 2
"""Verbosity from which on every sync gets a line."""


class Wishes(NamedTuple):
    """What the user wants."""

    files: tuple[str, ...] = ()
    mode: str | None = None
    config_file: str | None = None
    netns: str | None = None
    dry_run: bool = False
    diff: bool = False
    once: bool = False
    init_only: bool = False
    cleanup: bool = False
    write_config_to: str | None = None
    json_file: str | None = None
    iptables_variant: Variant | None = None
    healthz_port: int | None = None
    metrics_port: int | None = None
    verbosity: int = 0
    flags: Mapping[str, Any] = {}
    """Upstream's flags by variable; None where one was not given."""


def run(wishes: Wishes) -> int:
    """Do what is wished; return the exit status. Raises ProxyError, or a usage error."""
    check_json(wishes.json_file)
    mode, config = _configuration(wishes.mode, wishes.config_file, wishes.flags)
    if wishes.write_config_to is not None:
        return _write_config(wishes.write_config_to, config)
    if wishes.cleanup:
        return _cleanup(wishes)
    if not wishes.files and not wishes.dry_run:
        raise click.UsageError("--from FILES is missing: Services and EndpointSlices, as files or folders.")
    files, config = _files(wishes.files, config, "--from")
    client = FileClient(files, config.config_sync_period / SECOND)
    with working("reading objects"):
        objects = client.list()
    _tell_of_node(config, objects)
    events = difference({}, by_key(objects))
    tell_of_useless(events)
    if wishes.dry_run:
        return _dry_run(wishes, setup(config, mode, objects, machine_on_paper), events)
    edge = _edge(wishes)
    families = edge.families(mode)
    if not wishes.diff:
        edge.prepare(config)
    of = setup(config, mode, objects, edge.machine(mode), families)
    return _diff(wishes, of, edge, events) if wishes.diff else _work(wishes, of, client, edge, events)


class Read(NamedTuple):
    """What a run starts from."""

    mode: str
    config: KubeProxyConfiguration
    objects: Sequence[ProxyObject]


def read(files: tuple[str, ...], config_file: str | None, mode: str | None, flags: Mapping[str, Any]) -> Read:
    """Return configuration and objects; without files it is the sample. Raises ProxyError, or a usage error."""
    found, config = _configuration(mode, config_file, flags)
    files, config = _files(files, config, "--objects")
    objects = FileClient(files).list()
    _tell_of_node(config, objects)
    return Read(found, config, objects)


def _configuration(
    mode: str | None, config_file: str | None, flags: Mapping[str, Any]
) -> tuple[str, KubeProxyConfiguration]:
    """Return the mode and the configuration."""
    if mode is not None and mode not in MODES:
        similar = get_close_matches(mode, MODES)
        others = f"did you mean {' or '.join(similar)}?" if similar else f"there are {', '.join(MODES)}"
        raise click.BadParameter(f"{mode!r} is no mode; {others}", param_hint="--mode")
    config = configuration(flags, config_file, mode, notice)
    return config.mode or "iptables", config


def _files(
    files: tuple[str, ...], config: KubeProxyConfiguration, option: str
) -> tuple[tuple[str, ...], KubeProxyConfiguration]:
    """Return the files to read, and the configuration; if there are none it is the sample, seen from its node."""
    if files:
        return files, config
    notice(f"no {option}, so this is a sample: {SAMPLE}")
    return (SAMPLE,), msgspec.structs.replace(config, hostname_override=config.hostname_override or SAMPLE_NODE)


def _write_config(path: str, config: KubeProxyConfiguration) -> int:
    text = dump_config(config)
    if path == "-":
        click.echo(text, nl=False)
    else:
        check_writable(Path(path), "--write-config-to")
        write_atomically(Path(path), text)
    return EXIT_GOOD


def _tell_of_node(config: KubeProxyConfiguration, objects: Sequence[ProxyObject]) -> None:
    """Say that this node's Node is not there."""
    name = name_of_node(config)
    if find_node(name, objects) is None:
        known = [each.metadata.name for each in objects if isinstance(each, Node)]
        lacks = "its addresses, zone and pod networks are unknown"
        notice(f"there is no Node {name}{_others(name, known)}: {lacks}; --hostname-override names this node")


def _others(name: str, known: Sequence[str]) -> str:
    """Return the Nodes that are there instead, in brackets; nothing if there is none."""
    similar = get_close_matches(name, known)
    if similar:
        return f" (did you mean {' or '.join(similar)}?)"
    more = f" and {len(known) - _NAMED:,} more" if len(known) > _NAMED else ""
    return f" (but {', '.join(known[:_NAMED])}{more})" if known else ""


def _dry_run(wishes: Wishes, of: Setup, events: Sequence[Event]) -> int:
    written, families = dry_run(of, events, notice)
    if not write_json(wishes.json_file, dry_run_document(of.mode, written, families)):
        show_dry_run(of.mode, written, families)
    return EXIT_GOOD


def _diff(wishes: Wishes, of: Setup, edge: Edge, events: Sequence[Event]) -> int:
    with working("writing the rules into an empty namespace"):
        found = diff(of, edge.kernels, events)
    if not write_json(wishes.json_file, diff_document(of.mode, found)):
        show_diff(of.mode, found)
    return EXIT_FAILED if found else EXIT_GOOD


def _work(wishes: Wishes, of: Setup, client: Client, edge: Edge, events: Sequence[Event]) -> int:
    """Write to the kernel: once, or until a signal."""
    if of.mode == "ipvs":
        notice("mode ipvs is deprecated by kube-proxy 1.35: nftables and flat do better")
    edge.prepare_mode(of)
    if wishes.init_only:
        return EXIT_GOOD
    verbose = wishes.verbosity >= EVERY_SYNC
    service = ProxyService(of, client, edge, notice, serves=not wishes.once, verbose=verbose)
    if wishes.once:
        return EXIT_GOOD if service.once(events) else EXIT_FAILED
    edge.drop_rights(of.config)
    service.agent.config_file = wishes.config_file
    where = Listen(
        _with_port(of.config.healthz_bind_address, wishes.healthz_port),
        _with_port(of.config.metrics_bind_address, wishes.metrics_port),
    )
    families = " and ".join(of.families)
    notice(f"serving {families} in mode {of.mode} on node {of.node_name}; Ctrl-C ends, and leaves the rules")
    try:
        with _stopped_by_signals(service.agent):
            service.run(events, where)
    except MustRestart as reason:
        notice(str(reason))
        return EXIT_FAILED
    notice("stopped; the rules stay")
    return EXIT_GOOD


def _with_port(address: str, port: int | None) -> str:
    """Return an address with another port; nothing for port 0."""
    if port is None:
        return address
    return f"{address.rpartition(':')[0]}:{port}" if port else ""


@contextmanager
def _stopped_by_signals(agent: Agent) -> Iterator[None]:
    """Let SIGTERM and SIGINT stop the agent; the second one is as deadly as ever."""

    def stop(number: int, _: FrameType | None) -> None:
        agent.stop()
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _edge(wishes: Wishes) -> Edge:
    """Return this machine, in the namespace that is wished: everything from here on works there."""
    if wishes.netns is not None:
        enter(wishes.netns)
    return ThisMachine(notice, wishes.iptables_variant)


def _cleanup(wishes: Wishes) -> int:
    problems = _edge(wishes).remove_all()
    for each in problems:
        notice(each)
    return EXIT_FAILED if problems else EXIT_GOOD
