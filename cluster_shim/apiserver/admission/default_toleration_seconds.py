"""DefaultTolerationSeconds: a pod stays five minutes on a node that is not ready or cannot be reached."""

from __future__ import annotations

from typing import Any

from cluster_shim.apiserver.admission.plugin import CREATE, UPDATE, Attributes, Interest

_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


class DefaultTolerationSeconds:
    """The plugin."""

    name = "DefaultTolerationSeconds"
    interests = (Interest((CREATE, UPDATE), "", "pods"),)

    def __init__(self, not_ready_seconds: int = 300, unreachable_seconds: int = 300) -> None:
        self._seconds = (not_ready_seconds, unreachable_seconds)

    def admit(self, attributes: Attributes) -> None:
        """Add the tolerations that a pod does not have itself."""
        spec = attributes.new["spec"]
        own: list[dict[str, Any]] = spec.get("tolerations") or []
        missing = [
            {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}
            for taint, seconds in zip(_TAINTS, self._seconds, strict=True)
            if not any(_tolerates(each, taint) for each in own)
        ]
        if missing:
            spec["tolerations"] = [*own, *missing]


def _tolerates(toleration: dict[str, Any], taint: str) -> bool:
    return toleration.get("key", "") in ("", taint) and toleration.get("effect", "") in ("", "NoExecute")
