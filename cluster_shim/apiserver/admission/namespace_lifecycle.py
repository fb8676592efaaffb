"""NamespaceLifecycle: nothing is written into a namespace that is not there, nothing is created in one that goes.

Namespaces that the cluster needs cannot be deleted.
"""

from __future__ import annotations

from cluster_shim.api import errors
from cluster_shim.apiserver.admission.plugin import ANY, CREATE, DELETE, UPDATE, Attributes, Interest, Reader, forbidden

IMMORTAL = frozenset({"default", "kube-system", "kube-public"})
_REVIEWS = "localsubjectaccessreviews"


class NamespaceLifecycle:
    """The plugin."""

    name = "NamespaceLifecycle"
    interests = (Interest((CREATE, UPDATE), ANY, ANY, ANY), Interest((DELETE,), "", "namespaces", ANY))

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def admit(self, attributes: Attributes) -> None:
        """Refuse by the state of the namespace. Raises APIError."""
        resource = attributes.resource
        if attributes.operation == DELETE:
            if attributes.name in IMMORTAL:
                raise errors.forbidden(resource.name, attributes.name, "this namespace may not be deleted")
            return
        namespace = attributes.namespace
        if not namespace or not resource.namespaced or resource.name == _REVIEWS:
            return
        found = self._reader.get("", "namespaces", "", namespace)
        if found is None:
            raise errors.not_found("namespaces", namespace)
        if attributes.operation == CREATE and (found.get("status") or {}).get("phase") == "Terminating":
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            message = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise forbidden(attributes, message, [cause])
