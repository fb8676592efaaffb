"""``stowage plugin check``: what it finds, in plain Python, so that nothing is compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster_shim.plugin.check import Wanted, check_plugin
from cluster_shim.plugin.verdict import Verdict
from tests.plugin_tools.plugins import COLUMNS, HEAD, ROW, SCORE, SIGNED, WRONG


@pytest.fixture(autouse=True)
def plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")


def check(folder: Path, body: str, **more: float) -> dict[str, Verdict]:
    file = folder / "mine.py"
    file.write_text(HEAD + body, encoding="utf-8")
    return {each.check: each for each in check_plugin(Wanted(f"{file}:Mine", **more))}  # type: ignore[arg-type]


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_fails_the_check_that_it_belongs_to(tmp_path: Path, what: str) -> None:
    body, where, needle = WRONG[what]
    verdicts = check(tmp_path, body)
    failed = [each for each in verdicts.values() if each.status == "failed"]
    assert failed, what
    assert failed[0].check == where and needle in failed[0].detail


@pytest.mark.parametrize(
    "body", [SCORE.format("return nodes.pod_count.clip(0, 100)"), COLUMNS.replace("+= {}", "+= 2")]
)
def test_a_good_plugin(tmp_path: Path, body: str) -> None:
    verdicts = check(tmp_path, body)
    assert {each.status for each in verdicts.values()} <= {"ok", "skipped"}
    assert verdicts["prints nothing"].status == "ok"


def test_a_plugin_that_prints(tmp_path: Path) -> None:
    verdict = check(tmp_path, SCORE.format("print('scoring'); return nodes.pod_count.clip(0, 100)"))["prints nothing"]
    assert verdict.status == "warning" and "the first is 'scoring'" in verdict.detail


def test_a_plugin_that_says_the_same_of_all_nodes(tmp_path: Path) -> None:
    verdict = check(tmp_path, ROW.format("return 7"))["score range"]
    assert verdict.status == "warning" and "every node gets the same score" in verdict.detail


def test_a_plugin_that_loops_for_ever(tmp_path: Path) -> None:
    verdicts = check(tmp_path, SCORE.format("while True: pass"), limit_s=2.0)
    verdict = list(verdicts.values())[-1]
    assert (verdict.check, verdict.status) == ("array form", "failed")
    assert verdict.detail.startswith("it did not end within 2 s: ") and "mine.py:8 in score" in verdict.detail
    assert verdicts["arguments"].status == "ok"


def test_a_plugin_that_takes_the_process_down(tmp_path: Path) -> None:
    body = SCORE.format("import ctypes; ctypes.string_at(0)")
    verdict = list(check(tmp_path, body).values())[-1]
    assert verdict.status == "failed" and "it took the process down (signal 11): " in verdict.detail
    body = SCORE.format("import os; os._exit(3)")
    assert "it ended the process with status 3" in list(check(tmp_path, body).values())[-1].detail


def test_a_signed_filter_is_tried_in_batches(tmp_path: Path) -> None:
    filters = "    def filter(self, state, pod, nodes):\n        return Verdicts.refuse(nodes.unschedulable, 'no')\n"
    verdict = check(tmp_path, filters + SIGNED)["three speeds"]
    assert verdict.status == "ok" and verdict.detail.endswith("by cycle, fused and incremental")


def test_a_score_that_is_asked_for_each_pod_is_tried_in_batches(tmp_path: Path) -> None:
    assert check(tmp_path, SCORE.format("return nodes.pod_count.clip(0, 100)"))["three speeds"].status == "ok"


PRE_SCORE = "    def pre_score(self, state, pod, nodes, feasible):\n        return SUCCESS\n"
NORMALIZED = "    @staticmethod\n    def normalize_row(score, lowest, highest):\n        return min(score, 100)\n"


@pytest.mark.parametrize(
    ("body", "needle"),
    [
        (SCORE.format("return nodes.pod_count.clip(0, 100)") + PRE_SCORE, "and a PreFilter or PreScore"),
        (ROW.format("return node.pod_count") + NORMALIZED, "give 0..100 at once"),
    ],
)
def test_why_a_plugin_is_not_compiled(tmp_path: Path, body: str, needle: str) -> None:
    verdict = check(tmp_path, body)["three speeds"]
    assert verdict.status == "skipped" and needle in verdict.detail
