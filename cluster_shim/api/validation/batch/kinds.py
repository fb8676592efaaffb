"""CronJobs, and the table of the kinds of the group."""

from __future__ import annotations

import re
import zoneinfo

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats, metadata, names
from cluster_shim.api.validation.batch import cron, job, job_status
from cluster_shim.api.validation.batch.job_spec import job_spec
from cluster_shim.api.validation.checks import METADATA, NOTHING, SPEC, Errors, Object, need_one_of, non_negative
from cluster_shim.api.validation.core import pod
from cluster_shim.api.validation.core.pod_options import PodOptions
from cluster_shim.api.validation.rules import Rules
from cluster_shim.api.validation.structs import dump

_ZONE_PART = re.compile(r"[A-Za-z._0-9+][A-Za-z.\-_0-9+]{0,13}")


def _template_of(cron_job: Object) -> Object | None:
    job_template = cron_job["spec"].get("jobTemplate") or NOTHING
    found: Object | None = (job_template.get("spec") or NOTHING).get("template")
    return found


def _create(errors: Errors, cron_job: Object) -> None:
    metadata.create(errors, cron_job, True, names.dns_subdomain)
    _spec(errors, cron_job["spec"], None, pod.template_options(None))
    name = (cron_job.get("metadata") or NOTHING).get("name", "")
    if formats.size(name) > 52:
        errors.append(fields.invalid(METADATA.child("name"), name, "must be no more than 52 characters"))


def _update(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    _spec(errors, new["spec"], old["spec"], pod.template_options(_template_of(old)))


def _spec(errors: Errors, spec: Object, old: Object | None, options: PodOptions) -> None:
    schedule, zone = spec.get("schedule", ""), spec.get("timeZone")
    if not schedule:
        errors.append(fields.required(SPEC.child("schedule")))
    else:
        _schedule(errors, schedule, zone, "TZ" in (old or NOTHING).get("schedule", ""))
    non_negative(errors, spec, SPEC, "startingDeadlineSeconds")
    if zone is not None and (old is None or old.get("timeZone") != zone):
        _time_zone(errors, zone, SPEC.child("timeZone"))
    need_one_of(errors, spec, "concurrencyPolicy", SPEC, ("Allow", "Forbid", "Replace"))
    _job_template(errors, spec.get("jobTemplate") or NOTHING, SPEC.child("jobTemplate", "spec"), options)
    non_negative(errors, spec, SPEC, "successfulJobsHistoryLimit", "failedJobsHistoryLimit")


def _schedule(errors: Errors, schedule: str, zone: str | None, had_zone: bool) -> None:
    path = SPEC.child("schedule")
    if problem := cron.problem(schedule):
        errors.append(fields.invalid(path, schedule, problem))
    if "TZ" not in schedule:
        return
    if not had_zone:
        detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        errors.append(fields.invalid(path, schedule, detail))
    elif zone is not None:
        detail = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        errors.append(fields.invalid(path, schedule, detail))


def _time_zone(errors: Errors, zone: str, path: Path) -> None:
    if not zone:
        errors.append(fields.invalid(path, zone, "timeZone must be nil or non-empty string"))
        return
    unknown = f"unknown time zone {zone}"
    if any(part in (".", "..") or not _ZONE_PART.fullmatch(part) for part in zone.split("/")):
        errors.append(fields.invalid(path, zone, unknown))
        return
    if zone.lower() == "local":
        detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        errors.append(fields.invalid(path, zone, detail))
    if zone not in ("Local", "UTC") and zone not in zoneinfo.available_timezones():
        errors.append(fields.invalid(path, zone, unknown))


def _job_template(errors: Errors, template: Object, path: Path, options: PodOptions) -> None:
    spec = template.get("spec") or NOTHING
    job_spec(errors, spec, path, options)
    if (chosen := spec.get("selector")) is not None:
        shown = dump("LabelSelector", chosen)
        errors.append(fields.invalid(path.child("selector"), shown, "`selector` will be auto-generated"))
    if spec.get("manualSelector"):
        errors.append(fields.not_supported(path.child("manualSelector"), True, ("nil", "false")))


def _update_status(errors: Errors, new: Object, old: Object) -> None:
    """Check nothing: upstream does not either."""


JOB = Rules(job.create, job.update, {"status": job_status.update})
CRON_JOB = Rules(_create, _update, {"status": _update_status})
