"""Body: from the bytes of a request to the object that is written, with what upstream checks on the way."""

from __future__ import annotations

from typing import Any

import msgspec

from cluster_shim.api import errors
from cluster_shim.api.resources import GroupVersionKind, Resource
from cluster_shim.apiserver.options import WriteOptions
from cluster_shim.apiserver.registry import rules
from cluster_shim.apiserver.registry.registry import WRONG_NAMESPACE
from cluster_shim.apiserver.request import Request

Document = dict[str, Any]


def decoded(request: Request, resource: Resource, gvk: GroupVersionKind, options: WriteOptions) -> Document:
    """Return the object of a request's body; unknown fields are refused, warned of or ignored. Raises APIError."""
    document, strict_errors = rules.decode(resource, gvk, request.body, media_type(request))
    complain(request, gvk, options, strict_errors)
    return document


def verbatim(request: Request, member: str) -> dict[str, msgspec.Raw]:
    """Return a member of a JSON body as it is spelled there; nothing without it, or if the body is something else."""
    if not member:
        return {}
    try:
        found = msgspec.json.decode(request.body.decode(), type=dict[str, msgspec.Raw])
    except (UnicodeDecodeError, msgspec.MsgspecError):
        return {}
    return {key: raw.copy() for key, raw in found.items() if key == member}


def media_type(request: Request) -> str:
    """Return in which media type a body says it is; JSON if it says nothing."""
    text = request.header("content-type")
    return text.split(";", 1)[0].strip().lower() if text else "application/json"


def complain(request: Request, gvk: GroupVersionKind, options: WriteOptions, strict_errors: list[str]) -> None:
    """Refuse an object for what a strict decoder found, or warn of it, as fieldValidation says."""
    if not strict_errors or options.field_validation == "Ignore":
        return
    if options.field_validation == "Warn":
        request.warnings.extend(strict_errors)
        return
    raise errors.bad_request(
        f'{gvk.kind} in version "{gvk.version}" cannot be handled as a {gvk.kind}: '
        f"strict decoding error: {', '.join(strict_errors)}"
    )


def match_namespace(resource: Resource, namespace: str, document: Document) -> None:
    """Give an object the namespace of its path. Raises APIError 400 if it has another."""
    metadata = document.setdefault("metadata", {})
    expected = namespace if resource.namespaced else ""
    found = metadata.get("namespace", "")
    if found == expected:
        return
    if not found:
        metadata["namespace"] = expected
    elif not expected:
        del metadata["namespace"]
    else:
        raise errors.bad_request(WRONG_NAMESPACE)


def match_name(name: str, namespace: str, document: Document) -> None:
    """Refuse an object with another name than that of its path."""
    metadata = document.get("metadata", {})
    found = metadata.get("name", "")
    if not found:
        raise errors.bad_request(
            f"the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )
    if found != name:
        raise errors.bad_request(f"the name of the object ({found}) does not match the name on the URL ({name})")
    if namespace and metadata.get("namespace") and metadata["namespace"] != namespace:
        raise errors.bad_request(
            f"the namespace of the object ({metadata['namespace']}) does not match the namespace on the request "
            f"({namespace})"
        )
