"""ReplicationControllers and PodTemplates."""

from __future__ import annotations

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import metadata, names
from cluster_shim.api.validation.checks import NOTHING, SPEC, STATUS, Errors, Object, non_negative, not_more
from cluster_shim.api.validation.core import pod
from cluster_shim.api.validation.core.pod_options import PodOptions

MISMATCH = "`selector` does not match template `labels`"


def create(errors: Errors, controller: Object) -> None:
    """Check a new ReplicationController."""
    metadata.create(errors, controller, True, names.dns_subdomain_bytes)
    _spec(errors, controller["spec"], pod.template_options(None))


def update(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of a ReplicationController."""
    metadata.update(errors, new, old)
    _spec(errors, new["spec"], pod.template_options(old["spec"].get("template")))


def _spec(errors: Errors, spec: Object, options: PodOptions) -> None:
    non_negative(errors, spec, SPEC, "minReadySeconds")
    chosen, template = spec.get("selector") or {}, spec.get("template")
    if not chosen:
        errors.append(fields.required(SPEC.child("selector")))
    if "replicas" not in spec:
        errors.append(fields.required(SPEC.child("replicas")))
    non_negative(errors, spec, SPEC, "replicas")
    path = SPEC.child("template")
    if template is None:
        errors.append(fields.required(path))
        return
    labels = (template.get("metadata") or NOTHING).get("labels")
    if any((labels or {}).get(key) != value for key, value in chosen.items()):
        errors.append(fields.invalid(path.child("metadata", "labels"), labels, MISMATCH))
    pod.template(errors, template, path, options)
    restarts_always(errors, template, path)
    no_deadline(errors, template, path, "ReplicationController")


def restarts_always(errors: Errors, template: Object, path: Path) -> None:
    """Demand that pods of a template are always restarted."""
    policy = (template.get("spec") or NOTHING).get("restartPolicy", "")
    if policy != "Always":
        errors.append(fields.not_supported(path.child("spec", "restartPolicy"), policy, ("Always",)))


def no_deadline(errors: Errors, template: Object, path: Path, kind: str) -> None:
    """Forbid a deadline for pods of a template."""
    if "activeDeadlineSeconds" in (template.get("spec") or NOTHING):
        detail = f"activeDeadlineSeconds in {kind} is not Supported"
        errors.append(fields.forbidden(path.child("spec", "activeDeadlineSeconds"), detail))


_COUNTS = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration")
_PARTS = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")


def update_status(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of the status of a ReplicationController."""
    metadata.update(errors, new, old)
    status = new.get("status") or NOTHING
    non_negative(errors, status, STATUS, *_COUNTS)
    not_more(errors, status, STATUS, _PARTS, "replicas", "cannot be greater than status.replicas")
    not_more(errors, status, STATUS, ("availableReplicas",), "readyReplicas", "cannot be greater than readyReplicas")


def create_template(errors: Errors, template: Object) -> None:
    """Check a new PodTemplate."""
    metadata.create(errors, template, True, names.dns_subdomain)
    pod.template(errors, template.get("template") or NOTHING, Path("template"))


def update_template(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of a PodTemplate."""
    metadata.update(errors, new, old)
    options = pod.template_options(old.get("template"))
    pod.template(errors, new.get("template") or NOTHING, Path("template"), options)
