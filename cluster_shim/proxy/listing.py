"""Listings of rules cut into parts that can be compared: a chain is a sequence, a set or map a bag of elements.

What is not the proxy's, and what changes by itself (clients that stay with an endpoint), is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from proxy_core.addresses import Family

Parts = Mapping[str, Sequence[str]]
"""Name of a chain, set or map, as in ``nat chain KUBE-SERVICES`` -> its lines."""

_FOREIGN = ("KUBE-PROXY-CANARY", "KUBE-KUBELET-CANARY", "KUBE-IPTABLES-HINT")
_OPENS = re.compile(r"\t(chain|set|map) (\S+) \{")
_ELEMENTS = "elements = {"
_COMMA = re.compile(r',\s+(?=(?:[^"]*"[^"]*")*[^"]*$)')
_EXPIRES = re.compile(r"\btimeout \d")


class Difference(NamedTuple):
    """A part of the kernel that is not as it should be."""

    family: Family
    part: str
    extra: tuple[str, ...]
    """Lines that should not be there."""
    missing: tuple[str, ...]


def differences(family: Family, there: Parts, wanted: Parts) -> Iterator[Difference]:
    """Yield the parts that differ; a chain that is not wanted does not matter once it is empty."""
    for part in sorted({*there, *wanted}):
        have, want = there.get(part), wanted.get(part)
        if have == want or (want is None and not have):
            continue
        extra, missing = _difference(list(have or ()), list(want or ()))
        if not extra and not missing:
            missing = ["(nothing, but it must be there)"]
        yield Difference(family, part, tuple(extra), tuple(missing))


def nft_parts(listing: str) -> Parts:
    """Return the parts of a table as nft lists it."""
    parts: dict[str, list[str]] = {}
    lines = iter(listing.splitlines())
    for line in lines:
        opened = _OPENS.fullmatch(line)
        if opened is not None:
            kind, name = opened.groups()
            body = list(_body(lines))
            parts[f"{kind} {name}"] = body if kind == "chain" else _of_set(body)
    return parts


def iptables_parts(table: str, listing: str) -> Parts:
    """Return the proxy's chains of a table in the layout of iptables-save, and the jumps into them."""
    parts: dict[str, list[str]] = {}
    for line in listing.splitlines():
        if line.startswith(":"):
            chain = line[1:].partition(" ")[0]
            if chain.startswith("KUBE-") and chain not in _FOREIGN:
                parts.setdefault(f"{table} chain {chain}", [])
        elif line.startswith("-A "):
            _, chain, rule = line.split(" ", 2)
            if not chain.startswith("KUBE-"):
                target = rule.rpartition(" ")[2]
                if not target.startswith("KUBE-") or target in _FOREIGN:
                    continue
            if chain not in _FOREIGN:
                parts.setdefault(f"{table} chain {chain}", []).append(rule)
    return parts


def _body(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line == "\t}":
            return
        yield line.strip()


def _of_set(body: Sequence[str]) -> list[str]:
    """Return what a set or map is, and its elements one by one, sorted; those that rules put in are left out."""
    text = "\n".join(body)
    head, opened, elements = text.partition(_ELEMENTS)
    described = sorted(line for line in head.splitlines() if line)
    if not opened or _EXPIRES.search(head):
        return described
    found = _COMMA.split(elements.rpartition("}")[0].strip())
    return [*described, *sorted(" ".join(each.split()) for each in found if each)]


def _difference(have: list[str], want: list[str]) -> tuple[list[str], list[str]]:
    """Return the lines that only one side has; if there are none, the order differs, and all are returned."""
    left, right = list(have), list(want)
    for line in have:
        if line in right:
            right.remove(line)
            left.remove(line)
    return (left, right) if left or right else (have, want)
