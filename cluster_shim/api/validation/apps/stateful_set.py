"""StatefulSets: templates of pods and of claims, ordinals, and the few things that may change."""

from __future__ import annotations

from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.validation import formats, labels, metadata, names
from cluster_shim.api.validation.apps.templates import TEMPLATE, collisions, matching, selector, unusable
from cluster_shim.api.validation.checks import (
    NOTHING,
    SPEC,
    STATUS,
    Errors,
    Object,
    formatted,
    non_negative,
    not_more,
)
from cluster_shim.api.validation.core import pod
from cluster_shim.api.validation.core.claim_spec import claim_spec
from cluster_shim.api.validation.core.pod_options import PodOptions
from cluster_shim.api.validation.core.replication_controller import no_deadline, restarts_always
from cluster_shim.api.validation.numbers import amount, at_most_100_percent, number_or_percent
from cluster_shim.api.validation.structs import dump

_STRATEGY = SPEC.child("updateStrategy")
_MAY_CHANGE = (
    "replicas",
    "template",
    "updateStrategy",
    "minReadySeconds",
    "ordinals",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
)
_FIXED = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def create(errors: Errors, stateful_set: Object) -> None:
    """Check a new StatefulSet."""
    metadata.create(errors, stateful_set, True, names.dns_label)
    _spec(errors, stateful_set["spec"], pod.template_options(None))


def update(errors: Errors, new: Object, old: Object) -> None:
    """Check an update; a template is not looked at if the old set was broken already."""
    metadata.update(errors, new, old)
    spec, before = new["spec"], old["spec"]
    options = pod.template_options(before.get("template"))
    problems: Errors = []
    _spec(problems, before, options, is_new=False)
    _spec(errors, spec, options, is_new=False, with_template=not problems)
    after, had = ({key: each[key] for key in each if key not in _MAY_CHANGE} for each in (spec, before))
    if after != had:
        errors.append(fields.forbidden(SPEC, _FIXED))


def _spec(errors: Errors, spec: Object, options: PodOptions, is_new: bool = True, with_template: bool = True) -> None:
    policy = spec.get("podManagementPolicy")
    if not policy:
        errors.append(fields.required(SPEC.child("podManagementPolicy")))
    elif policy not in ("OrderedReady", "Parallel"):
        detail = "must be 'OrderedReady' or 'Parallel'"
        errors.append(fields.invalid(SPEC.child("podManagementPolicy"), policy, detail))
    _update_strategy(errors, spec.get("updateStrategy") or NOTHING)
    retention = spec.get("persistentVolumeClaimRetentionPolicy")
    for key in ("whenDeleted", "whenScaled"):
        if retention is not None and retention.get(key) not in ("Retain", "Delete"):
            at = SPEC.child("persistentVolumeClaimRetentionPolicy", key)
            errors.append(fields.not_supported(at, retention.get(key, ""), ("Retain", "Delete")))
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or () if is_new else ()):
        claim_spec(errors, claim.get("spec") or NOTHING, SPEC.child("volumeClaimTemplates").index(index).child("spec"))
    non_negative(errors, spec, SPEC, "replicas", "minReadySeconds")
    non_negative(errors, spec.get("ordinals") or NOTHING, SPEC.child("ordinals"), "start")
    if is_new:
        formatted(errors, spec, "serviceName", SPEC, formats.dns_label)
    selector(errors, spec, "statefulset")
    template: Object = spec.get("template") or NOTHING
    if not unusable(errors, spec, ""):
        _template(errors, spec, template, options, with_template)
    restarts_always(errors, template, TEMPLATE)
    no_deadline(errors, template, TEMPLATE, "StatefulSet")


def _update_strategy(errors: Errors, strategy: Object) -> None:
    kind, rolling, at = strategy.get("type"), strategy.get("rollingUpdate"), _STRATEGY.child("rollingUpdate")
    if not kind:
        errors.append(fields.required(_STRATEGY))
    elif kind == "OnDelete":
        if rolling is not None:
            detail = "only allowed for updateStrategy 'RollingUpdate'"
            errors.append(fields.invalid(at, dump("RollingUpdateStatefulSetStrategy", rolling), detail))
    elif kind != "RollingUpdate":
        detail = "must be 'RollingUpdate' or 'OnDelete'"
        errors.append(fields.invalid(_STRATEGY, dump("StatefulSetUpdateStrategy", strategy), detail))
    elif rolling is not None:
        non_negative(errors, rolling, at, "partition")
        if (missing := rolling.get("maxUnavailable")) is not None:
            number_or_percent(errors, missing, at.child("maxUnavailable"))
            if not amount(missing):
                errors.append(fields.invalid(at.child("maxUnavailable"), missing, "cannot be 0"))
            at_most_100_percent(errors, missing, at.child("maxUnavailable"))


def _template(errors: Errors, spec: Object, template: Object, options: PodOptions, thorough: bool) -> None:
    chosen, wanted = spec.get("selector"), _with_claims(spec, template)
    if not labels.is_empty(chosen) or chosen is None:
        matching(errors, chosen, wanted)
    if thorough:
        pod.template(errors, wanted, TEMPLATE, options)
    meta = wanted.get("metadata") or NOTHING
    labels.labels(errors, meta.get("labels"), TEMPLATE.child("labels"))
    metadata.check_annotations(errors, meta.get("annotations"), TEMPLATE.child("annotations"))
    pod_spec, at = wanted.get("spec") or NOTHING, TEMPLATE.child("annotations")
    pod.specific_annotations(errors, meta.get("annotations"), pod_spec, at, options)


def _with_claims(spec: Object, template: Object) -> Object:
    """Return the template as its pods will be: with volumes for the claims, and with names of the set's making."""
    pod_spec: dict[str, Any] = dict(template.get("spec") or NOTHING)
    pod_spec.pop("subdomain", None)
    pod_spec.pop("hostname", None)
    claims = [(each.get("metadata") or NOTHING).get("name", "") for each in spec.get("volumeClaimTemplates") or ()]
    if claims:
        made = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in dict.fromkeys(claims)]
        own = [each for each in pod_spec.get("volumes") or () if each.get("name", "") not in claims]
        pod_spec["volumes"] = made + own
    return {**template, "spec": pod_spec}


_COUNTS = (
    "replicas",
    "readyReplicas",
    "currentReplicas",
    "updatedReplicas",
    "availableReplicas",
    "observedGeneration",
    "collisionCount",
)


def update_status(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of the status of a StatefulSet."""
    status = new.get("status") or NOTHING
    non_negative(errors, status, STATUS, *_COUNTS)
    parts = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    not_more(errors, status, STATUS, parts, "replicas", "cannot be greater than status.replicas")
    message = "cannot be greater than status.readyReplicas"
    not_more(errors, status, STATUS, ("availableReplicas",), "readyReplicas", message)
    metadata.update(errors, new, old)
    collisions(errors, new, old)
