"""Recorded scenarios as states that can be traced: after the first sync, and after each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.verify.proxy.read import Scenario, read
from proxy_core import (
    Machine,
    Node,
    ProxyObject,
    ProxyState,
    Settings,
    load_config,
    load_object,
    node_info,
    settings_of,
)
from proxy_core.addresses import Family

FAMILIES: tuple[Family, ...] = ("IPv4", "IPv6")


class Situation(NamedTuple):
    """A state, and the settings of each mode that serves it."""

    name: str
    state: ProxyState
    settings: Mapping[str, Settings]


def situations(paths: Sequence[Path], modes: Sequence[str]) -> Iterator[Situation]:
    """Yield every state of the scenarios of some files, in both families; a state is good until the next one."""
    for file in read(paths):
        for scenario in file.scenarios:
            for family in FAMILIES:
                yield from _of(scenario, family, modes)


def _of(scenario: Scenario, family: Family, modes: Sequence[str]) -> Iterator[Situation]:
    record, environment = load_object(scenario.node, scenario.name), scenario.environment
    assert isinstance(record, Node)
    head = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", **scenario.config}
    configs = {mode: load_config({**head, "mode": mode}, scenario.name) for mode in modes}
    info = node_info(record.metadata.name, record, configs[modes[0]].bind_address)
    state = ProxyState(family, info)
    machine = Machine(
        interfaces=lambda: environment.interfaces,
        has_nfacct=environment.nfacct,
        tcp_be_liberal=environment.conntrack_tcp_be_liberal,
    )
    settings = {mode: settings_of(configs[mode], mode, family, info, machine) for mode in modes}
    changes = [[("add", each) for each in scenario.objects]]
    changes += [[(each.op, each.object) for each in step.changes] for step in scenario.steps]
    for number, batch in enumerate(changes):
        for op, raw in batch:
            found = load_object(raw, scenario.name)
            if found is not None:
                _take(state, op, found)
        state.apply()
        yield Situation(f"{scenario.name} {family} sync {number}", state, settings)


def _take(state: ProxyState, op: str, record: ProxyObject) -> None:
    if isinstance(record, Node):
        if record.metadata.name == state.node.name:
            state.set_node(node_info(state.node.name, record, ""))
    elif op == "delete":
        state.delete(record)
    else:
        state.update(record)
