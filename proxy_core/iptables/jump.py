"""Jump: the way from a built-in chain into one of ours; mode ipvs has some, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Jump(NamedTuple):
    """A jump from a built-in chain into one of ours."""

    table: str
    source: str
    target: str
    comment: str
    match: Sequence[str] = ()

    @property
    def rule(self) -> tuple[str, ...]:
        """The words of the rule, without the chain."""
        comment = ("-m", "comment", "--comment", self.comment) if self.comment else ()
        return (*self.match, *comment, "-j", self.target)
