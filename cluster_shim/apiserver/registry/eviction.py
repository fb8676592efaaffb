"""Eviction: a pod is deleted if its disruption budget has room; the budget is charged first.

Upstream: pkg/registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api import errors
from cluster_shim.api.validation.labels import matches
from cluster_shim.apiserver.registry.conditions import find, with_condition
from cluster_shim.apiserver.registry.own import Objects

Object = dict[str, Any]

ATTEMPTS = 20
DISRUPTED_PODS_MOST = 2000
MORE_THAN_ONE = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
_GROUP, _BUDGETS = "policy", "poddisruptionbudgets"
_VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."


def needs_no_budget(pod: Mapping[str, Any]) -> bool:
    """Tell whether a pod that goes disturbs nobody: it has ended, has not begun, or goes already."""
    return bool(
        (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed", "Pending")
        or pod["metadata"].get("deletionTimestamp")
    )


def keeps_version(pod: Mapping[str, Any]) -> bool:
    """Tell whether a pod that needs no budget must be deleted as it was seen: it may begin to run meanwhile."""
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return not ended and not pod["metadata"].get("deletionTimestamp")


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Tell whether a pod is ready."""
    condition = find((pod.get("status") or {}).get("conditions"), "Ready")
    return condition is not None and condition.get("status") == "True"


async def charge(
    objects: Objects,
    pod: Mapping[str, Any],
    now: str,
    dry_run: bool,
) -> str | None:
    """Charge the budget of a pod. Raises APIError 429 if it has no room, 500 if there are several.

    Return None if the pod may go as it is, or the name of a budget that allows it only while the pod is not ready: then
    the pod must still be as it was seen.
    """
    namespace, labels = pod["metadata"]["namespace"], pod["metadata"].get("labels") or {}
    budgets = [
        each
        for each in objects.list(_GROUP, _BUDGETS, namespace)
        if matches((each.get("spec") or {}).get("selector"), labels)
    ]
    if len(budgets) > 1:
        raise errors.APIError(500, "", MORE_THAN_ONE)
    if not budgets:
        return None
    budget, name = budgets[0], budgets[0]["metadata"]["name"]
    if not is_ready(pod) and _spares_unready(budget):
        return str(name)
    for _ in range(ATTEMPTS):
        charged = charged_budget(budget, pod["metadata"]["name"], now)
        if dry_run:
            return None
        try:
            await objects.update(_GROUP, _BUDGETS, charged, "status")
            return None
        except errors.APIError as error:
            if error.reason != "Conflict":
                raise
        found = objects.get(_GROUP, _BUDGETS, namespace, name)
        if found is None:
            raise errors.not_found(_BUDGETS, name, _GROUP)
        budget = found
    raise _timeout(name)


def _spares_unready(budget: Mapping[str, Any]) -> bool:
    status = budget.get("status") or {}
    desired = status.get("desiredHealthy", 0)
    always = (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
    return always or bool(desired > 0 and status.get("currentHealthy", 0) >= desired)


def charged_budget(budget: Mapping[str, Any], pod: str, now: str) -> Object:
    """Return a budget with one disruption less. Raises APIError 429 if it has none."""
    name, status = budget["metadata"]["name"], dict(budget.get("status") or {})
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise still_processed(name)
    allowed = status.get("disruptionsAllowed", 0)
    if allowed < 0:
        raise errors.forbidden("poddisruptionbudget", name, "pdb disruptions allowed is negative", _GROUP)
    if len(status.get("disruptedPods") or ()) > DISRUPTED_PODS_MOST:
        message = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise errors.forbidden("poddisruptionbudget", name, message, _GROUP)
    if allowed == 0:
        raise _refusal(_reason(name, status), 0)
    status["disruptionsAllowed"] = allowed - 1
    if allowed == 1:
        condition = {
            "type": "DisruptionAllowed",
            "status": "False",
            "observedGeneration": status.get("observedGeneration", 0),
            "reason": "InsufficientPods",
            "message": "",
        }
        status["conditions"] = with_condition(status.get("conditions"), condition, now)
    status["disruptedPods"] = {**(status.get("disruptedPods") or {}), pod: now}
    return {**budget, "status": status}


def still_processed(name: str) -> errors.APIError:
    """Return 429: what the budget allows is not known now."""
    return _refusal(f"The disruption budget {name} is still being processed by the server.", 10)


def _reason(name: str, status: Mapping[str, Any]) -> str:
    condition = find(status.get("conditions"), "DisruptionAllowed") or {}
    said = condition.get("message", "") if condition.get("status") == "False" else ""
    if said and condition.get("reason") == "SyncFailed":
        return f"The disruption budget {name} does not allow evicting pods currently because it failed sync: {said}"
    healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    if healthy <= desired:
        return f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
    text = f"The disruption budget {name} does not allow evicting pods currently"
    return f"{text} ({condition.get('reason', '')}): {said}" if said else text


def _refusal(reason: str, retry_after_seconds: int) -> errors.APIError:
    details: dict[str, Any] = {"causes": [{"reason": "DisruptionBudget", "message": reason}]}
    headers = []
    if retry_after_seconds:
        details["retryAfterSeconds"] = retry_after_seconds
        headers.append(("Retry-After", str(retry_after_seconds)))
    return errors.APIError(429, "TooManyRequests", _VIOLATES, details, headers)


def _timeout(name: str) -> errors.APIError:
    message = f'Timeout: couldn\'t update PodDisruptionBudget "{name}" due to conflicts'
    return errors.APIError(504, "Timeout", message, {"retryAfterSeconds": 10}, [("Retry-After", "10")])
