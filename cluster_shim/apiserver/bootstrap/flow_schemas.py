"""Tells in each FlowSchema whether the priority level that it names exists (condition Dangling).

Upstream: util/flowcontrol/apf_controller.go. The limit of requests in flight does not use either of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from cluster_shim.api import errors
from cluster_shim.api.fields import quoted
from cluster_shim.apiserver.bootstrap.wanted import FLOW_GROUP
from cluster_shim.apiserver.registry.own import Objects
from cluster_shim.storage.store import Event, Source

_log = logging.getLogger(__name__)

TYPE = "Dangling"


class FlowSchemas:
    """Keeps the conditions up to date while it runs."""

    def __init__(self, objects: Objects, source: Source, now: Callable[[], str]) -> None:
        self._objects = objects
        self._source = source
        self._now = now
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Keep up until cancelled."""

        def deliver(events: Sequence[Event]) -> None:
            self._changed.set()

        kinds = ("flowschemas", "prioritylevelconfigurations")
        ends = [self._source.subscribe(f"/registry/{kind}/", deliver) for kind in kinds]
        self._changed.set()
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                await self.sync()
        finally:
            for end in ends:
                end()

    async def sync(self) -> None:
        """Write the conditions that are not as they should be."""
        levels = {each["metadata"]["name"] for each in self._objects.list(FLOW_GROUP, "prioritylevelconfigurations")}
        for schema in list(self._objects.list(FLOW_GROUP, "flowschemas")):
            level = schema["spec"]["priorityLevelConfiguration"]["name"]
            updated = _with_condition(schema, level, level in levels, self._now())
            if updated is None:
                continue
            try:
                await self._objects.update(FLOW_GROUP, "flowschemas", updated, "status")
            except errors.APIError as error:  # it has changed meanwhile: that is a change to look at again
                _log.debug("condition of flow schema %s: %s", schema["metadata"]["name"], error)


def _with_condition(schema: dict[str, Any], level: str, exists: bool, now: str) -> dict[str, Any] | None:
    what = "and it exists" if exists else "but there is no such object"
    subject = f"This FlowSchema references the PriorityLevelConfiguration object named {quoted(level)}"
    condition = {
        "type": TYPE,
        "status": "False" if exists else "True",
        "lastTransitionTime": now,
        "reason": "Found" if exists else "NotFound",
        "message": f"{subject} {what}",
    }
    conditions = (schema.get("status") or {}).get("conditions") or []
    current: dict[str, Any] = next((each for each in conditions if each["type"] == TYPE), {})
    if {**current, "lastTransitionTime": now} == condition:
        return None
    others = [each for each in conditions if each["type"] != TYPE]
    return {**schema, "status": {**(schema.get("status") or {}), "conditions": [*others, condition]}}
