"""What no row says of volumes and claims."""

from __future__ import annotations

from cluster_shim.apiserver.registry.strategies.strategy import Hooks, Object
from cluster_shim.apiserver.request import UserInfo

_LEGACY_SOURCES = {("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot")}


def _create_volume(obj: Object, user: UserInfo, now: str) -> None:
    obj["status"]["lastPhaseTransitionTime"] = now


def _subresource_of_volume(subresource: str, new: Object, old: Object, now: str) -> bool:
    new["spec"] = old["spec"]
    status, before = new.setdefault("status", {}), old.get("status", {})
    time, time_before = status.get("lastPhaseTransitionTime"), before.get("lastPhaseTransitionTime")
    if status.get("phase") == before.get("phase"):
        if time is None and time_before is not None:
            status["lastPhaseTransitionTime"] = time_before
    elif time is None or time == time_before:
        status["lastPhaseTransitionTime"] = now
    return True


def _prepare_sources(spec: Object, old: Object | None) -> None:
    """Keep dataSource and dataSourceRef saying the same; drop what only dataSourceRef may say from dataSource."""
    in_use = old is not None and ("dataSource" in old or "dataSourceRef" in old)
    reference = spec.get("dataSourceRef")
    if reference and not (old or {}).get("dataSourceRef", {}).get("namespace"):
        reference.pop("namespace", None)  # gate CrossNamespaceVolumeDataSource
    source = spec.get("dataSource")
    legacy = source and (source.get("apiGroup") or "", source.get("kind")) in _LEGACY_SOURCES
    if source and not in_use and not reference and not legacy:
        del spec["dataSource"]
        source = None
    if source and not reference:
        spec["dataSourceRef"] = dict(source)
    elif reference and not source and not reference.get("namespace"):
        spec["dataSource"] = {key: value for key, value in reference.items() if key != "namespace"}


def _create_claim(obj: Object, user: UserInfo, now: str) -> None:
    _prepare_sources(obj["spec"], None)


def _update_claim(new: Object, old: Object, now: str) -> None:
    _prepare_sources(new["spec"], old["spec"])


def _create_driver(obj: Object, user: UserInfo, now: str) -> None:
    obj["spec"].pop("preventPodSchedulingIfMissing", None)  # gate VolumeLimitScaling


def _update_driver(new: Object, old: Object, now: str) -> None:
    if "preventPodSchedulingIfMissing" not in old["spec"]:
        new["spec"].pop("preventPodSchedulingIfMissing", None)


HOOKS = {
    "persistent_volume": Hooks(_create_volume, subresource=_subresource_of_volume),
    "persistent_volume_claim": Hooks(_create_claim, _update_claim),
    "csi_driver": Hooks(_create_driver, _update_driver),
}
