"""Maglev: a table of slots that every node fills alike, and that a change of one endpoint leaves nearly as it is.

Source: Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section 3.4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

SIZES = (251, 1021, 4093, 16381, 65521)
"""Primes just below powers of two."""
SLOTS_PER_ENDPOINT = 25
"""At least so many in the smallest table that is taken: shares differ by a few per cent."""


def table_size(endpoints: int) -> int:
    """Return how many slots so many endpoints get: more of them only move to another table at a few counts."""
    return next((size for size in SIZES if size >= endpoints * SLOTS_PER_ENDPOINT), SIZES[-1])


def table(endpoints: Sequence[str], weights: Sequence[int], size: int) -> tuple[str, ...]:
    """Return the slots, a prime number of them; an endpoint takes as many turns in a round as it has weight.

    The order of the endpoints does not matter. ``endpoints`` must not be empty, nor be more than there are slots.
    """
    order = sorted(zip(endpoints, weights, strict=True))
    steps = [_step(text, size) for text, _ in order]
    at = [offset for offset, _ in steps]
    slots = [""] * size
    free = size
    while True:
        for number, (text, weight) in enumerate(order):
            skip, slot = steps[number][1], at[number]
            for _ in range(weight):
                while slots[slot]:
                    slot = (slot + skip) % size
                slots[slot] = text
                free -= 1
                if not free:
                    return tuple(slots)
            at[number] = slot


@lru_cache(maxsize=1 << 14)
def _step(text: str, size: int) -> tuple[int, int]:
    """Return where an endpoint begins and how far it steps; a step below a prime comes by every slot."""
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "big") % size, int.from_bytes(digest[8:], "big") % (size - 1) + 1
