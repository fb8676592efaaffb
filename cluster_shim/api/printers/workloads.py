"""Rows of what runs pods: deployments and their kin, jobs, autoscalers, disruption budgets."""

from __future__ import annotations

from typing import Any

from cluster_shim.api.printers.autoscalers import autoscaler_row
from cluster_shim.api.printers.cells import (
    NONE,
    Cell,
    Row,
    at,
    condition,
    containers,
    count,
    deleted,
    find,
    labels,
    name,
    row,
    shown_selector,
)
from cluster_shim.api.printers.durations import Json, age, human, seconds_of, since
from cluster_shim.api.printers.pods import pod_row
from cluster_shim.api.selectors import shown

TEMPLATE = ("spec", "template", "spec", "containers")
CRON_TEMPLATE = ("spec", "jobTemplate", *TEMPLATE)


def number(*path: str) -> Cell:
    """Return the cell of a number that is 0 where it is absent."""
    return at(*path, default=0)


def fraction(numerator: tuple[str, ...], denominator: tuple[str, ...]) -> Cell:
    """Return the cell ``1/2`` of two numbers."""
    return lambda obj, _now: f"{find(obj, *numerator) or 0}/{find(obj, *denominator) or 0}"


def labels_at(*path: str) -> Cell:
    """Return the cell of labels."""
    return lambda obj, _now: labels(find(obj, *path))


READY = fraction(("status", "readyReplicas"), ("spec", "replicas"))


def deployment_selector(obj: Json, _now: float) -> str:
    """Return the selector of a deployment; alone among its kin it is empty when there is none."""
    return shown(find(obj, "spec", "selector"))


JOB_STATES = (
    ("Complete", "Complete"),
    ("Failed", "Failed"),
    ("", "Terminating"),
    ("Suspended", "Suspended"),
    ("FailureTarget", "FailureTarget"),
    ("SuccessCriteriaMet", "SuccessCriteriaMet"),
)
"""What decides a job's state, in this order: a condition that is true (none: the job is being deleted)."""


def job_status(job: Json, _now: float) -> str:
    """Return in one word how far a job is."""
    for kind, state in JOB_STATES:
        if condition(job, kind).get("status") == "True" if kind else deleted(job):
            return state
    return "Running"


def job_completions(job: Json, _now: float) -> str:
    """Return how many pods of a job have succeeded, of how many."""
    succeeded = find(job, "status", "succeeded") or 0
    if (wanted := find(job, "spec", "completions")) is not None:
        return f"{succeeded}/{wanted}"
    parallelism = find(job, "spec", "parallelism") or 0
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def job_duration(job: Json, now: float) -> str:
    """Return how long a job took, or takes."""
    started, ended = find(job, "status", "startTime"), find(job, "status", "completionTime")
    if not started:
        return ""
    return human((seconds_of(ended) if ended else now) - seconds_of(started))


def cron_suspend(job: Json, _now: float) -> str:
    """Return whether a cron job is suspended, as a text."""
    value = find(job, "spec", "suspend")
    return "<unset>" if value is None else str(bool(value))


def cron_last(job: Json, now: float) -> str:
    """Return how long ago a cron job was last scheduled."""
    last = find(job, "status", "lastScheduleTime")
    return since(last, now) if last else NONE


def revision_controller(revision: Json, _now: float) -> str:
    """Return whose revision it is: ``daemonset.apps/a``."""
    owners: list[Json] = find(revision, "metadata", "ownerReferences") or []
    owner = next((each for each in owners if each.get("controller")), None)
    if owner is None:
        return NONE
    group = owner.get("apiVersion", "").rpartition("/")[0]
    kind = f"{owner.get('kind', '')}.{group}" if group else owner.get("kind", "")
    return f"{kind.lower()}/{owner.get('name', '')}"


def or_na(*path: str) -> Cell:
    """Return the cell of a number or percentage; ``N/A`` where it is absent."""

    def cell(obj: Json, _now: float) -> Any:
        value = find(obj, *path)
        return "N/A" if value is None else str(value)

    return cell


ROWS: dict[tuple[str, str], Row] = {
    ("", "Pod"): pod_row,
    ("", "PodTemplate"): row(
        name, *containers("template", "spec", "containers"), labels_at("template", "metadata", "labels")
    ),
    ("", "ReplicationController"): row(
        name,
        number("spec", "replicas"),
        number("status", "replicas"),
        number("status", "readyReplicas"),
        age,
        *containers(*TEMPLATE),
        labels_at("spec", "selector"),
    ),
    ("apps", "ReplicaSet"): row(
        name,
        number("spec", "replicas"),
        number("status", "replicas"),
        number("status", "readyReplicas"),
        age,
        *containers(*TEMPLATE),
        shown_selector("spec", "selector"),
    ),
    ("apps", "Deployment"): row(
        name,
        READY,
        number("status", "updatedReplicas"),
        number("status", "availableReplicas"),
        age,
        *containers(*TEMPLATE),
        deployment_selector,
    ),
    ("apps", "StatefulSet"): row(name, READY, age, *containers(*TEMPLATE)),
    ("apps", "DaemonSet"): row(
        name,
        number("status", "desiredNumberScheduled"),
        number("status", "currentNumberScheduled"),
        number("status", "numberReady"),
        number("status", "updatedNumberScheduled"),
        number("status", "numberAvailable"),
        labels_at("spec", "template", "spec", "nodeSelector"),
        age,
        *containers(*TEMPLATE),
        shown_selector("spec", "selector"),
    ),
    ("apps", "ControllerRevision"): row(name, revision_controller, number("revision"), age),
    ("batch", "Job"): row(
        name,
        job_status,
        job_completions,
        job_duration,
        age,
        *containers(*TEMPLATE),
        shown_selector("spec", "selector"),
    ),
    ("batch", "CronJob"): row(
        name,
        at("spec", "schedule"),
        at("spec", "timeZone", default=NONE),
        cron_suspend,
        count("status", "active"),
        cron_last,
        age,
        *containers(*CRON_TEMPLATE),
        shown_selector("spec", "jobTemplate", "spec", "selector"),
    ),
    ("autoscaling", "HorizontalPodAutoscaler"): autoscaler_row,
    ("autoscaling", "Scale"): row(name, number("spec", "replicas"), number("status", "replicas"), age),
    ("policy", "PodDisruptionBudget"): row(
        name,
        or_na("spec", "minAvailable"),
        or_na("spec", "maxUnavailable"),
        number("status", "disruptionsAllowed"),
        age,
    ),
}
