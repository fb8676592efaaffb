"""Patch: JSON patch, merge patch, strategic merge patch, server-side apply; of objects and of their subresources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from cluster_shim.api import errors, fields
from cluster_shim.api.codec import Unmarshalable, YAMLError, read_yaml
from cluster_shim.api.codec.scanner import Malformed, scan
from cluster_shim.api.codec.unmarshal import unmarshal_any
from cluster_shim.api.errors import APIError
from cluster_shim.api.fields import Path
from cluster_shim.api.patch import go, json_patch, merge_patch, strategic
from cluster_shim.api.patch.apply import decoded
from cluster_shim.api.patch.schema import of_type
from cluster_shim.api.resources import Resource
from cluster_shim.api.types import Type, type_of
from cluster_shim.apiserver import ownership
from cluster_shim.apiserver.handlers import body
from cluster_shim.apiserver.handlers.writing import as_update_options, write_of
from cluster_shim.apiserver.negotiation import negotiate
from cluster_shim.apiserver.options import WriteOptions, write_options
from cluster_shim.apiserver.registry import rules
from cluster_shim.apiserver.registry.registry import Document, Registry, Write
from cluster_shim.apiserver.registry.update import update
from cluster_shim.apiserver.rendering import entry_response
from cluster_shim.apiserver.request import Request, Response

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
BUILT_IN_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)
CUSTOM_TYPES = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)

_TO_JSON = "error converting YAML to JSON: "

Patched = Callable[[Document], tuple[Any, list[str]]]
"""Makes of the live object the patched one, and says what a strict reader has against the patch."""


async def patch(registry: Registry, resource: Resource, request: Request) -> Response:
    """Change the object of a path as the body says."""
    media_type = media_type_of(resource, request)
    output = negotiate(request.header("accept"), is_custom=resource.custom is not None)
    options = write_options(request, "PatchOptions", is_apply=media_type == APPLY_PATCH)
    info = request.info
    write = write_of(request, resource, options, info.name)
    write.options = as_update_options(options)
    write.may_create = lambda: registry.check_may_create(request)
    if media_type == APPLY_PATCH:
        write.force_create = True
        change = _apply(registry, resource, request, options, write)
    else:
        change = _patch(registry, resource, request, options, write, media_type)
    entry, is_new = await update(registry, write, change)
    return entry_response(request, resource, entry, output, 201 if is_new else 200)


def media_type_of(resource: Resource, request: Request) -> str:
    """Return which kind of patch a request's body is. Raises APIError 415."""
    media_type = request.header("content-type").split(";", 1)[0].strip()
    if resource.custom is not None:
        if media_type not in CUSTOM_TYPES:
            raise errors.unsupported_media_type(CUSTOM_TYPES)
    elif media_type not in BUILT_IN_TYPES:
        raise APIError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    return media_type


def _patch(
    registry: Registry, resource: Resource, request: Request, options: WriteOptions, write: Write, media_type: str
) -> Callable[[Document | None], Document]:
    patched = patched_by(resource, request, options, media_type)

    def change(old: Document | None) -> Document:
        if old is None:
            raise errors.not_found(resource.name, write.name, resource.group)
        new = patched(old)
        _check_spelling(registry, write, new, media_type == STRATEGIC_PATCH)
        ownership.track(registry, write, old, new)
        return new

    return change


def _check_spelling(registry: Registry, write: Write, new: Document, is_strategic: bool) -> None:
    """Refuse a patch of an object with a member that a patch spells anew, as upstream's does, if it was another way.

    Every patch leaves out white space, and a strategic merge patch sorts the keys.
    """
    resource = write.resource
    name = registry.strategy(resource).verbatim
    entry = registry.store.get(resource.key_of(write.namespace, write.name)) if name else None
    if entry is None or new.get(name) is None:
        return
    raw = msgspec.json.decode(entry.value, type=dict[str, msgspec.Raw]).get(name)
    if raw is None:
        return
    spelled = bytes(raw)
    value = msgspec.json.decode(spelled)
    spelled_anew = msgspec.json.format(spelled, indent=-1)
    if is_strategic and msgspec.json.encode(value) != msgspec.json.encode(value, order="sorted"):
        spelled_anew = b""
    if spelled != spelled_anew or value != new[name]:
        problem = fields.invalid(Path(name), new[name], "field is immutable")
        raise errors.invalid(resource.kind, new["metadata"].get("name", ""), [problem], resource.group)


def patched_by(
    resource: Resource, request: Request, options: WriteOptions, media_type: str
) -> Callable[[Document], Document]:
    """Return what makes of a live object what a request's patch makes of it."""
    patched = _PATCHES[media_type](resource, request, options)
    reread = rules.reread_merged if media_type == STRATEGIC_PATCH else rules.reread_patched
    info = request.info

    def change(old: Document) -> Document:
        document, complaints = patched(old)
        try:
            new, found = reread(resource, document)
            _complain(request, options, [*complaints, *found])
        except ValueError as error:
            shown = go.printed(_parsed(request, "", [])) if media_type == STRATEGIC_PATCH else document
            raise _unreadable(shown, str(error)) from None
        rules.default(resource, new)
        body.match_namespace(resource, info.namespace, new)
        body.match_name(info.name, info.namespace, new)
        return new

    return change


def _complain(request: Request, options: WriteOptions, complaints: list[str]) -> None:
    """Warn of what a strict reader has against a patch, or raise it as ValueError."""
    if complaints and options.field_validation == "Warn":
        request.warnings.extend(complaints)
    elif complaints and options.field_validation == "Strict":
        raise ValueError(f"strict decoding error: {', '.join(complaints)}")


def _unreadable(document: Any, detail: str) -> APIError:
    shown = document if isinstance(document, str) else msgspec.json.encode(document, order="sorted").decode()
    return errors.invalid("", "", [fields.invalid(Path("patch"), shown, detail)])


def _type_of(resource: Resource) -> Type:
    found = type_of(resource.gvk)
    if found is None:
        raise LookupError(f"{resource.kind} is no built-in kind")
    return found


def _json_patch(resource: Resource, request: Request, options: WriteOptions) -> Patched:
    repeated: list[str] = []
    value = _parsed(request, "error decoding patch: ", repeated)
    strict = options.field_validation != "Ignore"
    operations, unknown = json_patch.decode(request.body, value, strict)
    complaints = [*(f"json patch {each}" for each in repeated), *unknown]
    return lambda old: (json_patch.apply(old, operations), complaints)


def _merge_patch(resource: Resource, request: Request, options: WriteOptions) -> Patched:
    complaints: list[str] = []
    value = merge_patch.decoded(_parsed(request, "error decoding patch: ", complaints))
    return lambda old: (merge_patch.apply(old, value), complaints)


def _strategic_patch(resource: Resource, request: Request, options: WriteOptions) -> Patched:
    complaints: list[str] = []
    value = strategic.decoded(_parsed(request, "", complaints))
    node = of_type(_type_of(resource))

    def patched(old: Document) -> tuple[Any, list[str]]:
        return strategic.apply(old, value, node), complaints

    return patched


_PATCHES: dict[str, Callable[[Resource, Request, WriteOptions], Patched]] = {
    JSON_PATCH: _json_patch,
    MERGE_PATCH: _merge_patch,
    STRATEGIC_PATCH: _strategic_patch,
}


def _parsed(request: Request, prefix: str, complaints: list[str]) -> Any:
    """Return the body as JSON; adds duplicate fields to the complaints. Raises APIError 400."""
    try:
        value, found = unmarshal_any(scan(request.body))
    except (Malformed, Unmarshalable) as error:
        raise errors.bad_request(f"{prefix}{error}") from None
    complaints += found
    return value


def applied_by(request: Request) -> tuple[Any, str]:
    """Return the configuration that a request applies, and what a strict reader has against it. Raises APIError 400."""
    try:
        parsed, complaint = read_yaml(request.body)
        applied, _ = unmarshal_any(parsed)
    except (YAMLError, Unmarshalable) as error:
        raise errors.bad_request(f"error decoding YAML: {_TO_JSON}{error}") from None
    return decoded(applied), complaint


def _apply(
    registry: Registry, resource: Resource, request: Request, options: WriteOptions, write: Write
) -> Callable[[Document | None], Document]:
    applied, complaint = applied_by(request)

    def change(old: Document | None) -> Document:
        new = ownership.apply(registry, write, old, applied, bool(options.force))
        if complaint and options.field_validation == "Strict":
            raise errors.bad_request(f"error strict decoding YAML: {_TO_JSON}{complaint}")
        if complaint and options.field_validation == "Warn":
            request.warnings.append(complaint)
        body.match_namespace(resource, write.namespace, new)
        body.match_name(write.name, write.namespace, new)
        if old is None and new["metadata"].get("uid"):
            message = (
                f"uid mismatch: the provided object specified uid {new['metadata']['uid']}, "
                "and no existing object was found"
            )
            raise errors.conflict(resource.name, write.name, message, resource.group)
        rules.default(resource, new)
        return new

    return change
