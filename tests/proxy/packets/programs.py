"""The kernels of `iptables` and `nftables` by way of the programs, in the namespace in which they are called."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from proxy_core.addresses import Family
from proxy_core.errors import KernelError
from proxy_core.nft.kernel import Names
from proxy_core.nft.statements import TableFamily
from proxy_core.nft.transaction import TABLE, ElementKey, Transaction


class NftProgram:
    """One table by way of nft."""

    def __init__(self, family: TableFamily, table: str = TABLE) -> None:
        self._family, self._table = family, table

    def run(self, transaction: Transaction) -> None:
        _run(["nft", "-f", "-"], "\n".join([*transaction.lines(), ""]))

    def names(self) -> Names:
        found = self._list("table", self._family, self._table)
        chains = frozenset(each["chain"]["name"] for each in found if "chain" in each)
        kinds = ("set", "map")
        return Names(chains, frozenset(each[kind]["name"] for each in found for kind in kinds if kind in each))

    def elements(self, container: str) -> Mapping[ElementKey, str] | None:
        for kind in ("set", "map"):
            for each in self._list(kind, self._family, self._table, container):
                if kind in each:
                    return dict(_element(one, kind) for one in each[kind].get("elem", ()))
        return None

    def _list(self, *words: str) -> list[dict[str, Any]]:
        try:
            listed: list[dict[str, Any]] = json.loads(_run(["nft", "-j", "list", *words], ""))["nftables"]
        except KernelError:
            return []
        return listed


def _element(one: Any, kind: str) -> tuple[ElementKey, str]:
    key, verdict = one if kind == "map" else (one, {})
    if isinstance(key, dict) and "elem" in key:
        key = key["elem"]["val"]
    parts = key["concat"] if isinstance(key, dict) else [key]
    value = " ".join(f"{verb} {what['target']}" if what else verb for verb, what in verdict.items())
    return tuple(str(part) for part in parts), value


class IptablesPrograms:
    """The tables of one family by way of the legacy programs."""

    def __init__(self, family: Family) -> None:
        self._program = "ip6tables-legacy" if family == "IPv6" else "iptables-legacy"

    def ensure_chain(self, table: str, chain: str) -> None:
        if not self._does("-N", chain, "-t", table):
            _run([self._program, "-w", "-S", chain, "-t", table], "")

    def ensure_rule(self, table: str, chain: str, rule: Sequence[str]) -> None:
        if not self._does("-C", chain, "-t", table, *rule):
            _run([self._program, "-w", "-I", chain, "-t", table, *rule], "")

    def chains(self, table: str) -> Iterable[str]:
        lines = _run([f"{self._program}-save", "-t", table], "").splitlines()
        return [line[1:].partition(" ")[0] for line in lines if line.startswith(":")]

    def restore(self, text: Iterable[str]) -> None:
        _run([f"{self._program}-restore", "-w", "5", "--noflush", "--counters"], "".join(text))

    def _does(self, *words: str) -> bool:
        return subprocess.run([self._program, "-w", "5", *words], capture_output=True, check=False).returncode == 0


def _run(words: Sequence[str], text: str) -> str:
    done = subprocess.run(words, input=text, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise KernelError(f"{' '.join(words)}: {done.stderr}")
    return done.stdout
