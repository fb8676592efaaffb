"""How far a scenario agreed with what was expected."""

from __future__ import annotations

from typing import NamedTuple

from bench.verify.compare import Difference


class Outcome(NamedTuple):
    """How far a scenario agreed: all the way if there is neither a difference nor a need."""

    pods: int
    """How many pods there were to decide; of a script, how many steps."""
    pods_passed: int
    pod: str = ""
    """The pod (or step) at which it ended early."""
    difference: Difference | None = None
    needs: tuple[str, ...] = ()
    """What this version lacks to go on."""
    unit: str = "pods"
    """What was counted."""

    @property
    def passed(self) -> bool:
        return self.difference is None and not self.needs
