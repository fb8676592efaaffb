"""A long text made of one piece for each service port, in order, of which few pieces change at a time.

The text is kept in blocks, so that a change costs as much as a block and not as much as the whole.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from proxy_core.model.service_port import ServicePortName

Key = tuple[str, ServicePortName]
"""A service port, with its text before it: that is how rules are ordered."""
BLOCK = 128
"""Pieces in a block, about."""


class Section:
    """Pieces of text by key, in the order of the keys."""

    def __init__(self) -> None:
        self._keys: list[list[Key]] = [[]]
        self._pieces: list[list[str]] = [[]]
        self._texts: list[str | None] = [None]

    def set(self, key: Key, piece: str) -> None:
        """Put a piece in its place; an empty one takes the key out."""
        block = self._block_of(key)
        keys, pieces = self._keys[block], self._pieces[block]
        place = bisect_left(keys, key)
        known = place < len(keys) and keys[place] == key
        if piece == (pieces[place] if known else ""):
            return
        self._texts[block] = None
        if not piece:
            del keys[place], pieces[place]
        elif known:
            pieces[place] = piece
        else:
            keys.insert(place, key)
            pieces.insert(place, piece)
            if len(keys) > 2 * BLOCK:
                self._split(block)

    def blocks(self) -> Iterator[str]:
        """Yield the text, block by block."""
        for block, text in enumerate(self._texts):
            if text is None:
                text = self._texts[block] = "".join(self._pieces[block])
            yield text

    def _block_of(self, key: Key) -> int:
        firsts = [keys[0] for keys in self._keys[1:] if keys]
        if len(firsts) < len(self._keys) - 1:  # a block has run empty
            self._drop_empty()
            firsts = [keys[0] for keys in self._keys[1:]]
        return bisect_right(firsts, key)

    def _drop_empty(self) -> None:
        kept = [block for block, keys in enumerate(self._keys) if keys] or [0]
        self._keys = [self._keys[block] for block in kept]
        self._pieces = [self._pieces[block] for block in kept]
        self._texts = [self._texts[block] for block in kept]

    def _split(self, block: int) -> None:
        keys, pieces = self._keys[block], self._pieces[block]
        self._keys[block : block + 1] = [keys[:BLOCK], keys[BLOCK:]]
        self._pieces[block : block + 1] = [pieces[:BLOCK], pieces[BLOCK:]]
        self._texts[block : block + 1] = [None, None]
