"""SignedAnswers: what filters and scores with a signature say of all nodes, kept until a node object changes.

A signature has all that the plugin reads of a pod, and what it says depends on no placement: the cycle asks once for
each. PreFilter and PreScore run for every pod all the same, since other points may read what they leave.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from sched_core.columns.classes import PodInfo
from sched_core.columns.nodes import NodeColumns
from sched_core.engine.program import is_signed
from sched_core.framework.plugin import Plugin

KEPT_BYTES = 64 << 20
"""Answers are forgotten, all at once, when they take more than this."""
PASSES = object()
"""Kept for verdicts that refuse no node."""
_BYTES_A_NODE = 8


class SignedAnswers:
    """The answers of the plugins of one profile."""

    def __init__(self, nodes: NodeColumns) -> None:
        self._nodes, self._version = nodes, -1
        self._answers: dict[Hashable, Any] = {}

    def key(self, plugin: Plugin, method: str, pod: PodInfo) -> Hashable | None:
        """Return what the answer of a plugin is kept under, None if it is not kept."""
        if not is_signed(plugin):
            return None
        try:
            key = (plugin.name, method, plugin.sign_pod(pod))  # type: ignore[attr-defined]
            hash(key)
        except Exception:  # the plugin answers, or says itself what is wrong
            return None
        return key

    def get(self, key: Hashable | None) -> Any:
        """Return a kept answer, None if there is none."""
        if self._version != self._nodes.object_version:
            self._version = self._nodes.object_version
            self._answers.clear()
        return self._answers.get(key)

    def keep(self, key: Hashable, answer: Any) -> None:
        """Keep an answer; it must not be written to."""
        if len(self._answers) * self._nodes.count * _BYTES_A_NODE > KEPT_BYTES:
            self._answers.clear()
        self._answers[key] = answer
