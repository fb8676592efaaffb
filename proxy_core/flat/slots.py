"""Places of endpoints in a list whose numbers do not matter: who stays keeps his, so that a change moves few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def place(old: Sequence[str], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the wanted values (one may be there more than once) in an order near the old one; ``""`` is a free place.

    One more goes to the end, and the last one fills the place of one that is gone.
    """
    if not old or old == wanted:
        return wanted
    size = len(wanted)
    placed = list(old[:size])
    missing = Counter(wanted)
    free = []
    for number, value in enumerate(placed):
        if missing[value] > 0:
            missing[value] -= 1
        else:
            free.append(number)
    placed += [""] * (size - len(placed))
    free += range(len(old), size)
    for number, value in zip(free, missing.elements(), strict=True):
        placed[number] = value
    return tuple(placed)
