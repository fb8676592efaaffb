"""Options of a request: list and watch, create, update, patch, delete; from the query, checked as upstream does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cluster_shim.api import errors, fields, integers
from cluster_shim.api.fields import FieldError, Path
from cluster_shim.api.selectors import FieldTerm, field_terms, label_requirements
from cluster_shim.apiserver.request import Request

META_GROUP = "meta.k8s.io"
FIELD_MANAGER_MAX_BYTES = 128
EXACT, NOT_OLDER_THAN = "Exact", "NotOlderThan"
_INTEGER = re.compile(r"[+-]?[0-9]+")
_DURATION = re.compile(r"[+-]?(?:0|(?:(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:ns|us|µs|μs|ms|s|m|h))++)")


@dataclass(slots=True)
class ListOptions:
    """What a list, a watch or a deletecollection is asked for."""

    label_selector: str = ""
    field_terms: tuple[FieldTerm, ...] = ()
    resource_version: str = ""
    match: str = ""
    limit: int = 0
    continue_token: str = ""
    timeout_seconds: int = 0
    watch: bool = False
    bookmarks: bool = False
    send_initial_events: bool | None = None


@dataclass(slots=True)
class WriteOptions:
    """CreateOptions, UpdateOptions or PatchOptions."""

    kind: str
    dry_run: tuple[str, ...] = ()
    field_manager: str = ""
    field_validation: str = "Warn"
    said_validation: str = ""
    """What was said of it, if anything: admission sees that."""
    force: bool | None = None

    def document(self) -> dict[str, Any]:
        """Return the options as the object that admission sees."""
        document: dict[str, Any] = {"kind": self.kind, "apiVersion": f"{META_GROUP}/v1"}
        if self.dry_run:
            document["dryRun"] = list(self.dry_run)
        if self.force is not None:
            document["force"] = self.force
        if self.field_manager:
            document["fieldManager"] = self.field_manager
        if self.said_validation:
            document["fieldValidation"] = self.said_validation
        return document


@dataclass(slots=True)
class DeleteOptions:
    """What a delete is asked for; None where nothing was said."""

    grace_period_seconds: int | None = None
    propagation_policy: str | None = None
    orphan_dependents: bool | None = None
    uid: str | None = None
    resource_version: str | None = None
    dry_run: tuple[str, ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict)


def parse_int(text: str) -> int:
    """Return an integer of the query; raises APIError 400 in the words of Go's strconv."""
    try:
        return integers.parse_int(text)
    except integers.IntegerError as error:
        raise errors.bad_request(str(error)) from None


def parse_bool(text: str) -> bool:
    """Return a switch of the query: everything but ``false`` and ``0`` turns it on."""
    return text.lower() not in ("false", "0")


def check_timeout(request: Request) -> None:
    """Refuse a request whose timeout is no duration as Go writes it. Raises APIError 400."""
    text = request.param("timeout") if request.query else ""
    if text and not _DURATION.fullmatch(text):
        problem = "missing unit in" if _INTEGER.fullmatch(text) else "invalid"
        message = f"time: {problem} duration {fields.quoted(text)}"
        raise errors.bad_request(f"invalid timeout specified in the request URL - {message}")


def list_options(request: Request) -> ListOptions:
    """Return what a list or a watch is asked for. Raises APIError 400 and 422."""
    options = ListOptions()
    seen = set()
    for key, value in request.query:
        if key in seen:
            continue
        seen.add(key)
        match key:
            case "labelSelector":
                label_requirements(value)
                options.label_selector = value
            case "fieldSelector":
                options.field_terms = field_terms(value)
            case "resourceVersion":
                options.resource_version = value
            case "resourceVersionMatch":
                options.match = value
            case "limit":
                options.limit = parse_int(value)
            case "continue":
                options.continue_token = value
            case "timeoutSeconds":
                options.timeout_seconds = parse_int(value)
            case "watch":
                options.watch = parse_bool(value)
            case "allowWatchBookmarks":
                options.bookmarks = parse_bool(value)
            case "sendInitialEvents":
                options.send_initial_events = parse_bool(value)
    if request.info.verb == "watch":
        options.watch = True
    has_said = options.send_initial_events is not None or options.match
    if options.watch and not has_said and options.resource_version in ("", "0"):
        options.send_initial_events = True
        options.match = NOT_OLDER_THAN
    problems = _watch_problems(options) if options.watch else _list_problems(options)
    if problems:
        raise errors.invalid("ListOptions", "", problems, META_GROUP)
    return options


_MATCH = Path("resourceVersionMatch")
_INITIAL = Path("sendInitialEvents")


def _list_problems(options: ListOptions) -> list[FieldError]:
    found = []
    if options.match:
        if not options.resource_version:
            text = "resourceVersionMatch is forbidden unless resourceVersion is provided"
            found.append(fields.forbidden(_MATCH, text))
        if options.continue_token:
            found.append(fields.forbidden(_MATCH, "resourceVersionMatch is forbidden when continue is provided"))
        if options.match not in (EXACT, NOT_OLDER_THAN):
            found.append(fields.not_supported(_MATCH, options.match, (EXACT, NOT_OLDER_THAN, "")))
        if options.match == EXACT and options.resource_version == "0":
            text = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            found.append(fields.forbidden(_MATCH, text))
    if options.send_initial_events is not None:
        found.append(fields.forbidden(_INITIAL, "sendInitialEvents is forbidden for list"))
    return found


def _watch_problems(options: ListOptions) -> list[FieldError]:
    found = []
    if options.send_initial_events is not None and options.match != NOT_OLDER_THAN:
        text = f"sendInitialEvents requires setting resourceVersionMatch to {NOT_OLDER_THAN}"
        found.append(fields.forbidden(_MATCH, text))
    if options.match:
        if options.send_initial_events is None:
            text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            found.append(fields.forbidden(_MATCH, text))
        if options.match != NOT_OLDER_THAN:
            found.append(fields.not_supported(_MATCH, options.match, (NOT_OLDER_THAN,)))
        if options.continue_token:
            found.append(fields.forbidden(_MATCH, "resourceVersionMatch is forbidden when continue is provided"))
    return found


def write_options(request: Request, kind: str, is_apply: bool = False) -> WriteOptions:
    """Return the options of a write; kind is CreateOptions, UpdateOptions or PatchOptions. Raises APIError 422."""
    options = WriteOptions(kind)
    if not request.query and not is_apply:
        return options
    if request.query:
        options.dry_run = tuple(request.params("dryRun"))
        options.field_manager = request.param("fieldManager")
        options.said_validation = request.param("fieldValidation")
        if any(key == "force" for key, _ in request.query):
            options.force = parse_bool(request.param("force"))
    problems = _patch_problems(options, is_apply) if kind == "PatchOptions" else []
    problems += field_manager_problems(options.field_manager)
    problems += dry_run_problems(options.dry_run)
    validation = options.said_validation
    if validation not in ("", "Ignore", "Strict", "Warn"):
        problems.append(fields.not_supported(Path("fieldValidation"), validation, ("", "Ignore", "Strict", "Warn")))
    if problems:
        raise errors.invalid(kind, "", problems, META_GROUP)
    options.field_validation = validation or "Warn"
    return options


def _patch_problems(options: WriteOptions, is_apply: bool) -> list[FieldError]:
    if is_apply and not options.field_manager:
        return [fields.required(Path("fieldManager"), "is required for apply patch")]
    if not is_apply and options.force is not None:
        return [fields.forbidden(Path("force"), "may not be specified for non-apply patch")]
    return []


def dry_run_problems(values: tuple[str, ...]) -> list[FieldError]:
    """Return what is wrong with dryRun: only All may stand there."""
    if all(each == "All" for each in values):
        return []
    return [fields.not_supported(Path("dryRun"), list(values), ("All",))]


def field_manager_problems(manager: str) -> list[FieldError]:
    """Return what is wrong with the name of a field manager."""
    found = []
    path = Path("fieldManager")
    if len(manager.encode()) > FIELD_MANAGER_MAX_BYTES:
        found.append(fields.too_long(path, FIELD_MANAGER_MAX_BYTES))
    position = 0
    for character in manager:
        if not character.isprintable():
            detail = f"invalid character U+{ord(character):04X} (at position {position})"
            found.append(fields.invalid(path, manager, detail))
        position += len(character.encode())
    return found
