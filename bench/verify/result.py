"""The result of a verification: one record per family, as it is printed and written as JSON."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from bench.verify.outcome import Outcome


class FirstDifference(Struct, frozen=True):
    """Where a family differs first; plugin and node are empty where there is none, None stands for an absent value."""

    scenario: str
    pod: str
    field: str
    plugin: str
    node: str
    expected: Any
    got: Any


class FamilyResult(Struct):
    """How many scenarios and pods of a family were decided as expected."""

    family: str
    scenarios: int = 0
    scenarios_passed: int = 0
    scenarios_differ: int = 0
    scenarios_not_decided: int = 0
    """Those that agree until a pod needs what this version lacks."""
    pods: int = 0
    pods_passed: int = 0
    unit: str = "pods"
    """What ``pods`` counts: ``steps`` for scripts of the queue, ``syncs`` for rules of a proxy."""
    needs: list[str] = []
    first_difference: FirstDifference | None = None

    @property
    def passed(self) -> bool:
        return self.scenarios_passed == self.scenarios

    def add(self, scenario: str, outcome: Outcome) -> None:
        """Count the outcome of one scenario."""
        self.scenarios += 1
        self.unit = outcome.unit
        self.pods += outcome.pods
        self.pods_passed += outcome.pods_passed
        if outcome.passed:
            self.scenarios_passed += 1
        elif outcome.difference is None:
            self.scenarios_not_decided += 1
            self.needs = sorted({*self.needs, *outcome.needs})
        else:
            self.scenarios_differ += 1
            if self.first_difference is None:
                field, expected, got, plugin, node = outcome.difference
                self.first_difference = FirstDifference(scenario, outcome.pod, field, plugin, node, expected, got)


class Result(Struct):
    """All families of a run, in the order of the files."""

    passed: bool
    families: list[FamilyResult]
    left_out: list[str]
