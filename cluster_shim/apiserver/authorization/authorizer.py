"""The authorizer: asks the modes in the order of ``--authorization-mode`` until one of them decides.

Upstream: authorization/union, and the privileged group that comes before all modes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from cluster_shim.apiserver.request import RequestInfo, UserInfo

PRIVILEGED_GROUP = "system:masters"


class Decision(NamedTuple):
    """What an authorizer says. Neither allowed nor denied: it has no opinion, others are asked."""

    allowed: bool
    reason: str = ""
    denied: bool = False


ALLOW = Decision(True)
NO_OPINION = Decision(False)


class Rules(NamedTuple):
    """What a user may do in a namespace, as far as that can be told."""

    rules: Sequence[dict[str, Any]] = ()
    errors: Sequence[str] = ()
    incomplete: bool = False


class Mode(Protocol):
    """One of the modes of ``--authorization-mode``."""

    def authorize(self, user: UserInfo, info: RequestInfo) -> Decision:
        """Decide on one request."""

    def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        """Return what a user may do in a namespace."""


class AlwaysAllow:
    """Everyone may do everything."""

    def authorize(self, user: UserInfo, info: RequestInfo) -> Decision:
        """Allow."""
        return ALLOW

    def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        """Return a rule for everything."""
        return Rules(
            [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, {"verbs": ["*"], "nonResourceURLs": ["*"]}]
        )


class AlwaysDeny:
    """No one may do anything (but the privileged group)."""

    def authorize(self, user: UserInfo, info: RequestInfo) -> Decision:
        """Leave it to others; there are none."""
        return Decision(False, "Everything is forbidden.")

    def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        """Return no rules."""
        return Rules()


class Authorizer:
    """Asks modes in order; members of system:masters may do everything."""

    def __init__(self, modes: Sequence[Mode]) -> None:
        self._modes = tuple(modes)

    def authorize(self, user: UserInfo, info: RequestInfo) -> Decision:
        """Decide on one request; the reason of a refusal is what all modes said, a line each."""
        if PRIVILEGED_GROUP in user.groups:
            return ALLOW
        reason = ""
        for mode in self._modes:
            decision = mode.authorize(user, info)
            if decision.allowed or decision.denied:
                return decision
            if decision.reason:
                reason = f"{reason}\n{decision.reason}" if reason else decision.reason
        return Decision(False, reason) if reason else NO_OPINION

    def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        """Return what a user may do in a namespace, by all modes."""
        found = [mode.rules_for(user, namespace) for mode in self._modes]
        return Rules(
            [rule for each in found for rule in each.rules],
            [error for each in found for error in each.errors],
            any(each.incomplete for each in found),
        )
