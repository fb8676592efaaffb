"""Hold a run against earlier ones: what changed, and which change is a regression by which rule."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.scheduling.result import Result
from sched_core import InvalidObjects, Problem


class Rule(NamedTuple):
    """When a change of one number is a regression: worse by more than ``limit_percent``."""

    key: str
    label: str
    unit: str
    limit_percent: float
    more_is_better: bool = False
    timing: bool = True

    def __str__(self) -> str:
        way = "less" if self.more_is_better else "more"
        return f"more than {self.limit_percent:g} % {way}" if self.limit_percent else f"any {way}"


RULES = (
    Rule("decisions_per_second", "decisions per second", "/s", 10, more_is_better=True),
    Rule("latency_us_p50", "latency p50", "µs", 20),
    Rule("latency_us_p90", "latency p90", "µs", 20),
    Rule("latency_us_p99", "latency p99", "µs", 50),
    Rule("peak_rss_bytes", "peak memory", "bytes", 10, timing=False),
    Rule("scheduled", "scheduled pods", "pods", 0, more_is_better=True, timing=False),
)
"""Timings are noisy, the tail most; what is scheduled is not."""


class Change(NamedTuple):
    """One number, then and now."""

    rule: Rule
    before: float
    now: float
    judged: bool

    @property
    def percent(self) -> float | None:
        """Return how much more there is now; None if there was nothing before."""
        return 100.0 * (self.now - self.before) / self.before if self.before else None

    @property
    def regression(self) -> bool:
        """Tell whether the rule calls this a regression."""
        worse = self.before - self.now if self.rule.more_is_better else self.now - self.before
        return self.judged and worse > abs(self.before) * self.rule.limit_percent / 100


class Comparison(NamedTuple):
    """A run against an earlier one."""

    name: str
    earlier: Result
    changes: list[Change]
    remarks: list[str]
    """What differs between the runs, and what is therefore not judged."""

    @property
    def regressions(self) -> list[Change]:
        """Return the changes that are regressions."""
        return [change for change in self.changes if change.regression]


def read_earlier(path: Path) -> Result:
    """Read a result that ``--json`` wrote; raises InvalidObjects with file, field and reason."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Result)
    except OSError as error:
        reason = error.strerror or str(error)
    except msgspec.ValidationError as error:
        reason = f"is not a result of `stowage bench scheduling --json`: {error}"
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = f"is not JSON: {error}"
    raise InvalidObjects([Problem(str(path), "", "", reason)])


def compare(now: Result, earlier: Result, name: str) -> Comparison:
    """Compare a run with an earlier one. Only the same workload is judged, timings only on the same machine."""
    remarks, judged, timings = [], True, True
    if now.workload != earlier.workload:
        remarks.append(f"another workload ({_differences(now.workload, earlier.workload)}): nothing is judged")
        judged = False
    if now.interrupted or earlier.interrupted:
        remarks.append(f"{'this' if now.interrupted else 'the earlier'} run was interrupted: nothing is judged")
        judged = False
    if not now.machine.same_hardware(earlier.machine):
        remarks.append(
            f"another machine ({earlier.machine.cpu}, {earlier.machine.cores} cores): timings are not judged"
        )
        timings = False
    if now.options != earlier.options:
        remarks.append(f"other options: {_differences(now.options, earlier.options)}")
    if judged:
        same = now.decisions_sha256 == earlier.decisions_sha256
        remarks.append("every pod went to the same node" if same else "pods went to other nodes")
    changes = []
    for rule in RULES:
        after, before = getattr(now, rule.key), getattr(earlier, rule.key)
        if after is not None and before is not None:
            changes.append(Change(rule, before, after, judged and (timings or not rule.timing)))
    return Comparison(name, earlier, changes, remarks)


def _differences(now: dict[str, object], earlier: dict[str, object]) -> str:
    keys = [key for key in {**earlier, **now} if now.get(key) != earlier.get(key)]
    return ", ".join(f"{key} {_shown(earlier.get(key))} then, {_shown(now.get(key))} now" for key in keys)


def _shown(value: object) -> str:
    if value is None or value == []:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
