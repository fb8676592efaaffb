"""What this version cannot decide: pods for which a plugin that it lacks would have a say.

The plugin's absence is harmless for all other pods, because upstream's plugin skips them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sched_core.errors import NotSupported
from sched_core.objects.records import Pod

_INLINE_DISKS = ("gce_persistent_disk", "aws_elastic_block_store", "iscsi", "rbd")


def _has_claims(pod: Pod) -> bool:
    return any(each.persistent_volume_claim is not None or each.ephemeral is not None for each in pod.spec.volumes)


def _has_disks(pod: Pod) -> bool:
    return any(getattr(each, disk) is not None for each in pod.spec.volumes for disk in _INLINE_DISKS)


_ASKS_FOR: Mapping[str, Callable[[Pod], bool]] = {
    "VolumeBinding": _has_claims,
    "VolumeZone": _has_claims,
    "VolumeRestrictions": lambda pod: _has_claims(pod) or _has_disks(pod),
    "NodeVolumeLimits": lambda pod: _has_claims(pod) or _has_disks(pod),
}


def refuse_lacking(missing: Iterable[str], pod: Pod, key: str, with_affinity: bool, selectors: bool) -> None:
    """Raise NotSupported if a missing plugin would have a say about a pod.

    ``with_affinity`` tells whether pods with affinity run already (theirs counts too), ``selectors`` whether the
    cluster has Services or owners that default spreading would read.
    """
    spec = pod.spec
    plain = spec.affinity is None and not spec.topology_spread_constraints and not spec.volumes
    if plain and not with_affinity and not selectors:
        return
    for name in sorted(missing):
        asks = _ASKS_FOR.get(name)
        if asks is not None and asks(pod):
            raise NotSupported(f"pod {key} needs the plugin {name}, which this version does not have")
        if name == "InterPodAffinity" and with_affinity:
            raise NotSupported(f"pod {key} needs the plugin {name}: pods with affinity run already")
        if name == "PodTopologySpread" and selectors:
            raise NotSupported(f"pod {key} needs the plugin {name}: Services or owners give it default constraints")
