"""The bind verb: an extender that binds pods takes the place of the Bind plugins."""

from __future__ import annotations

from collections.abc import Iterable

from sched_core.columns.classes import PodInfo
from sched_core.errors import ExtenderError
from sched_core.extender.client import ExtenderClient
from sched_core.extender.records import ExtenderBindingArgs, ExtenderBindingResult
from sched_core.extender.sent import pod_as_sent
from sched_core.framework.status import SUCCESS, Status, error


def ask_binding(clients: Iterable[ExtenderClient], pod: PodInfo, node: str) -> Status | None:
    """Let the first extender that binds pods bind this one; None if the Bind plugins are to do it."""
    for client in clients:
        if not client.config.bind_verb:
            continue
        try:
            _bind(client, pod, node)
        except ExtenderError as reason:
            if client.config.ignorable:
                continue
            return error(str(reason))
        return SUCCESS
    return None


def _bind(client: ExtenderClient, pod: PodInfo, node: str) -> None:
    metadata = pod_as_sent(pod).metadata
    question = ExtenderBindingArgs(metadata.name, metadata.namespace, metadata.uid, node)
    answer: ExtenderBindingResult = client.ask(client.config.bind_verb, question, ExtenderBindingResult)
    if answer.error:
        raise ExtenderError(answer.error)
