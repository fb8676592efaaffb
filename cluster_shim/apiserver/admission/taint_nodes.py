"""TaintNodesByCondition: nothing is scheduled on a new node before it is ready."""

from __future__ import annotations

from cluster_shim.apiserver.admission.plugin import CREATE, Attributes, Interest

_TAINT = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


class TaintNodesByCondition:
    """The plugin."""

    name = "TaintNodesByCondition"
    interests = (Interest((CREATE,), "", "nodes"),)

    def admit(self, attributes: Attributes) -> None:
        """Add the taint."""
        spec = attributes.new.setdefault("spec", {})
        taints = spec.get("taints") or []
        if all(any(each.get(key) != value for key, value in _TAINT.items()) for each in taints):
            spec["taints"] = [*taints, dict(_TAINT)]
