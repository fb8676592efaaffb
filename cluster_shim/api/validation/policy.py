"""What the rules let the server decide: set once, when it starts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Policy:
    """The choices; what they are at first is what upstream's server does without flags."""

    allow_privileged: bool = False
    """Whether containers may be privileged (the flag --allow-privileged)."""


POLICY = Policy()
