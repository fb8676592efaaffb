"""Rules: decoding, defaults and validation of an object, whether its kind is built in or custom."""

from __future__ import annotations

from typing import Any

from cluster_shim.api import codec, custom, defaults, validation
from cluster_shim.api.conversion.patched import from_patched
from cluster_shim.api.fields import FieldError
from cluster_shim.api.resources import GroupVersionKind, Resource

Document = dict[str, Any]


def decode(resource: Resource, gvk: GroupVersionKind, body: bytes, media_type: str) -> tuple[Document, list[str]]:
    """Return the object of a body, with what a strict decoder complains of. Raises APIError 400 and 415."""
    if resource.custom is not None and gvk == resource.gvk:
        return custom.decode(resource, body, media_type)
    found = codec.decode(body, media_type, gvk)
    return found.object, found.strict_errors


def reread(resource: Resource, document: Any) -> tuple[Document, list[str]]:
    """Return a patched object in the form of its type, with what a strict decoder complains of. Raises ValueError."""
    if resource.custom is not None:
        return custom.reread(resource, document)
    found = codec.from_parsed(document, resource.gvk)
    return found.object, found.strict_errors


def reread_patched(resource: Resource, document: Any) -> tuple[Document, list[str]]:
    """Do as `reread` for what a patch has made, which may say that it is of another version. Raises ValueError."""
    if resource.custom is not None:
        return custom.reread(resource, document)
    found = from_patched(document, resource.gvk)
    return found.object, found.strict_errors


def reread_merged(resource: Resource, document: Any) -> tuple[Document, list[str]]:
    """Do as `reread` for what a strategic merge patch has made. Raises ValueError."""
    found = codec.from_unstructured(document, resource.gvk)
    return found.object, found.strict_errors


def default(resource: Resource, document: Document) -> None:
    """Fill in defaults, in place."""
    if resource.custom is not None:
        custom.default(resource, document)
    else:
        defaults.apply(resource.gvk, document)


def validate_create(resource: Resource, document: Document) -> list[FieldError]:
    """Return what is wrong with a new object."""
    if resource.custom is not None:
        return custom.validate_create(resource, document)
    return validation.create(resource, document)


def validate_update(
    resource: Resource, new: Document, old: Document, subresource: str, warnings: list[str]
) -> list[FieldError]:
    """Return what is wrong with a changed object; what may stay as it was although it is wrong becomes a warning."""
    if resource.custom is not None:
        return custom.validate_update(resource, new, old, subresource, warnings)
    return validation.update(resource, new, old, subresource)


def warnings(resource: Resource, document: Document, old: Document | None, subresource: str = "") -> list[str]:
    """Return what is allowed and yet worth a warning (deprecated fields and the like)."""
    if resource.custom is not None:
        return custom.warnings(document, old)
    return validation.warnings(resource, document, old, subresource)
