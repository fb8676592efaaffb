"""Merging and expansion of plugin sets, slow and obvious: every entry gets a rank, and the ranks are sorted.

The twin of sched_core.config.merge and of the ordering in sched_core.config.expand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Entry = tuple[str, int]
"""Plugin name and weight."""


def merged(default: Sequence[Entry], enabled: Sequence[Entry], disabled: Sequence[str]) -> list[Entry]:
    """Return the enabled list of one point after merging a user's set into default entries with different names."""
    ranked: list[tuple[tuple[int, int], Entry]] = []
    users_names = [name for name, _ in enabled]
    taken = []
    for place, (name, weight) in enumerate(default):
        if "*" in disabled or name in disabled:
            continue
        if name in users_names:
            theirs = max(i for i, user_name in enumerate(users_names) if user_name == name)
            taken.append(theirs)
            ranked.append(((0, place), enabled[theirs]))
        else:
            ranked.append(((0, place), (name, weight)))
    ranked += [((1, place), entry) for place, entry in enumerate(enabled) if place not in taken]
    return [entry for _, entry in sorted(ranked)]


def expanded(
    point: str,
    multi_point: Sequence[str],
    enabled: Sequence[str],
    disabled: Sequence[str],
    implemented: Mapping[str, frozenset[str]],
) -> list[str]:
    """Return what runs at one point: explicit ones that multiPoint has too, multiPoint's others, explicit others."""
    from_multi_point = [
        name for name in multi_point if point in implemented[name] and name not in disabled and "*" not in disabled
    ]
    ranked: list[tuple[int, int, str]] = []
    for name in {*from_multi_point, *enabled}:
        if name not in enabled:
            ranked.append((1, from_multi_point.index(name), name))
        elif name in from_multi_point:
            ranked.append((0, enabled.index(name), name))
        else:
            ranked.append((2, enabled.index(name), name))
    return [name for _, _, name in sorted(ranked)]
