"""Warning headers: what a client is to be told beside an answer, within the room that headers have.

Upstream: apiserver/pkg/endpoints/filters/warning.go.
"""

from __future__ import annotations

from collections.abc import Iterable

MAX_CHARACTERS = 4 * 1024
"""Of all texts; where they have more, each is cut."""
MAX_CUT_CHARACTERS = 256


def values(texts: Iterable[str]) -> list[str]:
    """Return the headers' values, each text once; one with control characters (a line break) can be no header."""
    listed = [each for each in dict.fromkeys(texts) if each]
    sendable = [each for each in listed if all(ord(char) >= 0x20 and not 0x7F <= ord(char) <= 0x9F for char in each)]
    if sum(map(len, sendable)) <= MAX_CHARACTERS:
        return [_value(each) for each in sendable]
    found, written = [], 0
    for each in sendable:
        if written >= MAX_CHARACTERS:
            break
        text = each[:MAX_CUT_CHARACTERS]
        written += len(text)
        found.append(_value(text))
    return found


def _value(text: str) -> str:
    """Return one value as RFC 7234 has it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{escaped}"'
