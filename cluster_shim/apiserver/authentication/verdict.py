"""What one authenticator says, and what several say together.

None: it has no opinion. A Verdict: it is this user. `Refused`: it is responsible, and it is not. Upstream: the first
success wins, otherwise all errors count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from cluster_shim.apiserver.request import UserInfo

Audiences = tuple[str, ...]


class Verdict(NamedTuple):
    """A user, and for which audiences its credential is."""

    user: UserInfo
    audiences: Audiences = ()


class Refused(Exception):
    """A credential that is not accepted; `texts` say why, for a TokenReview and the log."""

    def __init__(self, *texts: str) -> None:
        super().__init__(", ".join(texts))
        self.texts = texts


def first(attempts: Iterable[Callable[[], Verdict | None]]) -> Verdict | None:
    """Return the first verdict, None if all have no opinion. Raises Refused with what all others said."""
    texts: list[str] = []
    for attempt in attempts:
        try:
            verdict = attempt()
        except Refused as refused:
            texts += refused.texts
            continue
        if verdict is not None:
            return verdict
    if texts:
        raise Refused(*dict.fromkeys(texts))
    return None


def common(given: Sequence[str], asked: Sequence[str]) -> Audiences:
    """Return the audiences that a credential is for and that are asked for, in the order in which they are."""
    return tuple(each for each in asked if each in given)
