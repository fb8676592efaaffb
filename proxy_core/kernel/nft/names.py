"""Names that the kernel and nft take; what is longer or malformed is refused before anything is sent."""

from __future__ import annotations

import re
from functools import lru_cache

from proxy_core.errors import KernelError

LONGEST = 255
_NAME = re.compile(r"[A-Za-z_.][A-Za-z0-9/_.\\-]*", re.ASCII)


@lru_cache(maxsize=1 << 14)
def checked(kind: str, name: str) -> str:
    """Return the name of a table, chain, set or map. Raises KernelError where it is none."""
    if not _NAME.fullmatch(name):
        raise KernelError(f"nft: {kind} {name!r}: a name is a letter, and then letters, digits and any of / _ . - \\")
    if len(name) > LONGEST:
        raise KernelError(f"nft: {kind} {name!r}: a name has at most {LONGEST} bytes, this one has {len(name)}")
    return name
