"""What one authenticator says, and what several say together.

None: it has no opinion. A Verdict: it is this user. `Refused`: it is responsible, and it is not. Upstream: the first
success wins, otherwise all errors count.
"""

from __future__ import annotations

from typing import NamedTuple

from cluster_shim.api.fields import quoted
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


def for_others(given: Audiences, asked: Audiences) -> Refused:
    """Return the refusal of a credential that is for others than those asked for."""
    listed = (f"[{' '.join(quoted(each) for each in audiences)}]" for audiences in (given, asked))
    return Refused("token audiences {} is invalid for the target audiences {}".format(*listed))


def common(given: Audiences, asked: Audiences) -> Audiences:
    """Return the audiences that a credential is for and that are asked for, in the order in which they are."""
    return asked if given == asked else tuple(each for each in asked if each in given)
