"""The status of a Job: its terminal conditions, counters, times and sets of indexes must not contradict each other."""

from __future__ import annotations

from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.validation import metadata
from cluster_shim.api.validation.batch.indexes import count_indexes, overlap
from cluster_shim.api.validation.checks import NOTHING, STATUS, Errors, Object, non_negative
from cluster_shim.api.validation.structs import dump

_CONDITIONS = STATUS.child("conditions")
_COMPLETION_TIME = STATUS.child("completionTime")
_COUNTS = ("active", "succeeded", "failed", "ready", "terminating")


class _View:
    """A Job seen through its conditions."""

    def __init__(self, job: Object) -> None:
        self.status: Object = job.get("status") or NOTHING
        self.true = {each.get("type") for each in self.status.get("conditions") or () if each.get("status") == "True"}
        self.complete = "Complete" in self.true
        self.failed = "Failed" in self.true
        self.finished = self.complete or self.failed
        self.target = "FailureTarget" in self.true
        self.met = "SuccessCriteriaMet" in self.true

    def number(self, key: str) -> int:
        return self.status.get(key) or 0


def update(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of the status; what did not change is not held against what was there."""
    metadata.update(errors, new, old)
    now, before, spec = _View(new), _View(old), new["spec"]
    status = now.status
    non_negative(errors, status, STATUS, *_COUNTS)
    _uncounted(errors, status)
    _terminal(errors, now, before, spec, new)
    _index_sets(errors, now, before, spec)
    if now.number("terminating") > 0 and now.finished and _differs(now, before, "finished", "terminating"):
        detail = "terminating>0 is invalid for finished job"
        errors.append(fields.invalid(STATUS.child("terminating"), status["terminating"], detail))
    if _changed(now, before, "ready", "active") and now.number("ready") > now.number("active"):
        errors.append(fields.invalid(STATUS.child("ready"), status["ready"], "cannot set more ready pods than active"))
    for is_wrong, detail in (
        (now.met and now.failed, "cannot set SuccessCriteriaMet=True and Failed=true conditions"),
        (now.met and now.target, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"),
        (
            "successPolicy" in spec and not now.met and now.complete,
            "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True",
        ),
    ):
        if is_wrong:
            errors.append(fields.invalid_whole(_CONDITIONS, detail))
    _no_way_back(errors, now, before, new, old)


def _changed(now: _View, before: _View, *keys: str) -> bool:
    return any(now.status.get(key) != before.status.get(key) for key in keys)


def _differs(now: _View, before: _View, attribute: str, *keys: str) -> bool:
    return getattr(now, attribute) != getattr(before, attribute) or _changed(now, before, *keys)


def _uncounted(errors: Errors, status: Object) -> None:
    seen: set[str] = set()
    pods = status.get("uncountedTerminatedPods") or NOTHING
    for key in ("succeeded", "failed"):
        for index, uid in enumerate(pods.get(key) or ()):
            at = STATUS.child("uncountedTerminatedPods", key).index(index)
            if not uid:
                errors.append(fields.invalid(at, uid, "must not be empty"))
            elif uid in seen:
                errors.append(fields.duplicate(at, uid))
            seen.add(uid)


def _terminal(errors: Errors, now: _View, before: _View, spec: Object, job: Object) -> None:
    status = now.status
    completed, started = status.get("completionTime"), status.get("startTime")
    if now.complete and now.failed and (now.complete, now.failed) != (before.complete, before.failed):
        errors.append(fields.invalid_whole(_CONDITIONS, "cannot set Complete=True and Failed=true conditions"))
    if now.complete and now.target and (now.complete, now.target) != (before.complete, before.target):
        errors.append(fields.invalid_whole(_CONDITIONS, "cannot set Complete=True and FailureTarget=true conditions"))
    if _differs(now, before, "complete", "completionTime"):
        if completed is not None and not now.complete:
            detail = "cannot set completionTime when there is no Complete=True condition"
            errors.append(fields.invalid(_COMPLETION_TIME, completed, detail))
        if completed is None and now.complete:
            errors.append(fields.required(_COMPLETION_TIME, "completionTime is required for Complete jobs"))
    if _changed(now, before, "startTime", "completionTime") and started and completed and completed < started:
        errors.append(fields.invalid(_COMPLETION_TIME, completed, "must be equal to or after `startTime`"))
    if _differs(now, before, "failed", "failedIndexes") and now.failed and not now.target:
        detail = "cannot set Failed=True condition without the FailureTarget=true condition"
        errors.append(fields.invalid_whole(_CONDITIONS, detail))
    if (now.complete, now.met) != (before.complete, before.met) and now.complete and not now.met:
        detail = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
        errors.append(fields.invalid_whole(_CONDITIONS, detail))
    if now.finished:
        _finished(errors, now, before, spec)


def _finished(errors: Errors, now: _View, before: _View, spec: Object) -> None:
    status = now.status
    if now.number("active") > 0 and _differs(now, before, "finished", "active"):
        detail = "active>0 is invalid for finished job"
        errors.append(fields.invalid(STATUS.child("active"), status["active"], detail))
    is_trivial = spec.get("suspend") is True and spec.get("completions") == 0
    if "startTime" not in status and _differs(now, before, "finished", "startTime") and not is_trivial:
        errors.append(fields.required(STATUS.child("startTime"), "startTime is required for finished job"))
    pods = status.get("uncountedTerminatedPods") or NOTHING
    if _differs(now, before, "finished", "uncountedTerminatedPods") and any(pods.values()):
        shown = dump("UncountedTerminatedPods", pods)
        at = STATUS.child("uncountedTerminatedPods")
        errors.append(fields.invalid(at, shown, "must be empty for finished job"))


def _index_sets(errors: Errors, now: _View, before: _View, spec: Object) -> None:
    status, completions = now.status, spec.get("completions")
    completed, failed = status.get("completedIndexes") or "", status.get("failedIndexes")
    new_completed = completed != (before.status.get("completedIndexes") or "")
    new_failed = _changed(now, before, "failedIndexes")
    at, failed_at = STATUS.child("completedIndexes"), STATUS.child("failedIndexes")
    if new_completed and completions is not None:
        _parsed(errors, completed, completions, at)
    if new_failed and completions is not None and "backoffLimitPerIndex" in spec and failed is not None:
        _parsed(errors, failed, completions, failed_at)
    if new_completed and completed and spec.get("completionMode") != "Indexed":
        detail = "cannot set non-empty completedIndexes when non-indexed completion mode"
        errors.append(fields.invalid(at, completed, detail))
    if new_failed and "backoffLimitPerIndex" not in spec and failed is not None:
        detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        errors.append(fields.invalid(failed_at, failed, detail))
    if not (new_failed or new_completed) or completions is None or failed is None:
        return
    if problem := overlap(completed, failed, completions):
        errors.append(fields.invalid(failed_at, failed, problem))


def _parsed(errors: Errors, text: str, completions: int, path: fields.Path) -> None:
    _, problem = count_indexes(text, completions)
    if problem:
        name = str(path).rpartition(".")[2]
        errors.append(fields.invalid(path, text, f"error parsing {name}: {problem}"))


def _no_way_back(errors: Errors, now: _View, before: _View, new: Object, old: Object) -> None:
    status, spec = now.status, new["spec"]
    for kind in ("Failed", "Complete", "FailureTarget"):
        if kind in before.true and kind not in now.true:
            detail = f"cannot disable the terminal {kind}=True condition"
            errors.append(fields.invalid_whole(_CONDITIONS, detail))
    if now.number("failed") < before.number("failed"):
        at = STATUS.child("failed")
        errors.append(fields.invalid(at, now.number("failed"), "cannot decrease the failed counter"))
    is_elastic = spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get("parallelism")
    if not is_elastic and now.number("succeeded") < before.number("succeeded"):
        at = STATUS.child("succeeded")
        errors.append(fields.invalid(at, now.number("succeeded"), "cannot decrease the succeeded counter"))
    times: list[Any] = [each.status.get("completionTime") for each in (now, before)]
    if None not in times and times[0] != times[1]:
        errors.append(fields.invalid(_COMPLETION_TIME, times[0], "field is immutable"))
    started, had = status.get("startTime"), before.status.get("startTime")
    if had is not None and started != had and not spec.get("suspend") and not _is_resumed(now, before):
        detail = "field is immutable for unsuspended job once set"
        errors.append(fields.invalid(STATUS.child("startTime"), started, detail))
    if before.met and not now.met:
        detail = "cannot disable the SuccessCriteriaMet=True condition"
        errors.append(fields.invalid_whole(_CONDITIONS, detail))
    if before.complete and not before.met and now.met:
        detail = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
        errors.append(fields.invalid_whole(_CONDITIONS, detail))


def _is_resumed(now: _View, before: _View) -> bool:
    is_off = any(
        each.get("type") == "Suspended" and each.get("status") == "False" for each in now.status.get("conditions") or ()
    )
    return "Suspended" in before.true and is_off
