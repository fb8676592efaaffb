"""Custom resources: what a definition says of objects, done to them.

``decode`` and ``reread`` bring an object into form (metadata, pruning), ``default`` fills in defaults,
``validate_create`` and ``validate_update`` say what is wrong. Each takes a Resource whose `custom` is a CustomVersion.
Upstream: apiextensions-apiserver, pkg/apiserver/customresource_handler.go and registry/customresource/strategy.go.
"""

from __future__ import annotations

from typing import Any

import msgspec

from cluster_shim.api import fields
from cluster_shim.api.custom import defaulting, embedded, lists, prune, rules, scale, values
from cluster_shim.api.custom.correlate import Correlation
from cluster_shim.api.custom.failures import NO_PATH
from cluster_shim.api.custom.version import CustomVersion
from cluster_shim.api.errors import bad_request, internal
from cluster_shim.api.fields import ROOT, FieldError, Path
from cluster_shim.api.patch.go import json_kind
from cluster_shim.api.resources import Resource

__all__ = ["CustomVersion", "decode", "default", "reread", "stored", "validate_create", "validate_update", "warnings"]

Document = dict[str, Any]

_BLOCKING = frozenset(
    (
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    )
)
_STANDARD_FINALIZERS = frozenset(("kubernetes", "orphan", "foregroundDeletion"))
_NOT_CHECKED = FieldError(
    "FieldValueInvalid",
    NO_PATH,
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)


def decode(resource: Resource, body: bytes, media_type: str) -> tuple[Document, list[str]]:
    """Return the object of a body, with what a strict decoder complains of. Raises APIError 400 and 415."""
    from cluster_shim.api.codec import decode_any
    from cluster_shim.api.codec.document import unhandled

    found = decode_any(body, media_type, resource.gvk)
    document = found.object
    document["apiVersion"], document["kind"] = found.gvk.api_version, found.gvk.kind
    if document["apiVersion"] != resource.api_version:
        text = f"the API version in the data ({found.gvk.api_version}) does not match the expected API version"
        raise bad_request(f"{text} ({resource.api_version})")
    try:
        document, complaints = reread(resource, document)
    except ValueError as error:
        raise unhandled(found.gvk, resource.gvk, str(error)) from None
    return document, [*found.strict_errors, *complaints]


def reread(resource: Resource, document: Any) -> tuple[Document, list[str]]:
    """Return a document in the form of its type, with what a strict decoder complains of. Raises ValueError."""
    custom: CustomVersion = resource.custom
    _check_kind(document)
    complaints: list[str] = []
    metadata = document.get("metadata")
    if "metadata" in document:
        metadata, complaints = embedded.normalise_metadata(metadata, "metadata")
    if document.get("kind") != resource.kind:
        return {**document, "metadata": metadata or {}}, []  # validation refuses it
    unknown = prune.prune(document, custom.schema)
    prune.drop_nulls(document, custom.schema)
    complaints += [f"unknown field {fields.quoted(each)}" for each in unknown]
    if custom.has_embedded:
        error, more = embedded.coerce(document, custom.schema, ROOT)
        if error is not None:
            raise ValueError(error.message())
        complaints += more
    if metadata is not None:
        document["metadata"] = metadata
    return _integral(document), complaints


def _check_kind(document: Document) -> None:
    """Refuse a document that does not say what it is; a patch may have taken that away."""
    for name in ("apiVersion", "kind"):
        value = document.get(name)
        if not isinstance(value, str | None):
            wrong = f"json: cannot unmarshal {json_kind(value)} into Go struct field .{name} of type string"
            raise ValueError(f"couldn't get version/kind; json parse error: {wrong}")
    if not document.get("kind"):
        raise ValueError(f"Object 'Kind' is missing in '{msgspec.json.encode(document, order='sorted').decode()}'")
    if not document.get("apiVersion"):
        raise internal("Object 'apiVersion' is missing in 'object has no apiVersion field'")


def _integral(value: Any) -> Any:
    """Write whole numbers as integers, as Go does; where there are none, nothing is copied."""
    if isinstance(value, dict):
        for name, each in value.items():
            if isinstance(each, (dict, list)):
                _integral(each)
            elif isinstance(each, float) and each.is_integer() and abs(each) < 1 << 63:
                value[name] = int(each)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            if isinstance(each, (dict, list)):
                _integral(each)
            elif isinstance(each, float) and each.is_integer() and abs(each) < 1 << 63:
                value[index] = int(each)
    return value


def default(resource: Resource, document: Document) -> None:
    """Fill in defaults, in place."""
    custom: CustomVersion = resource.custom
    if custom.has_defaults:
        defaulting.apply(document, custom.schema)


def stored(resource: Resource, document: Document) -> Document:
    """Return a document from the store as this version of the resource shows it; it may be changed in place."""
    custom: CustomVersion = resource.custom
    document["apiVersion"] = resource.api_version
    prune.prune(document, custom.schema)
    prune.drop_nulls(document, custom.schema)
    default(resource, document)
    return document


def validate_create(resource: Resource, document: Document) -> list[FieldError]:
    """Return what is wrong with a new object."""
    from cluster_shim.api.validation import metadata, names

    custom: CustomVersion = resource.custom
    errors = _type_meta(resource, document)
    if not errors:
        metadata.generic(errors, document, resource.namespaced, names.dns_subdomain)
        errors += values.validate(None, document, custom.schema)
        errors += scale.validate(custom.scale, document)
    errors += _structure(custom, document)
    errors += _unique(custom, document)
    errors += _rules(custom, document, None, errors)
    return errors


def validate_update(
    resource: Resource, new: Document, old: Document, subresource: str = "", warnings: list[str] | None = None
) -> list[FieldError]:
    """Return what is wrong with a changed object; what was wrong before, and has not changed, may stay."""
    from cluster_shim.api.validation import metadata

    custom: CustomVersion = resource.custom
    errors: list[FieldError] = []
    metadata.common(errors, new, old, resource.namespaced)
    correlation = Correlation(new, old, custom.schema)
    wrong_type = _type_meta(resource, new)
    if wrong_type:
        errors += wrong_type
    else:
        metadata.generic_update(errors, new, old)
        errors += _values_of_update(custom, new, correlation, subresource)
        errors += scale.validate(custom.scale, new, with_spec=subresource != "status")
    if subresource != "status":
        errors += _structure(custom, new)
    if custom.has_unique_lists and not _unique(custom, old):
        errors += _unique(custom, new)
    errors += _rules(custom, new, old, errors, correlation, warnings)
    return errors


def warnings(new: Document, old: Document | None) -> list[str]:
    """Return warnings about names of new finalizers that may clash with those of others."""
    from cluster_shim.api.validation import formats

    before = set((old or {}).get("metadata", {}).get("finalizers") or ())
    found: list[str] = []
    for each in sorted(set(new["metadata"].get("finalizers") or ()) - before):
        at = f"metadata.finalizers: {fields.quoted(each)}"
        found += [f"{at}: {text}" for text in formats.label_key(each)]
        if "/" not in each and each not in _STANDARD_FINALIZERS:
            path = " including a path (/)" if "." in each else ""
            clash = "to avoid accidental conflicts with other finalizer writers"
            found.append(f"{at}: prefer a domain-qualified finalizer name{path} {clash}")
    return found


def _type_meta(resource: Resource, document: Document) -> list[FieldError]:
    wanted = {"kind": resource.kind, "apiVersion": resource.api_version}
    return [
        fields.invalid(Path(name), document.get(name, ""), f"must be {value}")
        for name, value in wanted.items()
        if document.get(name) != value
    ]


def _values_of_update(
    custom: CustomVersion, new: Document, correlation: Correlation, subresource: str
) -> list[FieldError]:
    if subresource != "status":
        return values.validate(None, new, custom.schema, correlation)
    status = custom.schema.properties.get("status")
    if "status" not in new or status is None:
        return []
    return values.validate(Path("status"), new["status"], status, correlation.member("status"))


def _structure(custom: CustomVersion, document: Document) -> list[FieldError]:
    return embedded.validate(document, custom.schema, ROOT) if custom.has_embedded else []


def _unique(custom: CustomVersion, document: Document) -> list[FieldError]:
    return lists.validate(ROOT, document, custom.schema) if custom.has_unique_lists else []


def _rules(
    custom: CustomVersion,
    new: Document,
    old: Document | None,
    before: list[FieldError],
    correlation: Correlation | None = None,
    warnings: list[str] | None = None,
) -> list[FieldError]:
    if custom.rules is None:
        return []
    if any(each.reason in _BLOCKING for each in before):
        return [_NOT_CHECKED]
    return rules.validate(ROOT, new, custom.rules, old, correlation, warnings)
