"""The order of versions: ``v10 > v2 > v1 > v3beta1 > v1alpha2``, then everything else by name."""

from __future__ import annotations

import re

VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
MATURITY = {"alpha": 2, "beta": 1, None: 0}


def kube_aware(version: str) -> tuple[int, int, int, str]:
    """Return the key by which versions are sorted, the most mature and newest first."""
    found = VERSION.fullmatch(version)
    if found is None:
        return 3, 0, 0, version
    return MATURITY[found[2]], -int(found[1]), -int(found[3] or 0), ""
