"""What no row says of workloads: fields of pod templates behind switched-off gates, the selector of a Job."""

from __future__ import annotations

from cluster_shim.api.integers import IntegerError, parse_int
from cluster_shim.apiserver.registry.strategies.disabled import drop_disabled_pod_fields
from cluster_shim.apiserver.registry.strategies.strategy import Hooks, Object
from cluster_shim.apiserver.request import UserInfo

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
_JOB_NAME = ("job-name", "batch.kubernetes.io/job-name")
_CONTROLLER_UID = ("controller-uid", "batch.kubernetes.io/controller-uid")


def _template_spec(owner: Object | None, *way: str) -> Object | None:
    for name in (*way, "template", "spec"):
        owner = (owner or {}).get(name)
    return owner


def _drop(new: Object, old: Object | None, *way: str) -> None:
    spec = _template_spec(new, *way)
    if spec is not None:
        drop_disabled_pod_fields(spec, _template_spec(old, *way))


def _create_workload(obj: Object, user: UserInfo, now: str) -> None:
    _drop(obj, None, "spec")


def _update_workload(new: Object, old: Object, now: str) -> None:
    _drop(new, old, "spec")


def _create_template(obj: Object, user: UserInfo, now: str) -> None:
    _drop(obj, None)


def _update_template(new: Object, old: Object, now: str) -> None:
    _drop(new, old)


def _create_cron_job(obj: Object, user: UserInfo, now: str) -> None:
    _drop(obj, None, "spec", "jobTemplate", "spec")


def _update_cron_job(new: Object, old: Object, now: str) -> None:
    _drop(new, old, "spec", "jobTemplate", "spec")


def _annotated_generation(obj: Object) -> int:
    text = (obj["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "0")
    try:
        return parse_int(text)
    except IntegerError:
        return 0


def _annotate(obj: Object, generation: int) -> None:
    annotations = obj["metadata"].get("annotations") or {}
    obj["metadata"]["annotations"] = {**annotations, TEMPLATE_GENERATION: str(generation)}


def _create_daemon_set(obj: Object, user: UserInfo, now: str) -> None:
    _create_workload(obj, user, now)
    _annotate(obj, max(1, _annotated_generation(obj)))


def _update_daemon_set(new: Object, old: Object, now: str) -> None:
    _update_workload(new, old, now)
    changed = new["spec"].get("template") != old["spec"].get("template")
    _annotate(new, _annotated_generation(old) + changed)


def _create_stateful_set(obj: Object, user: UserInfo, now: str) -> None:
    _create_workload(obj, user, now)
    _drop_max_unavailable(obj, {})


def _update_stateful_set(new: Object, old: Object, now: str) -> None:
    _update_workload(new, old, now)
    _drop_max_unavailable(new, old)


def _drop_max_unavailable(new: Object, old: Object) -> None:
    """Drop what the gate MaxUnavailableStatefulSet, which is off, stands before."""
    before = old.get("spec", {}).get("updateStrategy", {}).get("rollingUpdate") or {}
    rolling = new.get("spec", {}).get("updateStrategy", {}).get("rollingUpdate")
    if rolling and "maxUnavailable" not in before:
        rolling.pop("maxUnavailable", None)


def _create_job(obj: Object, user: UserInfo, now: str) -> None:
    _create_workload(obj, user, now)
    spec, metadata = obj["spec"], obj["metadata"]
    if spec.get("manualSelector"):
        return
    template = spec.setdefault("template", {})
    labels = template.setdefault("metadata", {}).setdefault("labels", {})
    for names, value in ((_JOB_NAME, metadata.get("name", "")), (_CONTROLLER_UID, metadata["uid"])):
        for name in names:
            labels.setdefault(name, value)
    selector = spec.setdefault("selector", {}).setdefault("matchLabels", {})
    selector.setdefault(_CONTROLLER_UID[1], metadata["uid"])


HOOKS = {
    "workload": Hooks(_create_workload, _update_workload),
    "daemon_set": Hooks(_create_daemon_set, _update_daemon_set),
    "stateful_set": Hooks(_create_stateful_set, _update_stateful_set),
    "pod_template": Hooks(_create_template, _update_template),
    "cron_job": Hooks(_create_cron_job, _update_cron_job),
    "job": Hooks(_create_job, _update_workload),
}
