"""What this version cannot decide: pods for which a plugin that it lacks would have a say."""

from __future__ import annotations

from collections.abc import Iterable

from sched_core.objects.records import Pod


def refuse_lacking(missing: Iterable[str], pod: Pod, key: str, with_affinity: bool, selectors: bool) -> None:
    """Refuse nothing: no plugin of the default profile is missing."""
