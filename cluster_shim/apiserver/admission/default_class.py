"""DefaultStorageClass and DefaultIngressClass: who names no class gets the newest that is marked as the default."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cluster_shim.apiserver.admission.plugin import CREATE, Attributes, Interest, Reader

_STORAGE_MARKS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
_INGRESS_MARKS = ("ingressclass.kubernetes.io/is-default-class",)
_STORAGE_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_INGRESS_ANNOTATION = "kubernetes.io/ingress.class"


class DefaultStorageClass:
    """The plugin for claims."""

    name = "DefaultStorageClass"
    interests = (Interest((CREATE,), "", "persistentvolumeclaims"),)

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def admit(self, attributes: Attributes) -> None:
        """Set storageClassName."""
        classes = self._reader.list("storage.k8s.io", "storageclasses")
        _set(attributes.new, "storageClassName", _STORAGE_ANNOTATION, classes, _STORAGE_MARKS)


class DefaultIngressClass:
    """The plugin for ingresses."""

    name = "DefaultIngressClass"
    interests = (Interest((CREATE,), "networking.k8s.io", "ingresses"),)

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def admit(self, attributes: Attributes) -> None:
        """Set ingressClassName."""
        classes = self._reader.list("networking.k8s.io", "ingressclasses")
        _set(attributes.new, "ingressClassName", _INGRESS_ANNOTATION, classes, _INGRESS_MARKS)


def _set(
    obj: dict[str, Any], member: str, annotation: str, classes: Iterable[dict[str, Any]], marks: tuple[str, ...]
) -> None:
    if member in obj["spec"] or annotation in (obj["metadata"].get("annotations") or {}):
        return
    defaults = [each["metadata"] for each in classes if _marked(each, marks)]
    if defaults:
        newest = max(each["creationTimestamp"] for each in defaults)
        obj["spec"][member] = min(each["name"] for each in defaults if each["creationTimestamp"] == newest)


def _marked(obj: dict[str, Any], marks: tuple[str, ...]) -> bool:
    annotations = obj["metadata"].get("annotations") or {}
    return any(annotations.get(mark) == "true" for mark in marks)
