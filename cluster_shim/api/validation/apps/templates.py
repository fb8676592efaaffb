"""What workloads share: a selector that matches the labels of a template of pods that are always restarted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import labels
from cluster_shim.api.validation.checks import NOTHING, SPEC, STATUS, Errors, Object
from cluster_shim.api.validation.core import pod
from cluster_shim.api.validation.core.pod_options import PodOptions
from cluster_shim.api.validation.core.replication_controller import MISMATCH, no_deadline, restarts_always
from cluster_shim.api.validation.structs import dump

TEMPLATE = SPEC.child("template")


def selector(errors: Errors, spec: Object, kind: str) -> None:
    """Demand a selector that selects something."""
    chosen, path = spec.get("selector"), SPEC.child("selector")
    if chosen is None:
        errors.append(fields.required(path))
        return
    labels.selector(errors, chosen, path)
    if labels.is_empty(chosen):
        detail = f"empty selector is invalid for {kind}"
        errors.append(fields.invalid(path, dump("LabelSelector", chosen), detail))


def unusable(errors: Errors, spec: Object, detail: str) -> bool:
    """Say so if a selector cannot be evaluated; return whether that is so."""
    chosen = spec.get("selector")
    if labels.is_usable(chosen):
        return False
    errors.append(fields.invalid(SPEC.child("selector"), dump("LabelSelector", chosen), detail))
    return True


def labels_of(template: Object) -> Mapping[str, str] | None:
    """Return the labels of a template."""
    found: Mapping[str, str] | None = (template.get("metadata") or NOTHING).get("labels")
    return found


def matching(errors: Errors, chosen: Object | None, template: Object, path: Path = TEMPLATE) -> None:
    """Demand that a selector matches the labels of the template."""
    have = labels_of(template)
    if not labels.matches(chosen, have):
        errors.append(fields.invalid(path.child("metadata", "labels"), have, MISMATCH))


def replicas_template(errors: Errors, spec: Object, options: PodOptions) -> None:
    """Check the template of a Deployment or a ReplicaSet."""
    if unusable(errors, spec, "invalid label selector"):
        return
    template = spec.get("template") or NOTHING
    matching(errors, spec.get("selector"), template)
    pod.template(errors, template, TEMPLATE, options)
    restarts_always(errors, template, TEMPLATE)
    no_deadline(errors, template, TEMPLATE, "ReplicaSet")


def collisions(errors: Errors, new: Object, old: Object) -> None:
    """Demand that the count of collisions does not go down."""
    counts: list[Any] = [(each.get("status") or NOTHING).get("collisionCount") for each in (new, old)]
    if counts[1] is not None and (counts[0] is None or counts[0] < counts[1]):
        errors.append(fields.invalid(STATUS.child("collisionCount"), counts[0] or 0, "cannot be decremented"))
