"""IptablesPrograms: the real programs, in a namespace of the test's own."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path
from typing import get_args

import pytest

from proxy_core import KernelError, NotSupported
from proxy_core.addresses import Family
from proxy_core.kernel.iptables import IptablesPrograms, Variant, variants_with_rules
from proxy_core.kernel.netns import inside

ODD = ("-m", "comment", "--comment", """it's a "q" $HOME; `x` \\ \N{SNOWMAN}""", "-j", "KUBE-E")


@pytest.fixture(params=[(variant, family) for variant in get_args(Variant) for family in get_args(Family)])
def tables(request: pytest.FixtureRequest, netns: str) -> IptablesPrograms:
    """Return the tables of a family in each variant."""
    variant, family = request.param
    found = IptablesPrograms(family, variant, netns=netns, timeout_s=60)
    try:
        found.check()
    except (NotSupported, KernelError) as reason:
        pytest.skip(f"no iptables-{variant} for {family} here: {reason}")
    return found


def rules(tables: IptablesPrograms, table: str) -> list[str]:
    return [line for line in tables.save(table).splitlines() if not line.startswith("#")]


def test_chains_and_rules_come_and_go(tables: IptablesPrograms) -> None:
    before = rules(tables, "nat")
    for _ in range(2):
        tables.ensure_chain("nat", "KUBE-E")
        tables.ensure_rule("nat", "OUTPUT", ("-j", "KUBE-E"))
        tables.ensure_rule("nat", "OUTPUT", ODD)
    assert tables.has_chain("nat", "KUBE-E") and not tables.has_chain("nat", "KUBE-F")
    assert tables.chains("nat") == ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING", "KUBE-E"]
    first, second = (line for line in rules(tables, "nat") if line.startswith("-A OUTPUT"))
    assert "$HOME; `x`" in first and "\N{SNOWMAN}" in first and second == "-A OUTPUT -j KUBE-E"
    for _ in range(2):
        tables.delete_rule("nat", "OUTPUT", ODD)
        tables.delete_rule("nat", "OUTPUT", ("-j", "KUBE-E"))
    tables.delete_rule("nat", "OUTPUT", ("-j", "KUBE-F"))
    tables.restore(["*nat\n", ":KUBE-E - [0:0]\n-X KUBE-E\n", "COMMIT\n"])
    assert rules(tables, "nat") == before


def test_legacy_programs_count_where_they_have_tables(netns: str) -> None:
    legacy = IptablesPrograms("IPv4", "legacy")
    with inside(netns):
        try:
            default, _ = IptablesPrograms("IPv4").version.variant, legacy.version
        except NotSupported as reason:
            pytest.skip(str(reason))
        if default == "legacy":
            assert list(variants_with_rules()) == [None, "nft"]
            return
        assert list(variants_with_rules()) == [None]
        legacy.check()
        assert list(variants_with_rules()) == [None, "legacy"]


def test_an_input_comes_in_pieces_of_any_size(tables: IptablesPrograms) -> None:
    head = ["*nat\n", ":KUBE-E - [0:0]\n"]
    tables.restore([*head, *(f"-A KUBE-E -s 10.0.{n // 250}.{n % 250} -j RETURN\n" for n in range(500)), "COMMIT\n"]
                   if tables.family == "IPv4" else
                   [*head, *(f"-A KUBE-E -s fd00::{n:x} -j RETURN\n" for n in range(1, 501)), "COMMIT\n"])  # fmt: skip
    assert sum(line.startswith("-A KUBE-E") for line in rules(tables, "nat")) == 500
    tables.restore(iter("*nat\n:KUBE-E - [0:0]\n-A KUBE-E -j RETURN\nCOMMIT\n"))
    assert [line for line in rules(tables, "nat") if line.startswith("-A")] == ["-A KUBE-E -j RETURN"]


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("-A KUBE-E -p tcp -m tcp --nonsense 1 -j ACCEPT", 4),
        ("-A KUBE-NOWHERE -j ACCEPT", 4),
        ("-A KUBE-E -j KUBE-NOWHERE", 4),
        ("what is this", 4),
        ("-X KUBE-NOWHERE", 4),
    ],
)
def test_a_line_that_is_refused_is_shown_and_the_table_stays(tables: IptablesPrograms, line: str, number: int) -> None:
    tables.restore(["*nat\n:KUBE-E - [0:0]\n-A KUBE-E -j RETURN\nCOMMIT\n"])
    before = rules(tables, "nat")
    with pytest.raises(KernelError) as refused:
        tables.restore(["*nat\n:KUBE-E - [0:0]\n", "-A KUBE-E -j ACCEPT\n", f"{line}\n", "COMMIT\n"])
    assert f" {number}: {line}" in str(refused.value) and "restore" in str(refused.value)
    assert rules(tables, "nat") == before


def test_what_the_kernel_refuses_at_the_end_is_told(tables: IptablesPrograms) -> None:
    loop = "*nat\n:KUBE-E - [0:0]\n:KUBE-F - [0:0]\n-A KUBE-E -j KUBE-F\n-A KUBE-F -j KUBE-E\n-A OUTPUT -j KUBE-E\n"
    before = rules(tables, "nat")
    with pytest.raises(KernelError, match="line"):
        tables.restore([loop, "COMMIT\n"])
    assert rules(tables, "nat") == before


def test_a_table_that_is_not_there_names_the_remedy(tables: IptablesPrograms) -> None:
    with pytest.raises(NotSupported, match="modprobe iptable_nothing"):
        tables.ensure_chain("nothing", "KUBE-E")


def test_a_rule_that_is_wrong_is_no_rule_that_is_missing(tables: IptablesPrograms) -> None:
    with pytest.raises(KernelError, match="neither a chain nor an extension"):
        tables.ensure_rule("nat", "OUTPUT", ("-m", "nonsense", "-j", "RETURN"))
    with pytest.raises(KernelError, match="-I NOWHERE -t nat -j RETURN"):
        tables.ensure_rule("nat", "NOWHERE", ("-j", "RETURN"))


def fake_programs(folder: Path, monkeypatch: pytest.MonkeyPatch, version: str, more: str = "exit 0") -> None:
    """Put a program iptables with its relatives before all others on PATH."""
    for name in ("iptables", "iptables-restore", "iptables-save"):
        (folder / name).write_text(
            f'#!/bin/sh\nif [ "$1" = --version ]; then echo "{version}"; exit 0; fi\n{more}\n', encoding="utf-8"
        )
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.parametrize(
    ("said", "number", "variant"),
    [
        ("iptables v1.8.9 (legacy)", (1, 8, 9), "legacy"),
        ("iptables v1.8.11 (nf_tables)", (1, 8, 11), "nft"),
        ("iptables v1.6.2", (1, 6, 2), "legacy"),
        ("iptables v2.0", (2, 0, 0), "legacy"),
    ],
)
def test_the_version_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, number: tuple[int, int, int], variant: str
) -> None:
    fake_programs(tmp_path, monkeypatch, said)
    version = IptablesPrograms("IPv4").version
    assert version == (number, variant) and version.random_fully


def test_programs_that_are_too_old_or_missing_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_programs(tmp_path, monkeypatch, "iptables v1.6.1")
    with pytest.raises(NotSupported, match=r"iptables is 1\.6\.1: it takes 1\.6\.2 or newer"):
        IptablesPrograms("IPv4").restore(["*nat\nCOMMIT\n"])
    with pytest.raises(NotSupported, match="no program ip6tables-nft on this machine: install iptables"):
        monkeypatch.setenv("PATH", str(tmp_path))
        IptablesPrograms("IPv6", "nft").check()


def test_a_program_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_programs(tmp_path, monkeypatch, "iptables v1.8.9 (legacy)", "exec sleep 60")
    begin = time.monotonic()
    with pytest.raises(KernelError, match=r"iptables-restore -w 5 --noflush: not done after 0\.2 s"):
        IptablesPrograms("IPv4", timeout_s=0.2).restore("x" * 1000 for _ in range(5000))  # more than a pipe holds
    assert time.monotonic() - begin < 10


def test_a_lock_that_somebody_else_holds_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, netns: str) -> None:
    if shutil.which("iptables-legacy") is None:
        pytest.skip("there is no program iptables-legacy")
    import fcntl

    monkeypatch.setattr("proxy_core.kernel.iptables._WAIT", ("-w", "1"))
    with (tmp_path / "xtables.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(KernelError, match="another program works on the tables"):
            IptablesPrograms("IPv4", "legacy", netns=netns).ensure_chain("nat", "KUBE-E")


def test_threads_take_turns(tables: IptablesPrograms) -> None:
    def write(number: int) -> None:
        for _ in range(3):
            tables.restore([f"*nat\n:KUBE-{number} - [0:0]\n-A KUBE-{number} -j RETURN\nCOMMIT\n"])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(chain for chain in tables.chains("nat") if chain.startswith("KUBE-")) == [
        f"KUBE-{n}" for n in range(4)
    ]
