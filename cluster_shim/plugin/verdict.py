"""What a check of a plugin finds out."""

from __future__ import annotations

from typing import Literal, NamedTuple

from msgspec import Struct


class Verdict(Struct, frozen=True):
    """The outcome of one check."""

    check: str
    status: Literal["ok", "failed", "warning", "skipped"]
    detail: str = ""


class Wrong(Exception):
    """A check fails, for this reason; ``warning`` if the plugin can be used all the same."""

    def __init__(self, reason: str, *, warning: bool = False) -> None:
        self.warning = warning
        super().__init__(reason)


class NothingToCheck(Exception):
    """A check does not apply to a plugin, for this reason."""


class Subject(NamedTuple):
    """The plugin under check."""

    reference: str
    """FILE:Class, as it was named."""
    args: dict[str, object] | None
    """Arguments, as a configuration would give them."""
    seed: int
