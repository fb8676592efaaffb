"""Keeps an APIService for each group and version that custom resources bring.

Upstream: controlplane/controller/crdregistration, kube-aggregator's autoregister.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from cluster_shim.api import errors
from cluster_shim.api.resources import Catalogue
from cluster_shim.apiserver.bootstrap import wanted
from cluster_shim.apiserver.bootstrap.start import ensure_all
from cluster_shim.apiserver.bootstrap.wanted import API_SERVICE_GROUP, MANAGED_LABEL
from cluster_shim.apiserver.registry.own import Objects
from cluster_shim.storage.store import Event, Source

_log = logging.getLogger(__name__)

DEFINITIONS = "/registry/apiextensions.k8s.io/customresourcedefinitions/"


class APIServices:
    """Keeps them in step with the catalogue while it runs."""

    def __init__(self, objects: Objects, source: Source, catalogue: Catalogue, now: Callable[[], str]) -> None:
        self._objects = objects
        self._source = source
        self._catalogue = catalogue
        self._now = now
        self._changed = asyncio.Event()
        self._seen = -1

    async def run(self) -> None:
        """Keep up until cancelled."""

        def deliver(events: Sequence[Event]) -> None:
            self._changed.set()

        end = self._source.subscribe(DEFINITIONS, deliver)
        self._changed.set()
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                await self.sync()
        finally:
            end()

    async def sync(self) -> None:
        """Write what is missing, delete what is no longer served; nothing if the catalogue is as it was."""
        changes = self._catalogue.changes
        if changes == self._seen:
            return
        found = [each for each in wanted.api_services(self._catalogue, self._now()) if _is_custom(each.object)]
        keep = wanted.names(found)
        try:
            for each in list(self._objects.list(API_SERVICE_GROUP, "apiservices")):
                name = each["metadata"]["name"]
                if _is_custom(each) and ("apiservices", name) not in keep:
                    await self._objects.delete(API_SERVICE_GROUP, "apiservices", "", name)
            await ensure_all(self._objects, found)
        except errors.APIError as error:  # another server does the same; what it leaves is done at the next change
            _log.warning("cannot keep up the APIServices of custom resources: %s", error)
        self._seen = changes


def _is_custom(api_service: wanted.Object) -> bool:
    return (api_service["metadata"].get("labels") or {}).get(MANAGED_LABEL) == "true"
