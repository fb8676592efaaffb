"""Statuses as values: what an extension point answers (upstream: pkg/scheduler/framework, Status and Code).

An expected refusal is a Status, never an exception. Nothing here knows about plugins or nodes.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Code(IntEnum):
    """Status codes with upstream's numbers and names."""

    Success = 0
    Error = 1
    Unschedulable = 2
    UnschedulableAndUnresolvable = 3
    Wait = 4
    Skip = 5
    Pending = 6


EXTENDER = "Extender"
"""The name under which all extenders reject pods."""
REJECTED = frozenset({Code.Unschedulable, Code.UnschedulableAndUnresolvable, Code.Pending})


class Status(NamedTuple):
    """The answer of one extension point: a code, its reasons, and the plugin that gave it."""

    code: Code = Code.Success
    reasons: tuple[str, ...] = ()
    plugin: str = ""

    @property
    def is_success(self) -> bool:
        return self.code == Code.Success

    @property
    def is_skip(self) -> bool:
        return self.code == Code.Skip

    @property
    def is_rejected(self) -> bool:
        return self.code in REJECTED

    @property
    def is_pending(self) -> bool:
        return self.code == Code.Pending

    @property
    def message(self) -> str:
        return ", ".join(self.reasons)

    def of(self, plugin: str) -> Status:
        """Return the same status with the name of the plugin that gave it."""
        return self._replace(plugin=plugin)


SUCCESS = Status()
SKIP = Status(Code.Skip)


def error(reason: str) -> Status:
    """Return the status of an attempt that could not be made."""
    return Status(Code.Error, (reason,))


def unschedulable(*reasons: str) -> Status:
    """Return a refusal that removing pods might change."""
    return Status(Code.Unschedulable, reasons)


def unresolvable(*reasons: str) -> Status:
    """Return a refusal that removing pods would not change."""
    return Status(Code.UnschedulableAndUnresolvable, reasons)
