"""The extension points after a node was chosen, run one at a time: what the plugins answer, in upstream's words.

Nothing is placed and nothing waits here; who calls decides what comes of an answer. Source: framework/runtime.
"""

from __future__ import annotations

from typing import Any

from sched_core.columns.classes import PodInfo
from sched_core.errors import PluginError
from sched_core.extender import Extenders
from sched_core.framework.cycle_state import CycleState
from sched_core.framework.plugin import Plugin
from sched_core.framework.profile import Profile
from sched_core.framework.status import SKIP, SUCCESS, Code, Status, error
from sched_core.objects.times import SECOND

MAX_PERMIT_TIMEOUT = 15 * 60 * SECOND


def reserve(profile: Profile, state: CycleState, pod: PodInfo, node: str) -> Status:
    """Run Reserve until a plugin refuses; nothing is taken back."""
    for plugin in profile.points["reserve"]:
        status = call(plugin, "reserve", f'running Reserve plugin "{plugin.name}"', state, pod, node)
        if not status.is_success:
            return status
    return SUCCESS


def unreserve(profile: Profile, state: CycleState, pod: PodInfo, node: str) -> str:
    """Run Unreserve of all plugins, the last one first; return what is said by those that raise."""
    faults = []
    for plugin in reversed(profile.points["reserve"]):
        if hasattr(plugin, "unreserve"):
            try:
                plugin.unreserve(state, pod, node)
            except Exception as reason:
                faults.append(f'running Unreserve plugin "{plugin.name}": {text_of(reason)}')
    return ", ".join(faults)


def permit(profile: Profile, state: CycleState, pod: PodInfo, node: str) -> tuple[Status, dict[str, int]]:
    """Run Permit; return the refusal, Wait or Success, and how many nanoseconds to wait for each that said Wait."""
    waits: dict[str, int] = {}
    for plugin in profile.points["permit"]:
        text = f'running Permit plugin "{plugin.name}"'
        try:
            answer = plugin.permit(state, pod, node)  # type: ignore[attr-defined]
        except Exception as reason:
            return error(f"{text}: {text_of(reason)}").of(plugin.name), {}
        seconds = 0.0
        if not isinstance(answer, Status) and isinstance(answer, tuple) and len(answer) == 2:
            answer, seconds = answer
        status = judged(plugin, answer, text)
        if status.code == Code.Wait:
            waits[plugin.name] = min(round(seconds * SECOND), MAX_PERMIT_TIMEOUT)
        elif not status.is_success:
            return status, {}
    return (Status(Code.Wait), waits) if waits else (SUCCESS, waits)


def pre_bind_pre_flight(
    profile: Profile, state: CycleState, pod: PodInfo, node: str
) -> tuple[Status, tuple[Plugin, ...]]:
    """Ask which PreBind plugins have something to do; a plugin that cannot be asked has.

    Returns Skip if none has, Success or an error, and the plugins.
    """
    busy = []
    for plugin in profile.points["preBind"]:
        if hasattr(plugin, "pre_bind_pre_flight"):
            status = call(plugin, "pre_bind_pre_flight", f'running PreBindPreFlight "{plugin.name}"', state, pod, node)
            if status.is_skip:
                continue
            if status.code == Code.Error:
                return status, ()
            if not status.is_success:
                text = "It is supposed to return Success, Skip, or Error status"
                what = f'PreBindPreFlight {plugin.name} returned "{status.code.name}", which is unsupported'
                return error(f"{what}. {text}"), ()
        busy.append(plugin)
    return SUCCESS if busy else SKIP, tuple(busy)


def pre_bind(plugin: Plugin, state: CycleState, pod: PodInfo, node: str) -> Status:
    """Run PreBind of one plugin; Wait means that it is not done yet."""
    return call(plugin, "pre_bind", f'running PreBind plugin "{plugin.name}"', state, pod, node)


def bind(extenders: Extenders, profile: Profile, state: CycleState, pod: PodInfo, node: str) -> tuple[Status, bool]:
    """Let an extender bind, or run Bind until a plugin does not skip.

    True if that one only agrees, so that the pod is yet to be bound.
    """
    bound = extenders.bind(pod, node)
    if bound is not None:
        return bound, False
    status = SKIP
    for plugin in profile.points["bind"]:
        status = call(plugin, "bind", f'running Bind plugin "{plugin.name}"', state, pod, node)
        if not status.is_skip:
            return status, plugin.in_memory
    return status, False


def post_bind(profile: Profile, state: CycleState, pod: PodInfo, node: str) -> None:
    """Run PostBind; raises PluginError for a plugin that raises, since there is no decision left to fail."""
    for plugin in profile.points["postBind"]:
        try:
            plugin.post_bind(state, pod, node)  # type: ignore[attr-defined]
        except Exception as reason:
            raise PluginError(plugin.name, "postBind", text_of(reason), pod.key, node) from reason


def refusal_of_one_node(status: Status) -> str:
    """Return the text of a refusal by a plugin that was asked about the chosen node alone."""
    return f"0/1 nodes are available: {', '.join(sorted(f'1 {reason}' for reason in status.reasons))}."


def call(plugin: Plugin, method: str, text: str, state: CycleState, pod: PodInfo, node: str) -> Status:
    """Call one plugin; what it raises is an error with ``text`` in front."""
    try:
        answer = getattr(plugin, method)(state, pod, node)
    except Exception as reason:
        return error(f"{text}: {text_of(reason)}")
    return judged(plugin, answer, text)


def judged(plugin: Plugin, answer: Any, text: str) -> Status:
    """Return the answer of a plugin with its name; an error gets ``text`` in front."""
    if not isinstance(answer, Status):
        return error(f"{text}: it returned no Status")
    if answer.code == Code.Error:
        return error(f"{text}: {answer.message}").of(plugin.name)
    return answer.of(plugin.name)


def text_of(reason: Exception) -> str:
    """Return what an exception says, or its type."""
    return str(reason) or type(reason).__name__
