"""After a node was chosen: Reserve, Permit, PreBind, Bind, PostBind, and Unreserve where one of them says no.

In memory: nothing waits here, so a plugin that answers Wait is refused by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sched_core.engine.decision import Decision
from sched_core.errors import PluginError
from sched_core.framework.cycle_state import CycleState
from sched_core.framework.plugin import Plugin
from sched_core.framework.profile import Profile
from sched_core.framework.status import Code, Status, error

if TYPE_CHECKING:
    from sched_core.engine.engine import Engine


def bind(engine: Engine, profile: Profile, decision: Decision) -> None:
    """Place a decided pod and run the points of the binding cycle; a refusal takes it back and fails the decision."""
    decision.placed_as = engine.place(decision.pod, decision.row)
    status = _run(profile, decision)
    if status.is_success:
        return
    engine.cluster.remove_pod(decision.key)
    decision.placed_as, decision.row, decision.status = -1, -1, status
    decision.message = status.message
    if status.is_rejected:
        decision.message = f"0/1 nodes are available: 1 {status.message}."


def reserve(profile: Profile, decision: Decision, node: str) -> Status:
    """Run Reserve; the plugins take it back if one of them refuses."""
    for plugin in profile.points["reserve"]:
        text = f'running Reserve plugin "{plugin.name}"'
        status = _call(plugin, "reserve", text, decision.state, decision.pod, node)
        if not status.is_success:
            return _undo(profile, decision, node, status.of(plugin.name))
    return Status()


def _run(profile: Profile, decision: Decision) -> Status:
    points, state, pod = profile.points, decision.state, decision.pod
    node = decision.node or ""
    status = reserve(profile, decision, node)
    if not status.is_success:
        return status
    for plugin in points["permit"]:
        status = _call(plugin, "permit", f'running Permit plugin "{plugin.name}"', state, pod, node)
        if status.code == Code.Wait:
            status = error(f'running Permit plugin "{plugin.name}": waiting is not supported without a queue')
        if not status.is_success:
            return _undo(profile, decision, node, status)
    for plugin in points["preBind"]:
        status = _call(plugin, "pre_bind", f'running PreBind plugin "{plugin.name}"', state, pod, node)
        if not status.is_success and not status.is_skip:
            return _undo(profile, decision, node, status)
    for plugin in points["bind"]:
        status = _call(plugin, "bind", f'running Bind plugin "{plugin.name}"', state, pod, node)
        if status.is_skip:
            continue
        if not status.is_success:
            return _undo(profile, decision, node, status)
        break
    for plugin in points["postBind"]:
        try:
            plugin.post_bind(state, pod, node)  # type: ignore[attr-defined]
        except Exception as reason:  # the pod is bound, there is no decision left to fail
            raise PluginError(plugin.name, "postBind", _text(reason), pod.key, node) from reason
    return Status()


def _undo(profile: Profile, decision: Decision, node: str, status: Status) -> Status:
    """Run Unreserve of all plugins, the last one first; one that raises does not keep the others from it."""
    for plugin in reversed(profile.points["reserve"]):
        if hasattr(plugin, "unreserve"):
            try:
                plugin.unreserve(decision.state, decision.pod, node)
            except Exception as reason:
                status = error(f'{status.message}, running Unreserve plugin "{plugin.name}": {_text(reason)}')
    return status


def _call(plugin: Plugin, method: str, text: str, state: CycleState, pod: object, node: str) -> Status:
    try:
        answer = getattr(plugin, method)(state, pod, node)
    except Exception as reason:
        return error(f"{text}: {_text(reason)}")
    if method == "permit" and not isinstance(answer, Status) and isinstance(answer, tuple) and answer:
        answer = answer[0]  # without the time to wait
    if not isinstance(answer, Status):
        return error(f"{text}: it returned no Status")
    status: Status = answer
    if status.code == Code.Error:
        return error(f"{text}: {status.message}")
    return status.of(plugin.name)


def _text(reason: Exception) -> str:
    return str(reason) or type(reason).__name__
