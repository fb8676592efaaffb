"""All examples pass ``stowage plugin check``. In plain Python: that they compile, too, is what the command shows."""

from __future__ import annotations

from pathlib import Path

import pytest

import plugins.examples
from cluster_shim.plugin.check import Wanted, check_plugin

FOLDER = Path(plugins.examples.__file__).parent
FILES = sorted(file.name for file in FOLDER.glob("*.py") if file.name != "__init__.py")


def test_there_are_enough_and_they_are_short() -> None:
    assert len(FILES) >= 6
    for name in FILES:
        assert len((FOLDER / name).read_text(encoding="utf-8").splitlines()) < 100, name


@pytest.mark.parametrize("name", FILES)
def test_an_example_keeps_the_contract(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    verdicts = check_plugin(Wanted(str(FOLDER / name)))
    assert [each for each in verdicts if each.status in ("failed", "warning")] == []
    assert {each.check: each.status for each in verdicts}["three speeds"] == "ok"
