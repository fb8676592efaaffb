"""The limit of requests in flight: so many that read and so many that write at once, and of these so many per user.

Upstream has these totals (``--max-requests-inflight``, ``--max-mutating-requests-inflight``) and shares them out by API
priority and fairness; here no user may have more than half of them, so that one client cannot starve the others.
Long requests (watches, streams) do not count; members of system:masters are never refused.
"""

from __future__ import annotations

from collections import Counter

from cluster_shim.api import errors
from cluster_shim.apiserver.authorization.authorizer import PRIVILEGED_GROUP
from cluster_shim.apiserver.request import RequestInfo, UserInfo

READ_VERBS = frozenset({"get", "list", "watch"})
STREAMS = frozenset({"exec", "attach", "portforward", "proxy", "log"})
RETRY_AFTER_SECONDS = 1
MESSAGE = "Too many requests, please try again later."


def is_long(info: RequestInfo) -> bool:
    """Tell whether a request goes on for as long as its client likes: a watch, a stream."""
    return info.verb == "watch" or info.subresource in STREAMS


class _Share:
    """One of the two totals, and who uses how much of it."""

    __slots__ = ("by_user", "limit", "per_user", "total")

    def __init__(self, limit: int, per_user: int) -> None:
        self.limit = limit
        self.per_user = per_user
        self.total = 0
        self.by_user: Counter[str] = Counter()


class Ticket:
    """A place among the requests in flight; leave it when the request has been answered."""

    __slots__ = ("_share", "_user")

    def __init__(self, share: _Share | None, user: str) -> None:
        self._share = share
        self._user = user

    def leave(self) -> None:
        """Give the place back; a second time nothing happens."""
        share, self._share = self._share, None
        if share is not None:
            share.total -= 1
            share.by_user[self._user] -= 1
            if not share.by_user[self._user]:
                del share.by_user[self._user]


class InFlight:
    """Counts requests in flight. A limit of 0 is none."""

    def __init__(self, read_only: int = 400, mutating: int = 200, per_user: float = 0.5) -> None:
        self._read_only = _Share(read_only, max(1, int(read_only * per_user)))
        self._mutating = _Share(mutating, max(1, int(mutating * per_user)))
        self._free = Ticket(None, "")

    @property
    def counts(self) -> tuple[int, int]:
        """Return how many requests that read and that write are in flight."""
        return self._read_only.total, self._mutating.total

    def enter(self, user: UserInfo, info: RequestInfo) -> Ticket:
        """Let a request in. Raises 429 with Retry-After."""
        if is_long(info):
            return self._free
        share = self._read_only if info.verb in READ_VERBS else self._mutating
        is_full = share.total >= share.limit or share.by_user[user.name] >= share.per_user
        if is_full and share.limit and PRIVILEGED_GROUP not in user.groups:
            raise errors.too_many_requests(MESSAGE, RETRY_AFTER_SECONDS)
        share.total += 1
        share.by_user[user.name] += 1
        return Ticket(share, user.name)
