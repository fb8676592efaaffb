"""Feature gates of a workload: what each that we know does here. None is silently ignored.

Defaults are those of kube-scheduler 1.36. A gate that is set to what happens here anyway is honoured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from msgspec import Struct

QUEUEING_HINTS, NODE_DECLARED_FEATURES = "SchedulerQueueingHints", "NodeDeclaredFeatures"
ASYNC_PREEMPTION = "SchedulerAsyncPreemption"


class Effect(StrEnum):
    """What setting a gate does."""

    HONOURED = "honoured"
    NO_EFFECT = "no effect here"
    UNKNOWN = "unknown gate, ignored"


class Setting(Struct, frozen=True):
    """A gate as a workload sets it, and what comes of it."""

    gate: str
    enabled: bool
    effect: Effect
    reason: str = ""

    def __str__(self) -> str:
        because = f": {self.reason}" if self.reason else ""
        return f"{self.gate}={str(self.enabled).lower()}: {self.effect}{because}"


_HONOURED = Effect.HONOURED, ""
_CLAIMS = Effect.NO_EFFECT, "there are no resource claims, with it or without"
_ALWAYS_ON = Effect.NO_EFFECT, "it is always on"
_NOT_THERE = Effect.NO_EFFECT, "what it switches on is not there"

_GATES: dict[str, dict[bool, tuple[Effect, str]]] = {
    QUEUEING_HINTS: {True: _HONOURED, False: _HONOURED},
    NODE_DECLARED_FEATURES: {True: _HONOURED, False: _HONOURED},
    ASYNC_PREEMPTION: {True: _HONOURED, False: _HONOURED},
    "SchedulerAsyncAPICalls": dict.fromkeys((True, False), (Effect.NO_EFFECT, "calls take no time to wait for")),
    "OpportunisticBatching": dict.fromkeys(
        (True, False), (Effect.NO_EFFECT, "pods are batched in another way, with the same decisions")
    ),
    "DynamicResourceAllocation": {True: _CLAIMS, False: _CLAIMS},
    "DRAExtendedResource": {True: _CLAIMS, False: _CLAIMS},
    "GangScheduling": {True: _NOT_THERE, False: _HONOURED},
    "GenericWorkload": {True: _NOT_THERE, False: _HONOURED},
    "StorageCapacityScoring": {True: _NOT_THERE, False: _HONOURED},
    "TaintTolerationComparisonOperators": {True: _NOT_THERE, False: _HONOURED},
} | {
    gate: {True: _HONOURED, False: _ALWAYS_ON}
    for gate in (
        "InPlacePodVerticalScaling",
        "MatchLabelKeysInPodAffinity",
        "MatchLabelKeysInPodTopologySpread",
        "NodeInclusionPolicyInPodTopologySpread",
        "PodLevelResources",
        "SchedulerPopFromBackoffQ",
        "SidecarContainers",
        "VolumeAttributesClass",
    )
}


def settings(gates: Mapping[str, bool]) -> tuple[Setting, ...]:
    """Return what comes of each gate that a workload sets."""
    return tuple(_setting(gate, enabled) for gate, enabled in gates.items())


def queueing_hints(gates: Mapping[str, bool]) -> bool:
    """Tell whether the queue asks plugins for hints."""
    return gates.get(QUEUEING_HINTS, True)


def async_preemption(gates: Mapping[str, bool]) -> bool:
    """Tell whether victims are deleted after the attempt of the preemptor, which waits for that outside the queue."""
    return gates.get(ASYNC_PREEMPTION, True)


def disabled_plugins(gates: Mapping[str, bool]) -> list[str]:
    """Return the plugins that are off.

    Without queueing hints upstream runs as version 1.33, which does not have NodeDeclaredFeatures.
    """
    return [] if gates.get(NODE_DECLARED_FEATURES, queueing_hints(gates)) else ["NodeDeclaredFeatures"]


def notes(each_workload: Iterable[tuple[Setting, ...]]) -> list[str]:
    """Return one line for each setting that is not honoured, with how many workloads have it."""
    counts: dict[Setting, int] = {}
    for found in each_workload:
        for setting in found:
            if setting.effect is not Effect.HONOURED:
                counts[setting] = counts.get(setting, 0) + 1
    return [
        f"{'warning: ' * (setting.effect is Effect.UNKNOWN)}{setting} ({count} workload{'s' * (count != 1)})"
        for setting, count in counts.items()
    ]


def _setting(gate: str, enabled: bool) -> Setting:
    effect, reason = _GATES[gate][enabled] if gate in _GATES else (Effect.UNKNOWN, "")
    return Setting(gate, enabled, effect, reason)
