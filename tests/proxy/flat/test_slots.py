"""Places in a list: a change moves as few as it must."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from proxy_core.flat.slots import place

VALUES = st.lists(st.sampled_from("abcdefgh"), max_size=12).map(tuple)


@given(old=VALUES, wanted=VALUES)
def test_all_that_is_wanted_is_placed_and_who_stays_stays(old: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    placed = place(old, wanted)
    assert Counter(placed) == Counter(wanted)
    changed = sum(number >= len(old) or placed[number] != old[number] for number in range(len(placed)))
    gone = sum((Counter(old) - Counter(wanted)).values())
    new = sum((Counter(wanted) - Counter(old)).values())
    assert changed <= max(gone, new) or not old


def test_the_last_one_fills_the_place_of_one_that_is_gone() -> None:
    assert place(("a", "b", "c", "d"), ("a", "c", "d")) == ("a", "d", "c")
    assert place(("a", "b", "c"), ("a", "b", "c", "d")) == ("a", "b", "c", "d")
    assert place(("a", "b", "c"), ("x", "c", "a")) == ("a", "x", "c")


def test_a_table_with_gaps_is_filled() -> None:
    assert place(("a", "", "c"), ("a", "b", "c")) == ("a", "b", "c")
    assert place(("", "", ""), ("a", "a")) == ("a", "a")
