"""Loading plugins: what the file has now, whole or not at all, and errors that say where."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

import pytest

from cluster_shim.scheduler import load
from cluster_shim.scheduler.load import load_plugin
from cluster_shim.scheduler.reference import parse_reference
from sched_core import PluginError

GOOD = """from sched_core import Plugin


class Mine(Plugin):
    @staticmethod
    def score_row(pod, node, args):
        return {}
"""


def write(folder: Path, text: str, name: str = "mine.py") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def scored(plugin: Any) -> int:
    return int(plugin.score_row(None, None, None))


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD.format(3))
    first: Any = load_plugin(parse_reference(f"{file}:Mine"))
    write(tmp_path, GOOD.format(5))  # of the same size, and written in the same second
    second: Any = load_plugin(parse_reference(str(file)))
    assert (scored(first), scored(second)) == (3, 5)
    assert "return 5" in inspect.getsource(second.score_row)
    assert not list(tmp_path.rglob("*.pyc"))


def test_a_version_that_cannot_be_loaded_leaves_the_last_one_as_it_was(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD.format(3))
    mine: Any = load_plugin(parse_reference(f"{file}:Mine"))
    write(tmp_path, "\n\n" + GOOD.format(7) + "1 / 0\n")
    with pytest.raises(PluginError, match=r"mine\.py:10: ZeroDivisionError"):
        load_plugin(parse_reference(f"{file}:Mine"))
    assert "return 3" in inspect.getsource(mine.score_row)  # which compiled code may still have to be made of
    assert sys.modules[mine.__module__].Mine is mine


def test_a_file_that_never_worked_leaves_nothing(tmp_path: Path) -> None:
    before = set(sys.modules)
    file = write(tmp_path, GOOD.format(3) + "raise SystemExit(4)\n")
    with pytest.raises(PluginError, match=r"mine\.py:8: SystemExit: 4"):
        load_plugin(parse_reference(f"{file}:Mine"))
    assert set(sys.modules) == before


@pytest.mark.parametrize(
    ("text", "needle"),
    [
        ("x = 1\ndef broken(\n", r"plugin Mine, load: .*mine\.py:2: SyntaxError: .*: def broken\("),
        ("import os\nimport no_such_thing\n", r"mine\.py:2: ModuleNotFoundError: No module named 'no_such_thing'"),
        ("def f():\n    return 1 / 0\n\n\nf()\n", r"mine\.py:2: ZeroDivisionError"),
        ("x = '\udcff'", r"mine\.py.*: SyntaxError|is no Python source"),
        ("x = 1\n", r"mine\.py has no class Mine; plugins in it: none"),
        (GOOD.replace("Mine", "Main"), r"has no class Mine; plugins in it: Main"),
        ("class Mine: pass\n", r"mine\.py: Mine is not a subclass of sched_core\.Plugin"),
        ("Mine = 3\n", r"Mine is not a subclass"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, needle: str) -> None:
    file = tmp_path / "mine.py"
    file.write_bytes(text.encode("utf-8", errors="surrogateescape"))
    with pytest.raises(PluginError, match=needle):
        load_plugin(parse_reference(f"{file}:Mine"))


def test_a_file_that_loops_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "LOAD_LIMIT_S", 0.2)
    file = write(tmp_path, "try:\n    while True:\n        pass\nexcept Exception:\n    pass\n")
    with pytest.raises(PluginError, match=r"mine\.py:[23]: it is still running after 0 s"):
        load_plugin(parse_reference(f"{file}:Mine"))


def test_what_a_file_prints_does_not_get_into_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, "print('hello')\n" + GOOD.format(1))
    load_plugin(parse_reference(f"{file}:Mine"))
    assert capsys.readouterr() == ("", "hello\n")


def test_the_only_plugin_of_a_file(tmp_path: Path) -> None:
    two = GOOD.format(1) + "\n\nclass Other(Mine):\n    pass\n"
    with pytest.raises(PluginError, match=r"it has several plugins: Mine, Other; write mine\.py:Mine"):
        load_plugin(parse_reference(str(write(tmp_path, two))))
    with pytest.raises(PluginError, match="there is no plugin in it"):
        load_plugin(parse_reference(str(write(tmp_path, "from sched_core import Plugin\n"))))


def test_a_class_of_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    write(tmp_path, GOOD.format(3), "some_policy.py")
    reference = parse_reference("some_policy:Mine=2")
    first: Any = load_plugin(reference)
    write(tmp_path, GOOD.format(4), "some_policy.py")
    second: Any = load_plugin(reference)
    assert (scored(first), scored(second), second.__module__) == (3, 4, "some_policy")
    with pytest.raises(PluginError, match="there is no module no_such_policy"):
        load_plugin(parse_reference("no_such_policy:Mine"))
    with pytest.raises(PluginError, match="there is no module sys"):
        load_plugin(parse_reference("sys:Mine"))


def test_an_installed_plugin() -> None:
    assert load_plugin(parse_reference("NodeName=3")).__name__ == "NodeName"
    with pytest.raises(PluginError, match="no plugin of this name is installed"):
        load_plugin(parse_reference("NoSuchPlugin"))
