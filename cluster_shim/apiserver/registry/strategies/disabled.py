"""Fields of pods behind gates that 1.36 has switched off: they are dropped, unless the object has them already.

Gates: ContainerStopSignals, GenericWorkload, ClusterTrustBundleProjection, PodCertificateRequest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Spec = dict[str, Any]
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_PROJECTIONS = ("clusterTrustBundle", "podCertificate")


def drop_disabled_pod_fields(spec: Spec, old: Spec | None) -> None:
    """Drop fields behind switched-off gates from the spec of a pod or of a template."""
    old = old or {}
    if "schedulingGroup" in spec and "schedulingGroup" not in old:
        del spec["schedulingGroup"]
    stops = [each for each in _lifecycles(spec) if "stopSignal" in each]
    if stops and not any("stopSignal" in each for each in _lifecycles(old)):
        for lifecycle in stops:
            del lifecycle["stopSignal"]
    for source in _projections(spec):
        for name in _PROJECTIONS:
            if name in source and not any(name in each for each in _projections(old)):
                del source[name]


def _lifecycles(spec: Spec) -> Iterator[Any]:
    for containers in _CONTAINERS:
        for container in spec.get(containers) or ():
            if lifecycle := container.get("lifecycle"):
                yield lifecycle


def _projections(spec: Spec) -> Iterator[Any]:
    for volume in spec.get("volumes") or ():
        if projected := volume.get("projected"):
            yield from projected.get("sources") or ()
