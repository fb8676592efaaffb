"""Definitions: keeps the catalogue in step with the definitions in the store, and their status as it has to be.

The catalogue follows every change at once, whoever made it (with etcd, another server). Status is written, and objects
of definitions that are deleted are deleted, by whoever sees the change first; the others find nothing to do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import msgspec

from cluster_shim.api import errors
from cluster_shim.api.resources import Catalogue, Resource
from cluster_shim.apiserver.custom import status
from cluster_shim.apiserver.custom.resources import resources_of
from cluster_shim.apiserver.registry.own import Objects
from cluster_shim.storage.store import Event, Source

_log = logging.getLogger(__name__)

GROUP, NAME = "apiextensions.k8s.io", "customresourcedefinitions"
RETRY_SECONDS = 5.0
"""After which time objects with finalizers are looked at again, if nothing has been seen of them."""

_decode = msgspec.json.Decoder().decode


class Definitions:
    """The definitions of a server."""

    def __init__(self, objects: Objects, source: Source, catalogue: Catalogue, now: Callable[[], str]) -> None:
        self._objects = objects
        self._source = source
        self._catalogue = catalogue
        self._now = now
        self._served: dict[str, list[Resource]] = {}
        self._changed = asyncio.Event()
        self._end: Callable[[], None] | None = None

    def start(self) -> None:
        """Put the resources of all definitions into the catalogue, and follow what becomes of them."""
        own = self._catalogue.find(GROUP, "v1", NAME)
        assert own is not None
        self._end = self._source.subscribe(own.prefix, self._deliver)
        for entry in self._source.range(own.prefix).entries:
            self._serve(_decode(entry.value), entry.revision)
        self._changed.set()

    def stop(self) -> None:
        """Follow no more."""
        if self._end is not None:
            self._end()

    def _deliver(self, events: Sequence[Event]) -> None:
        for event in events:
            definition = _decode(event.entry.value)
            if event.is_delete:
                self._withdraw(definition["metadata"]["name"], [])
            else:
                self._serve(definition, event.entry.revision)
        self._changed.set()

    def _serve(self, definition: Mapping[str, Any], revision: int) -> None:
        name = definition["metadata"]["name"]
        before = self._served.get(name, [])
        for each in before:
            each.custom.is_terminating = status.is_terminating(definition)
        if not status.is_established(definition):
            self._withdraw(name, [])
            return
        if before and before[0].custom.definition["spec"] == definition["spec"]:
            accepted = before[0].custom.definition["status"]["acceptedNames"]
            if accepted == definition["status"]["acceptedNames"]:
                return
        resources = resources_of(definition, revision)
        for each in resources:
            each.custom.is_terminating = status.is_terminating(definition)
        self._withdraw(name, resources)
        for each in resources:
            self._catalogue.add(each)
        self._served[name] = resources

    def _withdraw(self, name: str, kept: Sequence[Resource]) -> None:
        paths = {(each.group, each.version, each.name) for each in kept}
        for each in self._served.pop(name, []):
            if (each.group, each.version, each.name) not in paths:
                self._catalogue.remove(each)

    # ------------------------------------------------------------------ what is written

    async def run(self) -> None:
        """Keep the status of definitions right, and finish their deletion, until cancelled."""
        while True:
            waits = await self.sync()
            try:
                await asyncio.wait_for(self._changed.wait(), RETRY_SECONDS if waits else None)
            except TimeoutError:
                continue
            self._changed.clear()

    async def sync(self) -> bool:
        """Do what is to be done now; tell whether there are objects left to wait for."""
        waits = False
        for each in list(self._objects.list(GROUP, NAME)):
            try:
                if each["metadata"].get("deletionTimestamp"):
                    waits |= not await self._clean_up(each)
                else:
                    await self._settle(each)
            except errors.APIError as error:  # it has changed meanwhile: that is a change to look at again
                _log.debug("definition %s: %s", each["metadata"]["name"], error)
        return waits

    async def _settle(self, definition: Mapping[str, Any]) -> None:
        group, name = definition["spec"]["group"], definition["metadata"]["name"]
        others = [
            each
            for each in self._objects.list(GROUP, NAME)
            if each["spec"]["group"] == group and each["metadata"]["name"] != name
        ]
        wanted = status.settled(definition, others, self._now())
        if wanted is not None:
            await self._objects.update(GROUP, NAME, deepcopy(wanted), "status")

    async def _clean_up(self, definition: Mapping[str, Any]) -> bool:
        """Delete the objects of a definition, and let it go when there are none; tell whether there are none."""
        if status.FINALIZER not in definition["metadata"].get("finalizers", ()):
            return True
        if not await self._empty(definition):
            return False
        gone = deepcopy(dict(definition))
        if status.is_established(definition):
            text = ("InstanceDeletionCompleted", "removed all instances")
        else:
            text = ("NeverEstablished", "resource was never established")
        status.set_terminating(gone, "False", *text, self._now())
        written = deepcopy(await self._objects.update(GROUP, NAME, gone, "status"))
        left = [each for each in written["metadata"].get("finalizers", ()) if each != status.FINALIZER]
        written["metadata"]["finalizers"] = left
        await self._objects.update(GROUP, NAME, written)
        return True

    async def _empty(self, definition: Mapping[str, Any]) -> bool:
        served = self._served.get(definition["metadata"]["name"])
        if not served:
            return True
        group, name = served[0].group, served[0].name
        for each in list(self._objects.list(group, name)):
            metadata = each["metadata"]
            if metadata.get("deletionTimestamp"):
                continue
            try:
                await self._objects.delete(group, name, metadata.get("namespace", ""), metadata["name"])
            except errors.APIError as error:
                _log.debug("%s.%s %s: %s", name, group, metadata["name"], error)
        return not any(True for _ in self._objects.list(group, name))
