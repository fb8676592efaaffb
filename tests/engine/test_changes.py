"""Changes: what has changed since a version, as long as that is known."""

from __future__ import annotations

import pytest

from sched_core import changes
from sched_core.changes import Changes


def test_keys_since_a_version() -> None:
    made = Changes()
    assert made.since(0) == ()
    for key in "aba":
        made.add(key)
    assert [made.since(version) for version in range(4)] == [["a", "b", "a"], ["b", "a"], ["a"], ()]
    assert made.since(-1) is None, "who has never looked sees all"
    made.add_all()
    made.add("c")
    assert (made.version, made.since(3), made.since(4)) == (5, None, ["c"])


def test_only_the_last_changes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "KEPT", 3)
    made = Changes()
    for key in range(100):
        made.add(str(key))
        assert made.since(made.version - 3) == [str(each) for each in range(key - 2, key + 1)] or key < 2
    assert made.since(0) is None
