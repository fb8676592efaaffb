"""Rules for what makes pods: deployments, jobs and so on, and for what scales them."""

from __future__ import annotations

from typing import Any

_MAX_INT32 = 0x7FFFFFFF
_PERIOD_SECONDS = 15


def deployment_spec(spec: dict[str, Any]) -> None:
    """Choose the strategy; a quarter of the pods may be away, a quarter too many."""
    strategy = spec["strategy"]
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")


def daemon_set_spec(spec: dict[str, Any]) -> None:
    """Choose the strategy: one pod after the other."""
    strategy = spec["updateStrategy"]
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)


def stateful_set_spec(spec: dict[str, Any]) -> None:
    """Choose the strategy: all pods."""
    strategy = spec["updateStrategy"]
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    if strategy["type"] == "RollingUpdate" and "rollingUpdate" in strategy:
        strategy["rollingUpdate"].setdefault("partition", 0)


def volume_claim_templates(spec: dict[str, Any]) -> None:
    """Say of each claim template what it is."""
    for each in spec.get("volumeClaimTemplates", ()):
        each["apiVersion"], each["kind"] = "v1", "PersistentVolumeClaim"


def replication_controller(obj: dict[str, Any]) -> None:
    """Take selector and labels from the template."""
    labels = obj["spec"].get("template", {}).get("metadata", {}).get("labels")
    if labels:
        if not obj["spec"].get("selector"):
            obj["spec"]["selector"] = dict(labels)
        _labels(obj, labels)


def job(obj: dict[str, Any]) -> None:
    """Choose how often, how many at once, and how patient; take the labels from the template."""
    spec = obj["spec"]
    if "parallelism" not in spec:
        spec.setdefault("completions", 1)
        spec["parallelism"] = 1
    spec.setdefault("backoffLimit", _MAX_INT32 if "backoffLimitPerIndex" in spec else 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")
    spec.setdefault("manualSelector", False)
    labels = spec["template"].get("metadata", {}).get("labels")
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = labels  # the same map, as upstream: what is added to the one is in the other


def _labels(obj: dict[str, Any], labels: dict[str, str]) -> None:
    if not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(labels)


def horizontal_pod_autoscaler_spec(spec: dict[str, Any]) -> None:
    """Choose the metric, and complete the rules of a behaviour."""
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        behavior["scaleUp"] = _scale_up() | behavior.get("scaleUp", {})
        behavior["scaleDown"] = _scale_down() | behavior.get("scaleDown", {})


def _scale_up() -> dict[str, Any]:
    """Return the rules for more pods: four of them or twice as many, whatever is more, at once."""
    pods = {"type": "Pods", "value": 4, "periodSeconds": _PERIOD_SECONDS}
    return {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [pods, _percent()]}


def _scale_down() -> dict[str, Any]:
    """Return the rules for fewer pods: all of them may go."""
    return {"selectPolicy": "Max", "policies": [_percent()]}


def _percent() -> dict[str, Any]:
    return {"type": "Percent", "value": 100, "periodSeconds": _PERIOD_SECONDS}
