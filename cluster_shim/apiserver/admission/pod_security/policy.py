"""What the labels of a namespace ask of its pods: a level and a version each to enforce, to audit, to warn of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from cluster_shim.api.fields import ROOT, FieldError, invalid

PRIVILEGED, BASELINE, RESTRICTED = LEVELS = ("privileged", "baseline", "restricted")
LATEST = 2**31
"""The version that is newer than all."""

_PREFIX = "pod-security.kubernetes.io/"
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)")
_LABELS = ROOT.child("metadata", "labels")


class LevelVersion(NamedTuple):
    """A level as of a version of Kubernetes (its minor number)."""

    level: str = PRIVILEGED
    version: int = LATEST

    def __str__(self) -> str:
        return f"{self.level}:{'latest' if self.version == LATEST else f'v1.{self.version}'}"


class Policy(NamedTuple):
    """What holds in a namespace."""

    enforce: LevelVersion = LevelVersion()
    audit: LevelVersion = LevelVersion()
    warn: LevelVersion = LevelVersion()

    @property
    def fully_privileged(self) -> bool:
        """Tell whether pods may do everything, unseen."""
        return all(each.level == PRIVILEGED for each in self)


_NO_POLICY = Policy()


def stricter(level: str, other: str) -> bool:
    """Tell whether a level allows less than another."""
    return LEVELS.index(level) > LEVELS.index(other)


def policy_of(labels: Mapping[str, str]) -> tuple[Policy, list[FieldError]]:
    """Return what labels say, and what is wrong with them; what cannot be read is strict to enforce, else lenient."""
    found: list[FieldError] = []
    if not any(each.startswith(_PREFIX) for each in labels):
        return _NO_POLICY, found
    modes: dict[str, LevelVersion] = {}
    for mode in ("enforce", "audit", "warn"):
        level, version = PRIVILEGED, LATEST
        if (text := labels.get(_PREFIX + mode)) is not None:
            level = text
            if text not in LEVELS:
                found.append(invalid(_LABELS.key(_PREFIX + mode), text, f"must be one of {', '.join(LEVELS)}"))
                level = RESTRICTED if mode == "enforce" else PRIVILEGED
        if (text := labels.get(f"{_PREFIX}{mode}-version")) is not None:
            match = _VERSION.fullmatch(text)
            if match:
                version = int(match[1])
            elif text != "latest":
                path = _LABELS.key(f"{_PREFIX}{mode}-version")
                found.append(invalid(path, text, 'must be "latest" or "v1.x"'))
        modes[mode] = LevelVersion(level, version)
    enforce, warn = modes["enforce"], modes["warn"]
    enforced = labels.get(_PREFIX + "enforce") in LEVELS
    if enforced and _PREFIX + "warn" not in labels and stricter(enforce.level, warn.level):
        version = warn.version if _PREFIX + "warn-version" in labels else enforce.version
        modes["warn"] = LevelVersion(enforce.level, version)
    return Policy(**modes), found
