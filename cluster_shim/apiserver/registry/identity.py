"""Identity: what the server gives a new object: a name where only its beginning was asked for, a UID, a time."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from functools import lru_cache

NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
GENERATED_NAME_MAX = 63
GENERATED_SUFFIX = 5

_UID_MASK = ~(0xF << 76 | 0b11 << 62)
_UID_BITS = 4 << 76 | 0b10 << 62
"""What tells a random UUID from others (RFC 9562: version 4)."""


def generated_name(base: str) -> str:
    """Return a name that begins with a base and ends by chance, of at most 63 characters."""
    suffix = "".join(random.choices(NAME_ALPHABET, k=GENERATED_SUFFIX))
    return base[: GENERATED_NAME_MAX - GENERATED_SUFFIX] + suffix


def new_uid() -> str:
    """Return a UID that nobody has. It is no secret."""
    text = f"{random.getrandbits(128) & _UID_MASK | _UID_BITS:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def timestamp(moment: datetime | None = None) -> str:
    """Return a time as metadata has it: that of now, if none is given."""
    if moment is None:
        return _second(int(time.time()))
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
