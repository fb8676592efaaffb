"""Deployments, ReplicaSets, DaemonSets, ControllerRevisions, and the table of the kinds of the group."""

from __future__ import annotations

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import metadata, names
from cluster_shim.api.validation.apps import stateful_set
from cluster_shim.api.validation.apps.templates import (
    TEMPLATE,
    collisions,
    matching,
    replicas_template,
    selector,
)
from cluster_shim.api.validation.checks import (
    IS_IMMUTABLE,
    NOTHING,
    SPEC,
    STATUS,
    Errors,
    Object,
    immutable,
    non_negative,
    not_more,
)
from cluster_shim.api.validation.core import pod
from cluster_shim.api.validation.core.pod_options import PodOptions
from cluster_shim.api.validation.core.replication_controller import no_deadline, restarts_always
from cluster_shim.api.validation.labels import is_empty, is_usable
from cluster_shim.api.validation.labels import selector as check_selector
from cluster_shim.api.validation.numbers import amount, at_most_100_percent, number_or_percent
from cluster_shim.api.validation.rules import Rules
from cluster_shim.api.validation.structs import dump

_MORE_THAN_REPLICAS = "cannot be greater than status.replicas"
_MORE_THAN_READY = "cannot be greater than readyReplicas"
_STRATEGY = SPEC.child("strategy")
_UPDATE_STRATEGY = SPEC.child("updateStrategy")


def _options(old: Object) -> PodOptions:
    return pod.template_options(old["spec"].get("template"))


def _selector_stays(errors: Errors, new: Object, old: Object) -> None:
    chosen, before = new["spec"].get("selector"), old["spec"].get("selector")
    if chosen != before:
        immutable(errors, dump("*LabelSelector", chosen), dump("*LabelSelector", before), SPEC.child("selector"))


def _create_deployment(errors: Errors, deployment: Object) -> None:
    metadata.create(errors, deployment, True, names.dns_subdomain)
    _deployment_spec(errors, deployment["spec"], pod.template_options(None))


def _update_deployment(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    _deployment_spec(errors, new["spec"], _options(old))
    _selector_stays(errors, new, old)


def _deployment_spec(errors: Errors, spec: Object, options: PodOptions) -> None:
    non_negative(errors, spec, SPEC, "replicas")
    selector(errors, spec, "deployment")
    replicas_template(errors, spec, options)
    _deployment_strategy(errors, spec.get("strategy") or NOTHING)
    non_negative(errors, spec, SPEC, "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        at = SPEC.child("progressDeadlineSeconds")
        errors.append(fields.invalid(at, deadline, "must be greater than minReadySeconds"))


def _deployment_strategy(errors: Errors, strategy: Object) -> None:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    at = _STRATEGY.child("rollingUpdate")
    if kind == "Recreate":
        if rolling is not None:
            detail = "may not be specified when strategy `type` is 'Recreate'"
            errors.append(fields.forbidden(at, detail))
    elif kind != "RollingUpdate":
        supported = ("Recreate", "RollingUpdate")
        errors.append(fields.not_supported(_STRATEGY, dump("DeploymentStrategy", strategy), supported))
    elif rolling is None:
        errors.append(fields.required(at, "this should be defaulted and never be nil"))
    else:
        missing, surplus = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
        number_or_percent(errors, missing, at.child("maxUnavailable"))
        number_or_percent(errors, surplus, at.child("maxSurge"))
        if not amount(missing) and not amount(surplus):
            detail = "may not be 0 when `maxSurge` is 0"
            errors.append(fields.invalid(at.child("maxUnavailable"), missing, detail))
        at_most_100_percent(errors, missing, at.child("maxUnavailable"))


_DEPLOYMENT_COUNTS = (
    "observedGeneration",
    "replicas",
    "updatedReplicas",
    "readyReplicas",
    "availableReplicas",
    "unavailableReplicas",
    "terminatingReplicas",
    "collisionCount",
)


def _update_deployment_status(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    status = new.get("status") or NOTHING
    non_negative(errors, status, STATUS, *_DEPLOYMENT_COUNTS)
    parts = ("updatedReplicas", "readyReplicas", "availableReplicas")
    not_more(errors, status, STATUS, parts, "replicas", _MORE_THAN_REPLICAS)
    not_more(errors, status, STATUS, ("availableReplicas",), "readyReplicas", _MORE_THAN_READY)
    collisions(errors, new, old)


def _create_replica_set(errors: Errors, replica_set: Object) -> None:
    metadata.create(errors, replica_set, True, names.dns_subdomain)
    _replica_set_spec(errors, replica_set["spec"], pod.template_options(None))


def _update_replica_set(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    _replica_set_spec(errors, new["spec"], _options(old))
    _selector_stays(errors, new, old)


def _replica_set_spec(errors: Errors, spec: Object, options: PodOptions) -> None:
    non_negative(errors, spec, SPEC, "replicas", "minReadySeconds")
    selector(errors, spec, "deployment")
    replicas_template(errors, spec, options)


_REPLICA_SET_COUNTS = (
    "replicas",
    "fullyLabeledReplicas",
    "readyReplicas",
    "availableReplicas",
    "observedGeneration",
    "terminatingReplicas",
)


def _update_replica_set_status(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    status = new.get("status") or NOTHING
    non_negative(errors, status, STATUS, *_REPLICA_SET_COUNTS)
    parts = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    not_more(errors, status, STATUS, parts, "replicas", _MORE_THAN_REPLICAS)
    not_more(errors, status, STATUS, ("availableReplicas",), "readyReplicas", _MORE_THAN_READY)


def _create_daemon_set(errors: Errors, daemon_set: Object) -> None:
    metadata.create(errors, daemon_set, True, names.dns_subdomain)
    _daemon_set_spec(errors, daemon_set["spec"], pod.template_options(None))


def _update_daemon_set(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    _selector_stays(errors, new, old)
    options = _options(old)
    _daemon_set_spec(errors, new["spec"], options, not is_usable(old["spec"].get("selector")))


def _daemon_set_spec(errors: Errors, spec: Object, options: PodOptions, any_value: bool = False) -> None:
    chosen, template = spec.get("selector"), spec.get("template") or NOTHING
    any_value = any_value or options.any_selector_value
    check_selector(errors, chosen, SPEC.child("selector"), any_value)
    if is_usable(chosen):
        matching(errors, chosen, template)
    if chosen is not None and is_empty(chosen):
        detail = "empty selector is invalid for daemonset"
        errors.append(fields.invalid(SPEC.child("selector"), dump("LabelSelector", chosen), detail))
    pod.template(errors, template, TEMPLATE, options)
    restarts_always(errors, template, TEMPLATE)
    no_deadline(errors, template, TEMPLATE, "DaemonSet")
    non_negative(errors, spec, SPEC, "minReadySeconds")
    _daemon_set_strategy(errors, spec.get("updateStrategy") or NOTHING)
    non_negative(errors, spec, SPEC, "revisionHistoryLimit")


def _daemon_set_strategy(errors: Errors, strategy: Object) -> None:
    kind, rolling, at = strategy.get("type", ""), strategy.get("rollingUpdate"), _UPDATE_STRATEGY.child("rollingUpdate")
    if kind == "OnDelete":
        return
    if kind != "RollingUpdate":
        supported = ("RollingUpdate", "OnDelete")
        errors.append(fields.not_supported(_UPDATE_STRATEGY, dump("DaemonSetUpdateStrategy", strategy), supported))
        return
    if rolling is None:
        errors.append(fields.required(at))
        return
    missing, surplus = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    for check in (number_or_percent, at_most_100_percent):
        check(errors, missing, at.child("maxUnavailable"))
        check(errors, surplus, at.child("maxSurge"))
    if amount(missing) and amount(surplus):
        detail = "may not be set when maxUnavailable is non-zero"
        errors.append(fields.invalid(at.child("maxSurge"), surplus, detail))
    elif not amount(missing) and not amount(surplus):
        errors.append(fields.required(at.child("maxUnavailable"), "cannot be 0 when maxSurge is 0"))


_DAEMON_SET_COUNTS = (
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
)


def _update_daemon_set_status(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    non_negative(errors, new.get("status") or NOTHING, STATUS, *_DAEMON_SET_COUNTS)
    collisions(errors, new, old)


def _revision(errors: Errors, revision: Object) -> None:
    metadata.create(errors, revision, True, names.dns_subdomain)
    non_negative(errors, revision, Path(""), "revision")


def _create_revision(errors: Errors, revision: Object) -> None:
    _revision(errors, revision)
    data = revision.get("data")
    if data is None:
        errors.append(fields.required(Path("data"), "data is mandatory"))
    elif not isinstance(data, dict):
        errors.append(fields.required(Path("data"), "data must be a valid JSON object"))


def _update_revision(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    _revision(errors, new)
    if new.get("data") != old.get("data"):
        errors.append(fields.invalid(Path("data"), new.get("data"), IS_IMMUTABLE))


DEPLOYMENT = Rules(_create_deployment, _update_deployment, {"status": _update_deployment_status})
REPLICA_SET = Rules(_create_replica_set, _update_replica_set, {"status": _update_replica_set_status})
DAEMON_SET = Rules(_create_daemon_set, _update_daemon_set, {"status": _update_daemon_set_status})
STATEFUL_SET = Rules(stateful_set.create, stateful_set.update, {"status": stateful_set.update_status})
CONTROLLER_REVISION = Rules(_create_revision, _update_revision)
