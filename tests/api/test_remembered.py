"""Results are kept for short texts, and computed anew for long ones."""

from __future__ import annotations

from cluster_shim.api.remembered import LONGEST, remembered


def test_only_short_texts_are_remembered() -> None:
    asked: list[str] = []

    @remembered(2)
    def length(text: str, more: int = 0) -> int:
        """Return a length."""
        asked.append(text)
        return len(text) + more

    short, long = "a" * LONGEST, "a" * (LONGEST + 1)
    assert [length(short), length(short), length(short, 1)] == [LONGEST, LONGEST, LONGEST + 1]
    assert len(asked) == 2
    assert [length(long), length(long)] == [LONGEST + 1] * 2
    assert len(asked) == 4
    assert length.__doc__ == "Return a length."
