"""Which files have changed: by what is in them."""

from __future__ import annotations

import os
from pathlib import Path

from cluster_shim.scheduler.watch import FileWatch


def test_changes_are_told_once(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a", encoding="utf-8")
    watch = FileWatch([one, two])
    assert watch.changed() == []
    one.write_text("b", encoding="utf-8")
    two.write_text("c", encoding="utf-8")
    before = watch.digest
    assert watch.changed() == [one, two] and watch.digest != before
    assert watch.changed() == []
    one.unlink()
    assert watch.changed() == [one]


def test_the_same_content_is_no_change(tmp_path: Path) -> None:
    file = tmp_path / "one"
    file.write_text("a", encoding="utf-8")
    watch = FileWatch([file])
    os.utime(file, ns=(1, 1))
    assert watch.changed() == []
    replacement = tmp_path / "new"
    replacement.write_text("a", encoding="utf-8")
    replacement.rename(file)  # as editors save
    assert watch.changed() == []
    replacement.write_text("b", encoding="utf-8")
    replacement.rename(file)
    assert watch.changed() == [file]


def test_other_files_are_followed(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    watch = FileWatch([one])
    two.write_text("a", encoding="utf-8")
    watch.follow([two])
    one.write_text("b", encoding="utf-8")
    assert watch.changed() == []
    two.write_text("c", encoding="utf-8")
    assert watch.changed() == [two]
