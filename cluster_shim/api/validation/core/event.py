"""Events, of the core group and of events.k8s.io: the same thing under other names, stricter in the newer one."""

from __future__ import annotations

from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import Path, Shown
from cluster_shim.api.validation import formats, metadata, names
from cluster_shim.api.validation.checks import IS_IMMUTABLE, NOTHING, Errors, Object, refuse
from cluster_shim.api.validation.structs import dump

_NEWER_NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_LIMITS = (("reportingInstance", 128), ("action", 128), ("reason", 128))
_MAX_NOTE = 1024


def create(errors: Errors, event: Object) -> None:
    """Check a new event of the core group."""
    _common(errors, event, "reportingComponent")


def update(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of an event of the core group."""
    _common(errors, new, "reportingComponent")


def _older(event: Object) -> dict[str, Any]:
    """Return an event of events.k8s.io under the names of the core group, which errors speak of."""
    older = dict(event)
    for name, newer in _NEWER_NAMES.items():
        if newer in older:
            older[name] = older.pop(newer)
    return older


def create_newer(errors: Errors, event: Object) -> None:
    """Check a new event of events.k8s.io."""
    older = _older(event)
    _common(errors, older, "reportingController")
    metadata.create(errors, event, True, names.dns_subdomain)
    _series(errors, older)
    if not older.get("eventTime"):
        errors.append(fields.required(Path("eventTime")))
    kind = older.get("type", "")
    if kind not in ("Normal", "Warning"):
        errors.append(fields.invalid(Path("type"), "", f"has invalid value: {kind}"))
    for key in ("firstTimestamp", "lastTimestamp", "count", "source"):
        if older.get(key):
            errors.append(fields.invalid(Path(key), "", "needs to be unset"))


def _common(errors: Errors, event: Object, controller_name: str) -> None:
    namespace = (event.get("metadata") or NOTHING).get("namespace", "")
    about = (event.get("involvedObject") or NOTHING).get("namespace", "")
    at = Path("involvedObject").child("namespace")
    if not event.get("eventTime"):
        if namespace not in ("", "default") if not about else namespace != about:
            errors.append(fields.invalid(at, about, "does not match event.namespace"))
    else:
        if not about and namespace not in ("default", "kube-system"):
            errors.append(fields.invalid(at, about, "does not match event.namespace"))
        _reported(errors, event, controller_name)
    refuse(errors, Path("namespace"), namespace, formats.dns_subdomain(namespace))


def _reported(errors: Errors, event: Object, controller_name: str) -> None:
    controller = event.get("reportingComponent", "")
    if not controller:
        errors.append(fields.required(Path(controller_name)))
    refuse(errors, Path(controller_name), controller, formats.label_key(controller))
    for key, limit in _LIMITS:
        value = event.get(key, "")
        if not value:
            errors.append(fields.required(Path(key)))
        if formats.size(value) > limit:
            errors.append(fields.invalid(Path(key), "", f"can have at most {limit} characters"))
    if formats.size(event.get("message", "")) > _MAX_NOTE:
        errors.append(fields.invalid(Path("message"), "", f"can have at most {_MAX_NOTE} characters"))


def _series(errors: Errors, event: Object) -> None:
    series = event.get("series")
    if series is None:
        return
    if series.get("count", 0) < 2:
        errors.append(fields.invalid(Path("series.count"), "", "should be at least 2"))
    if not series.get("lastObservedTime"):
        errors.append(fields.required(Path("series.lastObservedTime")))


# Name in the core group, name in the error, struct or zero value.
_FIXED: tuple[tuple[str, str, Any], ...] = (
    ("involvedObject", "involvedObject", "ObjectReference"),
    ("reason", "reason", ""),
    ("message", "message", ""),
    ("source", "source", "EventSource"),
    ("firstTimestamp", "firstTimestamp", None),
    ("lastTimestamp", "lastTimestamp", None),
    ("count", "count", 0),
    ("reason", "reason", ""),
    ("type", "type", ""),
    ("eventTime", "eventTime", None),
    ("action", "action", ""),
    ("related", "related", "*ObjectReference"),
    ("reportingComponent", "reportingController", ""),
    ("reportingInstance", "reportingInstance", ""),
)


def update_newer(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of an event of events.k8s.io: only its series may change."""
    event, before = _older(new), _older(old)
    _common(errors, event, "reportingController")
    metadata.update(errors, new, old)
    if event.get("series") != before.get("series"):
        _series(errors, event)
    for key, name, kind in _FIXED:
        value, had = event.get(key), before.get(key)
        if (value or None) != (had or None):
            is_struct = isinstance(kind, str) and kind
            shown = dump(kind, value) if is_struct else value if value is not None else kind
            errors.append(fields.invalid(Path(name), shown if shown is not None else Shown("null"), IS_IMMUTABLE))
