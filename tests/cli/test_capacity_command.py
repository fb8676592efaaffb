"""``stowage capacity``: what it prints, its JSON, its exit statuses and its errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Stowage = Callable[..., Result]
CLUSTER = ("--cluster", "cluster.yaml")


def flat(result: Result) -> str:
    return " ".join(result.output.split())


def test_what_fits_and_what_stops_the_next(stowage: Stowage) -> None:
    result = stowage("capacity", "--podspec", "pod.yaml", *CLUSTER)
    assert result.exit_code == 0
    text = flat(result)
    assert "default/tiny: 5 more fit, on 2 of 3 nodes" in text
    assert "small 4" in text and "large 1" in text
    assert "no zone 4 a 1" in text
    assert "Insufficient cpu 2 Insufficient memory 1" not in text  # each reason once, on its own line
    assert "node(s) had untolerated taint(s) 1" in text
    assert "cpu 18 41.7 55.6" in text


def test_nothing_fits(stowage: Stowage, folder: Path) -> None:
    large = (folder / "pod.yaml").read_text(encoding="utf-8").replace("500m", "9")
    result = stowage("capacity", "--podspec", "-", *CLUSTER, stdin=large)
    assert result.exit_code == 1
    text = flat(result)
    assert "default/tiny: 0 more fit, on 0 of 3 nodes" in text
    assert "Insufficient cpu 2" in text


def test_one_more_fits(stowage: Stowage, folder: Path) -> None:
    half = (folder / "pod.yaml").read_text(encoding="utf-8").replace("500m", "2")
    assert "default/tiny: 1 more fits, on 1 of 3 nodes" in flat(
        stowage("capacity", "--podspec", "-", *CLUSTER, stdin=half)
    )


def test_a_limit(stowage: Stowage) -> None:
    result = stowage("capacity", "--podspec", "pod.yaml", *CLUSTER, "--limit", "2")
    assert (result.exit_code, "2 more fit" in result.output) == (0, True)
    assert "the count ended at its limit; more may fit" in flat(result)


def test_many_nodes_are_summed_up(stowage: Stowage) -> None:
    text = flat(stowage("capacity", "--podspec", "pod.yaml", *CLUSTER, "--top", "1"))
    assert "pods on a node nodes such as" in text
    assert "4 1 small fewer than 4 1" in text


def test_a_pod_that_is_not_tried(stowage: Stowage, folder: Path) -> None:
    other = (folder / "pod.yaml").read_text(encoding="utf-8").replace("spec:", "spec:\n  schedulerName: mine")
    result = stowage("capacity", "--podspec", "-", *CLUSTER, stdin=other)
    assert result.exit_code == 1
    assert 'the next one fails: profile not found for scheduler name "mine"' in flat(result)


def test_each_podspec_is_counted_alone(stowage: Stowage, folder: Path) -> None:
    (folder / "other.yaml").write_text((folder / "pod.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    result = stowage("capacity", "--podspec", "pod.yaml", "--podspec", "other.yaml", *CLUSTER, "--json", "-")
    first, second = json.loads(result.stdout)["pods"]
    assert first == second
    assert (first["fits"], first["byNode"]) == (5, {"small": 4, "large": 1})
    assert first["after"]["cpu"]["requested"] - first["before"]["cpu"]["requested"] == 2500


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (CLUSTER, "Missing option '--podspec'"),
        (("--podspec", "pod.yaml"), "--cluster FILES is missing: the nodes to fill."),
        (("--podspec", "cluster.yaml", *CLUSTER), "cluster.yaml: expected one pod, found 5"),
        (("--podspec", "gone.yaml", *CLUSTER), "gone.yaml: cannot be read: No such file or directory"),
        (("--podspec", "pod.yaml", *CLUSTER, "--limit", "0"), "0 is not in the range x>=1"),
    ],
)
def test_bad_input(stowage: Stowage, args: tuple[str, ...], text: str) -> None:
    result = stowage("capacity", *args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert text in result.stderr


def test_a_file_without_pods(stowage: Stowage, folder: Path) -> None:
    (folder / "node.yaml").write_text("apiVersion: v1\nkind: Node\nmetadata: {name: n}\n", encoding="utf-8")
    result = stowage("capacity", "--podspec", "node.yaml", *CLUSTER)
    assert result.exit_code == 2
    assert "node.yaml: expected one pod, found 0\n" in result.stderr
