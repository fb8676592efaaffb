"""Jobs: the selector that the server makes, what may change, and what their status may say."""

from __future__ import annotations

from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.validation import formats, labels, metadata, names
from cluster_shim.api.validation.apps.templates import TEMPLATE, labels_of, matching
from cluster_shim.api.validation.batch.job_spec import job_spec
from cluster_shim.api.validation.checks import METADATA, NOTHING, SPEC, Errors, Object, immutable, keep
from cluster_shim.api.validation.core import pod
from cluster_shim.api.validation.core.pod_options import PodOptions
from cluster_shim.api.validation.structs import dump

_PREFIX = "batch.kubernetes.io/"


def create(errors: Errors, job: Object) -> None:
    """Check a new Job."""
    _job(errors, job, pod.template_options(None), with_prefix=True, any_value=False)


def _job(errors: Errors, job: Object, options: PodOptions, with_prefix: bool, any_value: bool) -> None:
    metadata.create(errors, job, True, names.dns_subdomain)
    _generated_selector(errors, job, with_prefix)
    spec, name = job["spec"], (job.get("metadata") or NOTHING).get("name", "")
    _spec(errors, spec, options, any_value)
    completions = spec.get("completions") or 0
    if spec.get("completionMode") == "Indexed" and completions > 0:
        hostname = f"{name}-{completions - 1}"
        if formats.dns_label(hostname):
            detail = f"will not able to create pod with invalid DNS label: {hostname}"
            errors.append(fields.invalid(METADATA.child("name"), name, detail))


def _spec(errors: Errors, spec: Object, options: PodOptions, any_value: bool) -> None:
    job_spec(errors, spec, SPEC, options)
    chosen = spec.get("selector")
    if chosen is None:
        errors.append(fields.required(SPEC.child("selector")))
    else:
        any_value = any_value or options.any_selector_value
        labels.selector(errors, chosen, SPEC.child("selector"), any_value)
    if labels.is_usable(chosen):
        matching(errors, chosen, spec.get("template") or NOTHING)


def _generated_selector(errors: Errors, job: Object, with_prefix: bool) -> None:
    spec, meta = job["spec"], job.get("metadata") or NOTHING
    if spec.get("manualSelector") or spec.get("selector") is None:
        return
    uid, name = meta.get("uid", ""), meta.get("name", "")
    if not uid:
        errors.append(fields.required(METADATA.child("uid")))
    expected = {"controller-uid": uid, "job-name": name}
    if with_prefix:
        expected |= {f"{_PREFIX}{key}": value for key, value in expected.items()}
    have = labels_of(spec.get("template") or NOTHING) or {}
    for key, value in expected.items():
        at = TEMPLATE.child("metadata", "labels").key(key)
        if key not in have:
            errors.append(fields.required(at, f"must be '{value}'"))
        elif have[key] != value:
            errors.append(fields.invalid(at, have, f"must be '{value}'"))
    chosen = spec["selector"]
    if labels.is_usable(chosen) and not labels.matches(chosen, expected):
        shown = dump("LabelSelector", chosen)
        errors.append(fields.invalid(SPEC.child("selector"), shown, "`selector` not auto-generated"))


def update(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of a Job."""
    before = old["spec"]
    options = pod.template_options(before.get("template"))
    had = labels_of(before.get("template") or NOTHING) or {}
    with_prefix = f"{_PREFIX}job-name" in had and f"{_PREFIX}controller-uid" in had
    any_value = not labels.is_usable(before.get("selector"))
    _job(errors, new, options, with_prefix, any_value)
    metadata.update(errors, new, old)
    spec = new["spec"]
    _spec(errors, spec, options, any_value)
    _completions(errors, spec, before)
    _struct_stays(errors, spec, before, "selector", "LabelSelector")
    _template_stays(errors, new, old)
    keep(errors, spec, before, "completionMode", SPEC)
    _struct_stays(errors, spec, before, "podFailurePolicy", "PodFailurePolicy")
    keep(errors, spec, before, "backoffLimitPerIndex", SPEC)
    keep(errors, spec, before, "managedBy", SPEC)
    _struct_stays(errors, spec, before, "successPolicy", "SuccessPolicy")


def _struct_stays(errors: Errors, spec: Object, before: Object, key: str, kind: str) -> None:
    new, old = spec.get(key), before.get(key)
    if new != old:
        immutable(errors, dump(f"*{kind}", new), dump(f"*{kind}", old), SPEC.child(key))


def _completions(errors: Errors, spec: Object, before: Object) -> None:
    new, old = spec.get("completions"), before.get("completions")
    if spec.get("completionMode") != "Indexed":
        immutable(errors, new, old, SPEC.child("completions"))
    elif new not in (old, None, spec.get("parallelism")):
        detail = "can only be modified in tandem with spec.parallelism"
        errors.append(fields.invalid(SPEC.child("completions"), new, detail))


def _is_template_mutable(old: Object) -> bool:
    """Return whether pods of a Job can be changed: it is suspended and has none that run."""
    status = old.get("status") or NOTHING
    suspended = any(
        each.get("type") == "Suspended" and each.get("status") == "True" for each in status.get("conditions") or ()
    )
    may_have_none = "startTime" not in status or suspended
    return bool(old["spec"].get("suspend")) and may_have_none and not status.get("active")


def _template_stays(errors: Errors, new: Object, old: Object) -> None:
    template: dict[str, Any] = new["spec"].get("template") or {}
    before: dict[str, Any] = old["spec"].get("template") or {}
    if _is_template_mutable(old):
        before = _with_directives(template, before)
        spec, had = template.get("spec") or {}, dict(before.get("spec") or {})
        for key in ("containers", "initContainers"):
            if key in had and len(had[key] or ()) == len(spec.get(key) or ()):
                had[key] = [
                    {**each, "resources": own["resources"]} if "resources" in own and _same_name(own, each) else each
                    for each, own in zip(had[key] or (), spec.get(key) or (), strict=True)
                ]
        if spec != had:
            immutable(errors, dump("PodSpec", spec), dump("PodSpec", had), SPEC.child("template.spec"))
    elif template != before:
        shown = [dump("PodTemplateSpec", each) for each in (template, before)]
        immutable(errors, shown[0], shown[1], SPEC.child("template"))


def _same_name(one: Object, other: Object) -> bool:
    return one.get("name") == other.get("name")


_DIRECTIVES = ("nodeSelector", "tolerations", "schedulingGates")


def _with_directives(template: Object, before: Object) -> dict[str, Any]:
    """Return the older template with what the newer one says about where its pods may run."""
    spec, had = template.get("spec") or NOTHING, dict(before.get("spec") or {})
    meta, old_meta = template.get("metadata") or NOTHING, dict(before.get("metadata") or {})
    for target, source, keys in ((had, spec, _DIRECTIVES), (old_meta, meta, ("labels", "annotations"))):
        for key in keys:
            if key in source:
                target[key] = source[key]
            else:
                target.pop(key, None)
    affinity: dict[str, Any] = dict(had.get("affinity") or {})
    affinity.pop("nodeAffinity", None)
    if "nodeAffinity" in (spec.get("affinity") or NOTHING):
        affinity["nodeAffinity"] = spec["affinity"]["nodeAffinity"]
    if affinity or "affinity" in spec:
        had["affinity"] = affinity
    else:
        had.pop("affinity", None)
    return {**before, "metadata": old_meta, "spec": had}
