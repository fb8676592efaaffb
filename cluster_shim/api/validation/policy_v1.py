"""PodDisruptionBudgets."""

from __future__ import annotations

from cluster_shim.api import fields
from cluster_shim.api.validation import labels, metadata
from cluster_shim.api.validation.checks import NOTHING, SPEC, STATUS, Errors, Object, non_negative, optional_one_of
from cluster_shim.api.validation.numbers import at_most_100_percent, number_or_percent
from cluster_shim.api.validation.rules import Rules
from cluster_shim.api.validation.structs import dump


def _create(errors: Errors, budget: Object) -> None:
    _spec(errors, budget.get("spec") or NOTHING, any_value=False)


def _update(errors: Errors, new: Object, old: Object) -> None:
    had_bad = not labels.is_usable((old.get("spec") or NOTHING).get("selector"))
    _spec(errors, new.get("spec") or NOTHING, any_value=had_bad)


def _spec(errors: Errors, spec: Object, any_value: bool) -> None:
    given = [key for key in ("minAvailable", "maxUnavailable") if key in spec]
    if len(given) == 2:
        shown = dump("PodDisruptionBudgetSpec", spec)
        errors.append(fields.invalid(SPEC, shown, "minAvailable and maxUnavailable cannot be both set"))
    for key in given:
        number_or_percent(errors, spec[key], SPEC.child(key))
        at_most_100_percent(errors, spec[key], SPEC.child(key))
    labels.selector(errors, spec.get("selector"), SPEC.child("selector"), any_value)
    optional_one_of(errors, spec, "unhealthyPodEvictionPolicy", SPEC, ("AlwaysAllow", "IfHealthyBudget"))


def _update_status(errors: Errors, new: Object, old: Object) -> None:
    status = new.get("status") or NOTHING
    metadata.conditions(errors, status.get("conditions"), STATUS.child("conditions"))
    non_negative(errors, status, STATUS, "disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")


POD_DISRUPTION_BUDGET = Rules(_create, _update, {"status": _update_status}, has_metadata=False)
