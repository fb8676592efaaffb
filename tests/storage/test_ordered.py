"""Sorted keys in chunks, held against `sorted`."""

from __future__ import annotations

import random

import pytest

from cluster_shim.storage import ordered
from cluster_shim.storage.ordered import OrderedKeys, after_all


def test_any_order_of_additions_and_removals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordered, "CHUNK", 4)
    dice = random.Random(7)
    keys, expected = OrderedKeys(), set[str]()
    for step in range(3000):
        key = f"{dice.randrange(400 if step < 2000 else 40):03d}"
        if key in expected:
            keys.remove(key)
            expected.remove(key)
        else:
            keys.add(key)
            expected.add(key)
        low, high = f"{dice.randrange(420):03d}", dice.choice([None, f"{dice.randrange(420):03d}"])
        inside = [each for each in sorted(expected) if each >= low and (high is None or each < high)]
        limit = dice.randrange(4)
        assert keys.between(low, high, limit) == (inside[:limit] if limit else inside)
        assert keys.count(low, high) == len(inside)
    assert list(keys) == sorted(expected)
    assert len(keys) == len(expected)


@pytest.mark.parametrize(
    ("prefix", "end"), [("", None), ("a/", "a0"), ("a\U0010ffff", "b"), ("\U0010ffff", None), ("\ud7ff", "\ud800")]
)
def test_the_end_of_a_prefix(prefix: str, end: str | None) -> None:
    assert after_all(prefix) == end
