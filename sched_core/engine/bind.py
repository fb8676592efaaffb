"""After a node was chosen, in memory: Reserve, Permit, PreBind, Bind, PostBind; all is undone where one says no.

Nothing waits here, so a plugin that answers Wait is refused by name; `sched_core.scheduler` lets pods wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sched_core.engine import points
from sched_core.engine.decision import Decision
from sched_core.errors import PluginError
from sched_core.extender import Extenders
from sched_core.framework.profile import Profile
from sched_core.framework.status import SUCCESS, Code, Status, error

if TYPE_CHECKING:
    from sched_core.engine.engine import Engine


def bind(engine: Engine, profile: Profile, decision: Decision) -> None:
    """Place a decided pod and run the points of the binding cycle; a refusal takes it back and fails the decision."""
    try:
        decision.placed_as = engine.place(decision.pod, decision.row)
    except PluginError as fault:
        decision.row, decision.status, decision.message = -1, error(str(fault)), str(fault)
        decision.fault = fault
        return
    status = _run(profile, engine.extenders, decision)
    if status.is_success:
        points.post_bind(profile, decision.state, decision.pod, decision.node or "")
        return
    status = _undone(profile, decision, decision.node or "", status)
    engine.cluster.remove_pod(decision.key)
    decision.placed_as, decision.row, decision.status = -1, -1, status
    decision.message = points.refusal_of_one_node(status) if status.is_rejected else status.message


def reserve(profile: Profile, decision: Decision, node: str) -> Status:
    """Run Reserve; the plugins take it back if one of them refuses."""
    status = points.reserve(profile, decision.state, decision.pod, node)
    return status if status.is_success else _undone(profile, decision, node, status)


def _run(profile: Profile, extenders: Extenders, decision: Decision) -> Status:
    about = (decision.state, decision.pod, decision.node or "")
    status = points.reserve(profile, *about)
    if not status.is_success:
        return status
    status, waits = points.permit(profile, *about)
    if waits:
        return error(f'running Permit plugin "{next(iter(waits))}": waiting is not supported without a queue')
    if not status.is_success:
        return status
    status, busy = points.pre_bind_pre_flight(profile, *about)
    if status.code == Code.Error:
        return status
    for plugin in busy:
        status = points.pre_bind(plugin, *about)
        if status.code == Code.Wait:
            return error(f'running PreBind plugin "{plugin.name}": waiting is not supported without a queue')
        if not status.is_success and not status.is_skip:
            return status
    status, _ = points.bind(extenders, profile, *about)
    return status if not status.is_skip else SUCCESS


def _undone(profile: Profile, decision: Decision, node: str, status: Status) -> Status:
    """Run Unreserve after a refusal; what goes wrong there makes an error of it."""
    faults = points.unreserve(profile, decision.state, decision.pod, node)
    return error(f"{status.message}, {faults}") if faults else status
