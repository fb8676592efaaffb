"""Files of proxy scenarios, checked for their form before anything is rendered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Raw, Struct

from bench.verify.read import family_of
from sched_core import InvalidObjects, Problem
from sched_core.objects.source import find_sources, read_source

Family = Literal["ipv4", "ipv6"]


class Environment(Struct, frozen=True, rename="camel"):
    """What the proxy learns from the machine."""

    interfaces: dict[str, list[str]] = {}
    nfacct: bool = False
    conntrack_tcp_be_liberal: bool = msgspec.field(name="conntrackTCPBeLiberal", default=False)
    masquerade_random_fully: bool | None = None


class Tables(Struct, frozen=True, rename="camel"):
    """What is expected of iptables mode in one family."""

    nat: str
    filter: str
    restore_input: str = ""


class Ruleset(Struct, frozen=True):
    """What is expected of nftables mode in one family."""

    ruleset: str
    transactions: list[str] | None = None


class ExpectedReal(Struct, frozen=True):
    """A real server."""

    address: str
    port: int
    weight: int


class ExpectedServer(Struct, frozen=True, rename="camel"):
    """A virtual server."""

    address: str
    port: int
    protocol: str
    scheduler: str
    flags: int
    timeout: int
    real_servers: list[ExpectedReal]


class ExpectedSet(Struct, frozen=True):
    """An ipset."""

    type: str
    family: str
    comment: str
    entries: list[str]


class Ipvs(Struct, frozen=True, rename="camel"):
    """What is expected of ipvs mode in one family."""

    virtual_servers: list[ExpectedServer]
    ipsets: dict[str, ExpectedSet]
    bound_addresses: list[str]
    nat: str
    filter: str


class HealthCheck(Struct, frozen=True, rename="camel"):
    """What is expected of the health check of a Service."""

    port: int
    local_endpoints: int


class Expected(Struct, frozen=True, rename="camel"):
    """The state after a sync."""

    iptables: dict[Family, Tables]
    nftables: dict[Family, Ruleset]
    ipvs: dict[Family, Ipvs]
    health_checks: dict[Family, dict[str, HealthCheck]]


class Change(Struct, frozen=True):
    """One change of an object."""

    op: Literal["add", "update", "delete"]
    object: Raw


class Step(Struct, frozen=True, rename="camel"):
    """Changes that are delivered together, and what is expected after the sync that follows."""

    changes: list[Change]
    elapsed_seconds: float
    expect: Expected


class Scenario(Struct, frozen=True):
    """A node with Services, and the rules that kube-proxy makes of them."""

    name: str
    config: dict[str, Any]
    environment: Environment
    node: Raw
    objects: list[Raw]
    expect: Expected
    steps: list[Step] = []


class ProxyFamily(NamedTuple):
    """The scenarios of one file."""

    name: str
    scenarios: list[Scenario]


_decoder = msgspec.json.Decoder(list[Scenario])


def read(paths: Sequence[Path]) -> Iterator[ProxyFamily]:
    """Yield the families of some files and folders; raises InvalidObjects with everything that cannot be used."""
    problems: list[Problem] = []
    families = []
    for source in find_sources(paths):
        data = read_source(source)
        if isinstance(data, Problem):
            problems.append(data)
            continue
        try:
            families.append(ProxyFamily(family_of(Path(source.name)), _decoder.decode(data)))
        except msgspec.DecodeError as reason:
            problems.append(Problem(source.name, "", "", f"is no list of proxy scenarios: {reason}"))
    if problems:
        raise InvalidObjects(problems)
    return iter(families)
