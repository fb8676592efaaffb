"""Long names in figures: broken into lines, never cut."""

from __future__ import annotations

import re

_WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[^A-Za-z0-9])(?=[A-Za-z0-9])")


def wrapped(name: str, most: int) -> str:
    """Return a name in lines of at most ``most`` characters, each beginning with a word of it where that can be."""
    words = [word[start : start + most] for word in _WORD_BEGINS.split(name) for start in range(0, len(word), most)]
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) <= most:
            lines[-1] += word
        else:
            lines.append(word)
    return "\n".join(line.strip() for line in lines)
