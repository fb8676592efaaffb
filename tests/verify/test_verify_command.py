"""The command ``stowage verify scheduler``: files, options, what it prints and writes, exit statuses."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bench.verify.cli import verify
from bench.verify.read import find_files
from sched_core import InvalidObjects
from tests.verify.tiny_scenario import PLACED, REFUSED, Json, brief, pod, scenario, sequence

Stowage = Callable[..., "subprocess.CompletedProcess[str]"]

QUEUE = {
    "name": "queue-1",
    "kind": "queue",
    "start": "2026-01-01T00:00:00Z",
    "steps": [
        {"at": 0, "op": "add", "object": pod("a", "1")},
        {"at": 5, "op": "pop"},
        {"at": 7, "op": "fail", "pod": "default/a", "plugins": ["NodeResourcesFit"]},
        {"at": 9, "op": "delete", "pod": "default/a"},
    ],
    "expect": [
        {"active": ["default/a"]},
        {"popped": "default/a", "attempts": 1, "inFlight": ["default/a"]},
        {"active": ["default/a"]},
        {},
    ],
}
"""A script of which the third step ends in another state than it says."""


def write(path: Path, *scenarios: Any) -> str:
    data = json.dumps(list(scenarios)).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return str(path)


def tampered(index: int = PLACED, field: str = "chosen", value: Any = "a", make: Callable[[], Json] = scenario) -> Json:
    document = make()
    document["expect"][index][field] = value
    return {**document, "name": "tampered-1"}


def undecidable() -> Json:
    """Return a scenario of which a pod needs what a plugin does not do yet."""
    document = scenario()
    document["pods"][REFUSED]["spec"]["resourceClaims"] = [{"name": "gpu", "resourceClaimName": "gpu"}]
    return {**document, "name": "undecidable-1"}


def run(*args: str, status: int) -> Result:
    result = CliRunner().invoke(verify, ["scheduler", *args])
    assert result.exit_code == status, result.output
    return result


def refused(*args: str) -> str:
    """Run a command on files that cannot be used; return the list of problems."""
    result = CliRunner().invoke(verify, ["scheduler", *args])
    assert isinstance(result.exception, InvalidObjects), result.output
    assert result.stdout == ""
    return str(result.exception)


def test_files_and_folders(tmp_path: Path) -> None:
    write(tmp_path / "golden" / "visible" / "fit.json.gz", scenario(), scenario())
    write(tmp_path / "golden" / "heldout" / "fit.json", scenario())
    write(tmp_path / "golden" / "order.json", sequence())
    (tmp_path / "golden" / "README.md").write_text("not looked at", encoding="utf-8")
    large = write(tmp_path / "large.json", brief())
    result = run(str(tmp_path / "golden"), large, large, str(tmp_path / "golden" / "order.json"), status=0)
    assert result.stdout.splitlines() == [
        "fit    3/3 passed (pods 21/21)",
        "order  1/1 passed (pods 5/5)",
        "large  1/1 passed (pods 6/6)",
        "",
        "5/5 scenarios passed",
    ]


def test_the_first_difference_of_each_family(tmp_path: Path) -> None:
    first = write(tmp_path / "one.json", scenario(), tampered(), tampered(REFUSED, "message", "x"))
    second = write(tmp_path / "two.json", tampered(REFUSED, "message", "x"))
    lines = run(first, second, status=1).stdout.splitlines()
    assert lines[:2] == ["one  1/3 passed, 2 differ (pods 8/21)", "two  0/1 passed, 1 differs (pods 1/7)"]
    assert lines[3:9] == [
        "first difference in one:",
        "  scenario  tampered-1",
        "  pod       default/placed",
        "  field     chosen",
        "  expected  a",
        "  got       b",
    ]
    assert "first difference in two:" in lines
    assert lines[-1] == "1/4 scenarios passed"


def test_plugin_and_node_of_a_score_are_named(tmp_path: Path) -> None:
    document = scenario()
    document["expect"][PLACED]["rawScores"]["NodeResourcesFit"]["a"] = 1
    lines = run(write(tmp_path / "fit.json", document), status=1).stdout.splitlines()
    assert "  plugin    NodeResourcesFit" in lines
    assert "  node      a" in lines


def test_what_is_missing_is_named_and_not_passed(tmp_path: Path) -> None:
    mixed = write(tmp_path / "mixed.json", undecidable(), scenario(), undecidable())
    queue = write(tmp_path / "queue.json", QUEUE)
    lines = run(mixed, queue, status=1).stdout.splitlines()
    plugins = "DynamicResources"
    assert lines == [
        f"mixed  1/3 passed, 2 need {plugins} (pods 9/21)",
        "queue  0/1 passed, 1 differs (steps 2/4)",
        "",
        "first difference in queue:",
        "  scenario  queue-1",
        "  pod       step 2: fail default/a",
        "  field     unschedulable",
        "  expected  nothing",
        '  got       ["default/a"]',
        "",
        "1/4 scenarios passed",
    ]


def test_a_difference_weighs_more_than_what_is_missing(tmp_path: Path) -> None:
    document = undecidable()
    document["expect"][PLACED]["chosen"] = "a"
    assert "0/1 passed, 1 differs (pods 0/7)" in run(write(tmp_path / "mixed.json", document), status=1).stdout


def test_except_leaves_families_out(tmp_path: Path) -> None:
    write(tmp_path / "fit.json", scenario())
    write(tmp_path / "queue.json", QUEUE)
    write(tmp_path / "mixed.json.gz", tampered())
    result = run(str(tmp_path), "--except", "queue", "--except", "mixed", "--except", "gone", status=0)
    assert result.stdout.splitlines() == [
        "fit    1/1 passed (pods 7/7)",
        "mixed  left out",
        "queue  left out",
        "",
        "1/1 scenarios passed",
    ]
    assert "--except gone: there is no such family among the files" in result.stderr
    run(str(tmp_path), "--except", "queue", status=1)


def test_nothing_to_verify_is_not_a_pass(tmp_path: Path) -> None:
    path = write(tmp_path / "fit.json", scenario())
    assert "leaves nothing to verify" in run(path, "--except", "fit", status=2).stderr


def test_json_has_all_that_is_printed(tmp_path: Path) -> None:
    one = write(tmp_path / "one.json", tampered(), undecidable(), scenario())
    two = write(tmp_path / "two.json", scenario())
    out = tmp_path / "out" / "result.json"
    out.parent.mkdir()
    run(one, two, write(tmp_path / "three.json", QUEUE), "--except", "three", "--json", str(out), status=1)
    written = json.loads(out.read_text(encoding="utf-8"))
    assert (written["passed"], written["left_out"]) == (False, ["three"])
    assert [family["family"] for family in written["families"]] == ["one", "two"]
    assert written["families"][0] == {
        "family": "one",
        "scenarios": 3,
        "scenarios_passed": 1,
        "scenarios_differ": 1,
        "scenarios_not_decided": 1,
        "pods": 21,
        "pods_passed": 8,
        "unit": "pods",
        "needs": ["DynamicResources"],
        "first_difference": {
            "scenario": "tampered-1",
            "pod": "default/placed",
            "field": "chosen",
            "plugin": "",
            "node": "",
            "expected": "a",
            "got": "b",
        },
    }
    assert written["families"][1]["first_difference"] is None


def test_json_on_standard_output_is_alone_there(tmp_path: Path) -> None:
    result = run(write(tmp_path / "fit.json", scenario()), "--json", "-", status=0)
    assert json.loads(result.stdout)["passed"] is True
    assert "1/1 scenarios passed" in result.stderr


def script(*steps: Json, start: str = "2026-01-01T00:00:00Z") -> bytes:
    """Return a file with one script for the queue."""
    some = steps or ({"at": 0, "op": "pop"},)
    return json.dumps([{**QUEUE, "start": start, "steps": some, "expect": [{} for _ in some]}]).encode()


BAD_FILES: list[tuple[bytes, str]] = [
    (b"", "is not a JSON list of scenarios"),
    (b"scenarios", "is not a JSON list of scenarios"),
    (b"{}", "is not a JSON list of scenarios"),
    (b"[" * 100_000, "is not a JSON list of scenarios"),
    (json.dumps([scenario()]).encode()[:-20], "is not a JSON list of scenarios"),
    (gzip.compress(json.dumps([scenario()]).encode(), mtime=0)[:-20], "the gzip data is damaged"),
    (b"[]", "holds no scenarios"),
    (b"[7]", "scenario [0]: Expected `object`, got `int`"),
    (json.dumps([{**scenario(), "kind": "riddle"}]).encode(), "scenario [0]: Invalid enum value 'riddle'"),
    (json.dumps([{**scenario(), "detail": "long"}]).encode(), "scenario [0]: Invalid enum value 'long'"),
    (json.dumps([{**scenario(), "pods": [], "expect": []}]).encode(), "scenario tiny-1: pods: is empty"),
    (json.dumps([{**scenario(), "expect": []}]).encode(), "scenario tiny-1: expect: has 0 entries for 7 pods"),
    (json.dumps([{**scenario(), "expect": [{}] * 7}]).encode(), "scenario tiny-1: expect[0].pod: is missing"),
    (json.dumps([{**QUEUE, "expect": []}]).encode(), "scenario queue-1: expect: has 0 entries for 4 steps"),
    (script(start="yesterday"), "scenario queue-1: start: 'yesterday' is no time with a time zone"),
    (
        script(start="2026-01-01T00:00:00"),
        "scenario queue-1: start: '2026-01-01T00:00:00' is no time with a time zone",
    ),
    (script({"at": 0, "op": "dance"}), "scenario [0]: Invalid enum value 'dance'"),
    (script({"at": 0, "op": "add"}), "scenario queue-1: steps[0].object: is missing"),
    (script({"at": 0, "op": "fail"}), "scenario queue-1: steps[0].pod: is missing"),
    (script({"at": 0, "op": "bind", "pod": "default/a"}), "scenario queue-1: steps[0].node: is missing"),
    (script({"at": 0, "op": "delete"}), "scenario queue-1: steps[0]: needs one of pod, node"),
    (
        script({"at": 1, "op": "pop"}, {"at": 0, "op": "pop"}),
        "scenario queue-1: steps[1].at: is before the step before",
    ),
]


@pytest.mark.parametrize(("data", "reason"), BAD_FILES, ids=[reason for _, reason in BAD_FILES])
def test_a_bad_file_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    good, bad, out = write(tmp_path / "good.json", scenario()), tmp_path / "bad.json", tmp_path / "out.json"
    bad.write_bytes(data)
    told = refused(good, str(bad), "--json", str(out))
    assert f"{bad}: {reason}" in told
    assert "good.json" not in told
    assert not out.exists()


@pytest.mark.parametrize("field", ["name", "objects", "pods", "expect"])
def test_a_missing_field_is_named(tmp_path: Path, field: str) -> None:
    document = scenario()
    del document[field]
    told = refused(write(tmp_path / "bad.json", scenario(), document))
    assert f"scenario [1]: Object missing required field `{field}`" in told


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ({"before": 0}, "steps[0]: needs one of addNode, updateNode, deleteNode, deletePod"),
        ({"before": 0, "deleteNode": "x", "deletePod": "default/p0"}, "steps[0]: needs one of"),
        ({"before": 5, "deleteNode": "x"}, "steps[0].before: there is no pod 5"),
        ({"before": 0, "addNode": {"kind": "Pod"}}, "steps[0]: the object is no Node"),
        ({"before": 0, "paintNode": "x"}, "scenario [0]: Object contains unknown field `paintNode`"),
    ],
)
def test_a_bad_step_is_named(tmp_path: Path, step: Json, reason: str) -> None:
    assert reason in refused(write(tmp_path / "bad.json", {**sequence(), "steps": [step]}))


def test_all_bad_files_are_named_at_once(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one.json"), write(tmp_path / "two.json", 7, 8)
    told = refused(one, two)
    assert "3 problems" in told
    assert "one.json: holds no scenarios" in told
    assert "two.json: scenario [1]: Expected `object`" in told


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidObjects, match="the folder holds no"):
        find_files([tmp_path])


def test_bad_options_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    good = write(tmp_path / "good.json", scenario())
    assert "Missing argument" in run(status=2).stderr
    assert "does not exist" in run(str(tmp_path / "gone.json"), status=2).stderr
    assert "is a folder" in run(good, "--json", str(tmp_path), status=2).stderr


def test_as_a_user_runs_it_all_passes(stowage: Stowage, tmp_path: Path) -> None:
    done = stowage(write(tmp_path / "fit.json.gz", scenario(), sequence()))
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "fit  2/2 passed (pods 12/12)"), done.stderr


def test_as_a_user_runs_it_a_difference(stowage: Stowage, tmp_path: Path) -> None:
    done = stowage(write(tmp_path / "fit.json", tampered()), "--json", "-")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["families"][0]["first_difference"]["field"] == "chosen"
    assert "first difference in fit:" in done.stderr


def test_as_a_user_runs_it_something_missing_and_left_out(stowage: Stowage, tmp_path: Path) -> None:
    write(tmp_path / "golden" / "queue.json", QUEUE)
    write(tmp_path / "golden" / "fit.json", scenario())
    assert stowage(str(tmp_path / "golden")).returncode == 1
    assert stowage(str(tmp_path / "golden"), "--except", "queue").returncode == 0


def test_as_a_user_runs_it_a_bad_file(stowage: Stowage, tmp_path: Path) -> None:
    bad = tmp_path / "fit.json.gz"
    bad.write_bytes(gzip.compress(json.dumps([scenario()]).encode())[:-20])
    done = stowage(str(bad), "--json", "out.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "the gzip data is damaged" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "work").iterdir())
