"""Conversion between versions. Only the strategy None is supported: objects differ in nothing but apiVersion.

A definition with a webhook is validated like any other, and refused if nothing else is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from cluster_shim.api import fields
from cluster_shim.api.fields import FieldError, Path
from cluster_shim.api.validation import formats

REVIEW_VERSIONS = ("v1", "v1beta1")
_FORM = "; desired format: https://host[/path]"


def validate_conversion(path: Path, conversion: Mapping[str, Any] | None) -> list[FieldError]:
    """Return what is wrong with spec.conversion."""
    if conversion is None:
        return []
    strategy = conversion.get("strategy", "")
    errors: list[FieldError] = []
    if not strategy:
        errors.append(fields.required(path.child("strategy")))
    elif strategy not in ("None", "Webhook"):
        errors.append(fields.not_supported(path.child("strategy"), strategy, ("None", "Webhook")))
    webhook = conversion.get("webhook") or {}
    client, reviews = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or []
    at, at_reviews = path.child("webhookClientConfig"), path.child("conversionReviewVersions")
    if strategy != "Webhook":
        text = "should not be set when strategy is not set to Webhook"
        errors += [fields.forbidden(at, text)] if client is not None else []
        return errors + ([fields.forbidden(at_reviews, text)] if reviews else [])
    if client is None:
        errors.append(fields.required(at, "required when strategy is set to Webhook"))
    elif (client.get("url") is None) == (client.get("service") is None):
        errors.append(fields.required(at, "exactly one of url or service is required"))
    elif client.get("url") is not None:
        errors += _url(at.child("url"), client["url"])
    else:
        errors += _service(at.child("service"), client["service"])
    errors += _reviews(at_reviews, reviews)
    if not errors:
        text = "this server does not support conversion by webhooks"
        errors.append(fields.invalid(path.child("strategy"), strategy, text))
    return errors


def _url(path: Path, text: str) -> list[FieldError]:
    try:
        parts = urlsplit(text)
    except ValueError as error:
        return [fields.required(path, f"url must be a valid URL: {error}{_FORM}")]
    errors: list[FieldError] = []
    if parts.scheme != "https":
        errors.append(fields.invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}"))
    if not parts.netloc:
        errors.append(fields.invalid(path, parts.netloc, f"host must be specified{_FORM}"))
    if "@" in parts.netloc:
        user = parts.netloc.rpartition("@")[0]
        errors.append(fields.invalid(path, user, "user information is not permitted in the URL"))
    if parts.fragment:
        errors.append(fields.invalid(path, parts.fragment, "fragments are not permitted in the URL"))
    if parts.query:
        errors.append(fields.invalid(path, parts.query, "query parameters are not permitted in the URL"))
    return errors


def _service(path: Path, service: Mapping[str, Any]) -> list[FieldError]:
    # Upstream hands name and namespace to its check in the wrong order; the paths of its errors are swapped.
    errors = [
        fields.required(path.child(named))
        for named, held in (("name", "namespace"), ("namespace", "name"))
        if not service.get(held)
    ]
    port = service.get("port", 443)
    wrong = formats.port_number(port)
    if wrong:
        errors.append(fields.invalid(path.child("port"), port, f"port is not valid: {', '.join(wrong)}"))
    return errors + _path(path.child("path"), service.get("path"))


def _path(path: Path, text: str | None) -> list[FieldError]:
    if text in (None, "", "/"):
        return []
    assert text is not None
    if text == "//":
        return [fields.invalid(path, text, "segment[0] may not be empty")]
    errors = [] if text.startswith("/") else [fields.invalid(path, text, "must start with a '/'")]
    for index, step in enumerate(text[1:].removesuffix("/").split("/")):
        wrong = [f": {each}" for each in formats.dns_subdomain(step)] if step else [" may not be empty"]
        errors += [fields.invalid(path, text, f"segment[{index}]{each}") for each in wrong]
    return errors


def _reviews(path: Path, listed: Sequence[str]) -> list[FieldError]:
    if not listed:
        return [fields.required(path)]
    errors: list[FieldError] = []
    for index, each in enumerate(listed):
        if each in listed[:index]:
            errors.append(fields.invalid(path.index(index), each, "duplicate version"))
            continue
        errors += [fields.invalid(path.index(index), each, text) for text in formats.dns_1035_label(each)]
    if not any(each in REVIEW_VERSIONS for each in listed):
        text = f"must include at least one of {', '.join(REVIEW_VERSIONS)}"
        errors.append(fields.invalid(path, list(listed), text))
    return errors
