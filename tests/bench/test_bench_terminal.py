"""Notices and progress: only what is true, and only where somebody sees it."""

from __future__ import annotations

from time import perf_counter

import pytest

from bench.scheduling.execute import Finished, execute
from bench.workloads import source
from cluster_shim.cli.terminal import Bar, working
from cluster_shim.scheduler.configuration import configure
from sched_core import Engine
from tests.bench.command import Stowage

NOTICE = "compiling kernels (first run on this machine, about"


def run_small() -> Finished:
    config, plugins, _ = configure(None)
    return execute(source.synthetic("mixed", 20, 50, 2, 0), config, plugins, "auto", {}, perf_counter())


@pytest.mark.parametrize("cached", [False, True])
def test_compiling_is_said_when_it_is_so(
    cached: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Engine, "kernels_cached", lambda _: cached)
    assert run_small().result.decided == 50
    assert (NOTICE in capfd.readouterr().err) == (not cached)


def test_no_progress_where_stderr_is_not_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with working("something"), Bar("something", 10) as bar:
        bar._begin -= 100
        bar(5)
    assert capfd.readouterr() == ("", "")


def test_a_second_run_says_nothing_on_stderr(stowage: Stowage) -> None:
    small = ("scheduling", "--nodes", "20", "--pods", "50")
    assert stowage(*small).status == 0
    assert stowage(*small).stderr == ""
