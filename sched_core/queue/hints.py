"""Which plugin of a profile wants to know of which events (upstream: scheduler.go, buildQueueingHintMap)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sched_core.errors import PluginError
from sched_core.framework.events import (
    UNROLLED_WILD_CARD,
    ActionType,
    ClusterEvent,
    ClusterEventWithHint,
    EventResource,
    QueueingHint,
    QueueingHintFn,
)
from sched_core.framework.profile import Profile
from sched_core.framework.status import EXTENDER
from sched_core.objects.records import Pod


class QueueingHintMap:
    """What the plugins of one profile have registered."""

    def __init__(self, registered: Mapping[str, Sequence[ClusterEventWithHint]]) -> None:
        self._registered = {
            plugin: list(_with_taints(events) if events else ()) for plugin, events in registered.items()
        }
        self._wanted: dict[ClusterEvent, dict[str, list[QueueingHintFn | None]]] = {}

    def wanted(self, event: ClusterEvent) -> Mapping[str, list[QueueingHintFn | None]]:
        """Return the plugins that want to know of an event, and their hints (None: always Queue)."""
        found = self._wanted.get(event)
        if found is None:
            found = self._wanted[event] = {}
            for plugin, registered in self._registered.items():
                hints = [each.queueing_hint_fn for each in registered if each.event.matches(event)]
                if hints:
                    found[plugin] = hints
        return found

    def events_of(self, plugin: str) -> tuple[ClusterEvent, ...]:
        """Return the events that a plugin has registered."""
        return tuple(each.event for each in self._registered.get(plugin, ()))


def build_queueing_hint_map(profile: Profile, *, with_hints: bool = True) -> QueueingHintMap:
    """Ask the plugins of a profile; one without ``events_to_register`` wants to know of everything.

    Without hints every event that a plugin has registered helps.
    """
    registered: dict[str, Sequence[ClusterEventWithHint]] = {}
    for plugins in profile.points.values():
        for plugin in plugins:
            ask = getattr(plugin, "events_to_register", None)
            if ask is not None:
                asked: Sequence[ClusterEventWithHint] = ask()
                registered[plugin.name] = (
                    asked if with_hints else [each._replace(queueing_hint_fn=None) for each in asked]
                )
            else:
                registered.setdefault(plugin.name, UNROLLED_WILD_CARD)
    registered.setdefault(EXTENDER, UNROLLED_WILD_CARD)
    return QueueingHintMap(registered)


def ask_hint(plugin: str, hint: QueueingHintFn | None, pod: Pod, old: Any, new: Any) -> QueueingHint:
    """Ask one hint; one that raises counts as Queue, with a warning, so that no pod is stuck because of it."""
    if hint is None:
        return QueueingHint.Queue
    try:
        return hint(pod, old, new)
    except Exception as reason:
        text = f"{type(reason).__name__}: {reason}"
        found = PluginError(plugin, "queueing_hint_fn", text, f"{pod.metadata.namespace}/{pod.metadata.name}")
        warnings.warn(str(found), RuntimeWarning, stacklevel=2)
        return QueueingHint.Queue


def _with_taints(events: Iterable[ClusterEventWithHint]) -> Iterable[ClusterEventWithHint]:
    """Add UpdateNodeTaint for a plugin that wants to know of new nodes and not of that, as upstream does."""
    events = list(events)
    of_nodes = [int(each.event.action_type) for each in events if each.event.resource == EventResource.Node]
    yield from events
    wants_add = any(actions & ActionType.Add for actions in of_nodes)
    if wants_add and not any(actions & ActionType.UpdateNodeTaint for actions in of_nodes):
        yield ClusterEventWithHint(ClusterEvent(EventResource.Node, ActionType.UpdateNodeTaint))
