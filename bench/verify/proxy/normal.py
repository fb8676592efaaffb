"""The normal form of rules: what has no order, or an order that kube-proxy leaves to chance, is sorted.

Both sides are written in the words in which rules are given to the programs, so texts are compared as they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

Normal = Mapping[str, list[str]]
"""Name of a part, as ``nat KUBE-SERVICES`` -> its lines."""

_SHARED = {
    "nat": ("KUBE-SERVICES", "KUBE-NODEPORTS"),
    "filter": ("KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL"),
}
"""Chains that hold a group of rules for each service port, in no order among them."""
_LAST = "this must be the last rule in this chain"


def iptables(text: str, shared: Mapping[str, tuple[str, ...]] = _SHARED) -> Normal:
    """Return the parts of tables in the layout of iptables-save, or of an input of iptables-restore."""
    found: dict[str, list[str]] = defaultdict(list)
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A "):
            found[f"{table} {line.split(' ', 2)[1]}"].append(line)
        elif line[:1] in (":", "-"):
            found[f"{table} {'chains' if line.startswith(':') else 'deleted chains'}"].append(line)
    for table, chains in shared.items():
        for chain in chains:
            found[f"{table} {chain}"].sort(key=lambda line: (_LAST in line, _group(line)))  # groups keep their order
    for name, lines in found.items():
        if name.endswith("chains"):
            lines.sort()
    return {name: lines for name, lines in found.items() if lines}


def ipvs_rules(text: str) -> Normal:
    """Return the parts of a table of ipvs mode: chains have an order, but for the one that holds rules of services."""
    return iptables(text, {"filter": ("KUBE-IPVS-OUT-FILTER",)})


def nftables(lines: Iterable[str]) -> Normal:
    """Return the parts of commands of nft: the rules of each chain, the commands on each element, and so on."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        words = line.split()
        part = f"{words[1]} {words[4]}" if words[1] != "table" else "table"
        if words[1] == "element":
            part = f"{part} {_key(line)}"
        found[part].append(line)
    return found


def _group(line: str) -> tuple[str, str]:
    """Return the service port of a rule: the first word of its comment, and the protocol."""
    comment = line.partition("--comment ")[2]
    name = comment.lstrip('"').split(" ", 1)[0]
    if _LAST in line or not comment:
        return line, ""
    return name, line.partition(" -p ")[2].split(" ", 1)[0]


def _key(line: str) -> str:
    inner = line[line.index("{") + 1 : line.rindex("}")]
    return inner.partition(" comment ")[0].partition(" : ")[0].strip()
