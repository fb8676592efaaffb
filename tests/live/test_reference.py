"""The ways in which a plugin is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster_shim.scheduler.reference import PluginReference, is_reference, parse_reference


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my.py:Mine=5", PluginReference(Path("my.py"), "", "Mine", 5)),
        ("my.py:Mine", PluginReference(Path("my.py"), "", "Mine")),
        ("a/b c.py=7", PluginReference(Path("a/b c.py"), "", "", 7)),
        ("my.py", PluginReference(Path("my.py"), "", "")),
        ("pack.my:Mine=2", PluginReference(None, "pack.my", "Mine", 2)),
        ("Mine=2147483647", None),
        ("Mine=214748364", PluginReference(None, "", "Mine", 214748364)),
        ("Coscheduling", PluginReference(None, "", "Coscheduling")),
    ],
)
def test_forms(text: str, expected: PluginReference | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="is not of the form"):
            parse_reference(text)
        return
    assert parse_reference(text) == expected
    assert parse_reference(str(expected)) == expected
    assert str(expected) == (text if "=" in text else f"{text}=1")


@pytest.mark.parametrize("text", ["", "my.py:", "my.py:Mine=", "my.py:Mine=x", "pack.my:", "a:b:c", "1st:Mine", "a b"])
def test_what_names_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        parse_reference(text)


def test_a_weight_is_positive() -> None:
    with pytest.raises(ValueError, match=r"the weight of 'my\.py:Mine=0' is not a positive int32"):
        parse_reference("my.py:Mine=0")


def test_files_are_taken_from_a_folder() -> None:
    assert parse_reference("my.py:Mine").under(Path("etc")).file == Path("etc/my.py")
    assert parse_reference("/my.py:Mine").under(Path("etc")).file == Path("/my.py")
    assert parse_reference("my:Mine").under(Path("etc")) == parse_reference("my:Mine")


def test_names_of_a_configuration_that_are_references() -> None:
    assert [is_reference(name) for name in ("my.py", "my.py:Mine", "my:Mine", "NodeName", "*")] == [
        True, True, True, False, False,
    ]  # fmt: skip
