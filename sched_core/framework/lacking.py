"""What this version cannot decide: pods for which a plugin that it lacks would have a say.

The plugin's absence is harmless for all other pods, because upstream's plugin skips them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sched_core.errors import NotSupported
from sched_core.objects.records import Pod


def _has_pod_affinity(pod: Pod) -> bool:
    affinity = pod.spec.affinity
    return affinity is not None and (affinity.pod_affinity is not None or affinity.pod_anti_affinity is not None)


_ASKS_FOR: Mapping[str, Callable[[Pod], bool]] = {
    "InterPodAffinity": _has_pod_affinity,
    "PodTopologySpread": lambda pod: bool(pod.spec.topology_spread_constraints),
}


def refuse_lacking(missing: Iterable[str], pod: Pod, key: str, with_affinity: bool, selectors: bool) -> None:
    """Raise NotSupported if a missing plugin would have a say about a pod.

    ``with_affinity`` tells whether pods with affinity run already (theirs counts too), ``selectors`` whether the
    cluster has Services or owners that default spreading would read.
    """
    spec = pod.spec
    plain = spec.affinity is None and not spec.topology_spread_constraints
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
