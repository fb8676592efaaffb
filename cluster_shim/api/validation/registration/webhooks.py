"""Configurations of webhooks, validating and mutating."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import domain_paths, formats, labels, metadata, names, urls
from cluster_shim.api.validation.checks import NOTHING, Errors, Object, optional_one_of, refuse
from cluster_shim.api.validation.registration import matching
from cluster_shim.api.validation.rules import Rules

_VERSIONS = ("v1", "v1beta1")
_NO_SIDE_EFFECTS = ("None", "NoneOnDryRun")
_SIDE_EFFECTS = ("None", "NoneOnDryRun", "Some", "Unknown")
_REINVOCATION = ("IfNeeded", "Never")
_SELECTORS = ("namespaceSelector", "objectSelector")
_FORM = "; desired format: https://host[/path]"


@dataclass(frozen=True)
class _Options:
    """What is let pass since the older object has it already."""

    same_conditions: bool = False
    side_effects: bool = False
    unknown_versions: bool = False
    same_names: bool = False
    any_label_value: bool = False


def _options(new: Sequence[Object], old: Sequence[Object]) -> _Options:
    listed = [each.get("name", "") for each in old]
    return _Options(
        [each.get("matchConditions") or [] for each in new] == [each.get("matchConditions") or [] for each in old],
        any(each.get("sideEffects") not in _NO_SIDE_EFFECTS for each in old),
        any(not _is_recognised(each) for each in old if each.get("admissionReviewVersions")),
        len(set(listed)) < len(listed),
        any(_has_odd_selector(each) for each in old),
    )


def _is_recognised(hook: Object) -> bool:
    return any(each in _VERSIONS for each in hook["admissionReviewVersions"])


def _has_odd_selector(hook: Object) -> bool:
    return any(key in hook and not labels.is_usable(hook[key]) for key in _SELECTORS)


def _check(errors: Errors, configuration: Object, options: _Options, mutating: bool) -> None:
    metadata.generic(errors, configuration, False, names.dns_subdomain)
    seen = set()
    for index, hook in enumerate(configuration.get("webhooks") or ()):
        at = Path("webhooks").index(index)
        _webhook(errors, hook, at, options, mutating)
        _review_versions(errors, hook.get("admissionReviewVersions") or (), at, options)
        name = hook.get("name", "")
        if name and not options.same_names:
            if name in seen:
                errors.append(fields.duplicate(at.child("name"), name))
            seen.add(name)


def _webhook(errors: Errors, hook: Object, path: Path, options: _Options, mutating: bool) -> None:
    domain_paths.fully_qualified_name(errors, hook.get("name", ""), path.child("name"))
    for index, rule in enumerate(hook.get("rules") or ()):
        matching.rule(errors, rule, path.child("rules").index(index))
    optional_one_of(errors, hook, "failurePolicy", path, matching.FAILURE_POLICIES)
    optional_one_of(errors, hook, "matchPolicy", path, matching.MATCH_POLICIES)
    allowed = _SIDE_EFFECTS if options.side_effects else _NO_SIDE_EFFECTS
    if hook.get("sideEffects") is None:
        errors.append(fields.required(path.child("sideEffects"), f"must specify one of {', '.join(allowed)}"))
    else:
        optional_one_of(errors, hook, "sideEffects", path, allowed)
    seconds = hook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= 30:
        detail = "the timeout value must be between 1 and 30 seconds"
        errors.append(fields.invalid(path.child("timeoutSeconds"), seconds, detail))
    for key in _SELECTORS:
        labels.selector(errors, hook.get(key), path.child(key), options.any_label_value)
    if mutating:
        optional_one_of(errors, hook, "reinvocationPolicy", path, _REINVOCATION)
    _client(errors, hook.get("clientConfig") or NOTHING, path.child("clientConfig"))
    if not options.same_conditions:
        matching.conditions(errors, hook.get("matchConditions"), path.child("matchConditions"))


def _review_versions(errors: Errors, versions: Sequence[str], path: Path, options: _Options) -> None:
    at = path.child("admissionReviewVersions")
    if not versions:
        errors.append(fields.required(at, f"must specify one of {', '.join(_VERSIONS)}"))
        return
    seen = set()
    for index, each in enumerate(versions):
        if each in seen:
            errors.append(fields.invalid(at.index(index), each, "duplicate version"))
            continue
        seen.add(each)
        refuse(errors, at.index(index), each, formats.dns_1035_label(each))
    if not options.unknown_versions and seen.isdisjoint(_VERSIONS):
        errors.append(fields.invalid(at, versions, f"must include at least one of {', '.join(_VERSIONS)}"))


def _client(errors: Errors, client: Object, path: Path) -> None:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        errors.append(fields.required(path, "exactly one of url or service is required"))
    elif url is not None:
        webhook_url(errors, url, path.child("url"))
    elif service is not None:
        # Upstream hands name and namespace over in each other's place.
        swapped = {**service, "name": service.get("namespace"), "namespace": service.get("name")}
        webhook_service(errors, swapped, path.child("service"))


def webhook_url(errors: Errors, text: str, path: Path) -> None:
    """Check the URL of a webhook."""
    try:
        url = urls.parse(text)
    except urls.URLError as error:
        errors.append(fields.required(path, f"url must be a valid URL: {error}{_FORM}"))
        return
    if url.scheme != "https":
        errors.append(fields.invalid(path, url.scheme, f"'https' is the only allowed URL scheme{_FORM}"))
    if not url.host:
        errors.append(fields.invalid(path, "", f"host must be specified{_FORM}"))
    if url.user is not None:
        errors.append(fields.invalid(path, url.user, "user information is not permitted in the URL"))
    if url.fragment:
        errors.append(fields.invalid(path, url.fragment, "fragments are not permitted in the URL"))
    if url.query:
        errors.append(fields.invalid(path, url.query, "query parameters are not permitted in the URL"))


def webhook_service(errors: Errors, service: Object, path: Path) -> None:
    """Check the service that a webhook is reached by."""
    for key in ("name", "namespace"):
        if not service.get(key):
            errors.append(fields.required(path.child(key)))
    port = service.get("port") or 0
    if problems := formats.port_number(port):
        errors.append(fields.invalid(path.child("port"), port, f"port is not valid: {', '.join(problems)}"))
    url_path, at = service.get("path"), path.child("path")
    if url_path in (None, "", "/"):
        return
    assert isinstance(url_path, str)
    if url_path == "//":
        errors.append(fields.invalid(at, url_path, "segment[0] may not be empty"))
        return
    if not url_path.startswith("/"):
        errors.append(fields.invalid(at, url_path, "must start with a '/'"))
    for index, step in enumerate(url_path[1:].removesuffix("/").split("/")):
        if not step:
            errors.append(fields.invalid(at, url_path, f"segment[{index}] may not be empty"))
            continue
        problems = formats.dns_subdomain(step)
        refuse(errors, at, url_path, (f"segment[{index}]: {each}" for each in problems))


def _rules(mutating: bool) -> Rules:
    def create(errors: Errors, configuration: Object) -> None:
        _check(errors, configuration, _Options(), mutating)

    def update(errors: Errors, new: Object, old: Object) -> None:
        options = _options(new.get("webhooks") or (), old.get("webhooks") or ())
        _check(errors, new, options, mutating)

    return Rules(create, update)


VALIDATING = _rules(False)
MUTATING = _rules(True)
