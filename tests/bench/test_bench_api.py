"""``stowage bench api``: a small run against a server that it starts, and against one that a kubeconfig names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.api.target import Own
from bench.cli import bench

SMALL = ["--nodes", "20", "--pods", "40", "--gets", "40", "--changes", "50", "--watchers", "5", "--connections", "4"]


def run(*arguments: str) -> dict[str, object]:
    outcome = CliRunner().invoke(bench, ["api", *SMALL, "--json", "-", *arguments])
    assert outcome.exit_code == 0, outcome.output
    result: dict[str, object] = json.loads(outcome.stdout)
    return result


def test_a_server_of_ours_is_started_filled_measured_and_started_again() -> None:
    result = run()
    assert str(result["server"]).startswith("v1.36.0")
    for name in (
        "creates_per_second",
        "distinct_creates_per_second",
        "binds_per_second",
        "gets_per_second",
        "watch_lag_ms_p99",
        "list_seconds",
        "rss_bytes",
        "start_seconds",
    ):
        assert isinstance(result[name], float | int) and result[name] > 0, name  # type: ignore[operator]


def test_any_server_is_measured_by_its_kubeconfig() -> None:
    with Own() as own:
        result = run("--kubeconfig", str(own._folder / "kubeconfig"))
    assert result["rss_bytes"] is None and result["start_seconds"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "expected"),
        ("[]", "is no kubeconfig"),
        ("current-context: x", "contexts: there is none called 'x'"),
    ],
)
def test_a_bad_kubeconfig_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    outcome = CliRunner().invoke(bench, ["api", "--kubeconfig", str(path)])
    assert outcome.exit_code == 1
    assert str(path) in outcome.output and message in outcome.output
