"""Served: what webhooks need of the server, from its catalogue, its types and its expressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cluster_shim.api import errors
from cluster_shim.api.resources import Catalogue, GroupVersionKind, gvk_of
from cluster_shim.apiserver.admission.plugin import Attributes, Authorizer
from cluster_shim.apiserver.admission.policy.compiled import Compiled

Object = dict[str, Any]
_KEPT_MOST = 1024


class Served:
    """What the server lends to webhooks (serving.py has the contract)."""

    def __init__(self, catalogue: Catalogue, authorizer: Authorizer) -> None:
        self._catalogue = catalogue
        self._authorizer = authorizer
        self._compiled: dict[bytes, Compiled] = {}

    def convert(self, obj: Object | None, kind: GroupVersionKind) -> Object | None:
        """Return an object as another version of its kind; the object itself if it is that."""
        if obj is None or gvk_of(obj) == kind:
            return obj
        resource = self._catalogue.of_kind(kind)
        if resource is not None and resource.custom is not None:
            return {**obj, "apiVersion": kind.api_version}
        from cluster_shim.api.conversion import convert

        return convert(obj, kind)

    def reread(self, document: Any, kind: GroupVersionKind) -> Object:
        """Return a document as an object of its kind, with defaults. Raises APIError 500."""
        resource = self._catalogue.of_kind(kind)
        try:
            if resource is not None and resource.custom is not None:
                from cluster_shim.api import custom

                found, _ = custom.reread(resource, document)
                custom.default(resource, found)
                return found
            from cluster_shim.api import defaults
            from cluster_shim.api.codec import from_parsed

            read = from_parsed(document, kind).object
        except ValueError as error:
            raise errors.internal(str(error)) from None
        defaults.apply(kind, read)
        return read

    def matches_conditions(self, hook: Mapping[str, Any], attributes: Attributes) -> bool:
        """Tell whether a write meets a webhook's matchConditions. Raises APIError 403 if that cannot be found out."""
        listed = hook.get("matchConditions")
        if not listed:
            return True
        from cluster_shim.apiserver.admission.policy import conditions
        from cluster_shim.apiserver.admission.policy.activation import Activation, Failed

        activation = Activation(attributes, attributes.resource, None, {}, self._authorizer)
        try:
            return conditions.hold(activation, self._of(listed).conditions, hook.get("failurePolicy") == "Ignore")
        except Failed as error:
            resource = attributes.resource
            raise errors.forbidden(resource.name, attributes.name, str(error), resource.group) from None

    def _of(self, listed: list[Mapping[str, str]]) -> Compiled:
        key = msgspec.json.encode(listed)
        found = self._compiled.get(key)
        if found is None:
            if len(self._compiled) >= _KEPT_MOST:
                self._compiled.clear()
            found = self._compiled[key] = Compiled({"spec": {"matchConditions": listed}})
        return found
