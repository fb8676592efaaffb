"""Decoded documents and what a server says of those that it cannot take: kinds, versions, the words around an error.

Upstream: the decode of apiserver's create and update handlers (transformDecodeError), runtime's registry errors.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from cluster_shim.api import errors
from cluster_shim.api.codec.unmarshal import members, word_of
from cluster_shim.api.errors import APIError
from cluster_shim.api.fields import quoted
from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.api.types import EVERYWHERE, package_of_group, type_of

_META = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
_NO_KIND = "couldn't get version/kind; json parse error: "
_YAML = "yaml: unmarshal errors:"
_SUMMARY_BYTES = 30

# Where upstream makes the registry of each part of the server; errors name the place.
_SCHEMES = {
    "apiextensions.k8s.io": "k8s.io/apiextensions-apiserver/pkg/apiserver/apiserver.go:55",
    "apiregistration.k8s.io": "k8s.io/kube-aggregator/pkg/apiserver/scheme/scheme.go:28",
}
_SCHEME = "pkg/api/legacyscheme/scheme.go:30"

# Kinds that are the same in every group and version.
_UNVERSIONED = frozenset(("APIGroup", "APIGroupList", "APIResourceList", "APIVersions", "Status"))

# Kinds that upstream keeps as another group's.
_INTERNAL = {GroupVersionKind("events.k8s.io", "v1", "Event"): "core.Event"}

# Kinds that are taken in another version than that of the path.
_ACCEPTED = {GroupVersionKind("policy", "v1beta1", "Eviction"): GroupVersionKind("policy", "v1", "Eviction")}


class Decoded(NamedTuple):
    """A body that was understood."""

    object: dict[str, Any]
    """Normalised, with apiVersion and kind."""
    gvk: GroupVersionKind
    """What the body says that it is; what it leaves out is what the path demands."""
    strict_errors: list[str]
    """``unknown field "spec.x"``, ``duplicate field "a"``, in the order of upstream."""

    @property
    def warnings(self) -> list[str]:
        """Return the strict errors as warnings: a complaint about YAML in lines of its own."""
        lines = (line.strip() for each in self.strict_errors for line in each.removeprefix(_YAML).split("\n"))
        return list(dict.fromkeys(line for line in lines if line))

    @property
    def strict_message(self) -> str:
        """Return the strict errors as one error."""
        return f"strict decoding error: {', '.join(self.strict_errors)}"


class Unreadable(ValueError):
    """A body of which not even kind and version can be found."""


def interpret(document: Any) -> GroupVersionKind:
    """Return what a document says that it is. Raise Unreadable."""
    if document is None:
        return GroupVersionKind("", "", "")
    found_members = members(document)
    if found_members is None:
        raise Unreadable(f"{_NO_KIND}json: cannot unmarshal {word_of(document)} into Go value of type {_META}")
    found = {"apiversion": "", "kind": ""}
    for name, value in found_members:
        if name.lower() not in found or value is None:
            continue
        if value.__class__ is not str:
            shown = "apiVersion" if name.lower() == "apiversion" else "kind"
            raise Unreadable(
                f"{_NO_KIND}json: cannot unmarshal {word_of(value)} into Go struct field .{shown} of type string"
            )
        found[name.lower()] = value
    return GroupVersionKind(*parse_group_version(found["apiversion"]), found["kind"])


def malformed(message: str) -> Unreadable:
    """Return the error for what is no JSON."""
    return Unreadable(f"{_NO_KIND}{message}")


def parse_group_version(text: str) -> tuple[str, str]:
    """Return group and version of an apiVersion. Raise Unreadable."""
    if text.count("/") > 1:
        raise Unreadable(f"unexpected GroupVersion string: {text}")
    group, _, version = text.rpartition("/")
    return group, version


def with_defaults(gvk: GroupVersionKind, expected: GroupVersionKind) -> GroupVersionKind:
    """Fill in what a document does not say."""
    group, version, kind = gvk
    kind = kind or expected.kind
    if not version and group in ("", expected.group):
        group, version = expected.group, expected.version
    return GroupVersionKind(group, version, kind)


def registered(gvk: GroupVersionKind, expected: GroupVersionKind) -> bool:
    """Say whether the part of the server that serves one kind knows another."""
    if gvk.kind in _UNVERSIONED:
        return True
    if gvk.group == "meta.k8s.io" or (type_of(gvk) is None and gvk not in _old_versions()):
        return False
    if gvk.kind in EVERYWHERE and gvk.api_version == "v1":
        return True
    return expected.group == gvk.group or (expected.group not in _SCHEMES and gvk.group not in _SCHEMES)


def check_registered(gvk: GroupVersionKind, expected: GroupVersionKind, body: bytes) -> None:
    """Raise the error for a document of a version that is not said, or of a kind that nobody knows."""
    if not gvk.version:
        shown = body.decode("utf-8", "replace")
        raise unhandled(gvk, expected, f"Object 'apiVersion' is missing in '{shown}'")
    if not registered(gvk, expected):
        raise unhandled(gvk, expected, not_registered(gvk, expected))


def not_registered(gvk: GroupVersionKind, expected: GroupVersionKind) -> str:
    """Return what is said of a kind that nobody knows."""
    scheme = _SCHEMES.get(expected.group, _SCHEME)
    return f"no kind {quoted(gvk.kind)} is registered for version {quoted(gvk.api_version)} in scheme {quoted(scheme)}"


def check_kind(gvk: GroupVersionKind, expected: GroupVersionKind) -> None:
    """Raise the error for a document that is not of the kind and version that the path demands."""
    if expected not in (gvk, _ACCEPTED.get(gvk)):
        raise other_kind(gvk, expected)


def other_kind(gvk: GroupVersionKind, expected: GroupVersionKind) -> APIError:
    """Return 400 for a document of another kind, or of another version of the kind, than the path demands."""
    if internal_name(gvk) != internal_name(expected):
        return unhandled(gvk, expected, no_conversion(gvk, expected))
    return errors.bad_request(
        f"the API version in the data ({gvk.api_version}) does not match the expected API version "
        f"({expected.api_version})"
    )


def no_conversion(gvk: GroupVersionKind, expected: GroupVersionKind) -> str:
    """Return what is said of a kind that is not the one that the path demands."""
    found = type_of(gvk)
    name = found.name if found else f"{gvk.version}.{gvk.kind}"
    return f"converting ({name}) to ({internal_name(expected)}): unknown conversion"


def internal_name(gvk: GroupVersionKind) -> str:
    """Return what Go calls the type that all versions of a kind are converted to: ``core.Pod``."""
    package = _old_versions().get(gvk) or package_of_group(gvk.group)
    return _INTERNAL.get(gvk) or f"{package}.{gvk.kind}"


@cache
def _old_versions() -> dict[GroupVersionKind, str]:
    """Return the kinds that upstream still knows in versions that are not served, with their internal packages."""
    rows = msgspec.json.decode((files(__package__) / "tables" / "old_versions.json").read_bytes())
    return {
        GroupVersionKind(*parse_group_version(api_version), kind): package
        for api_version, packages in rows.items()
        for package, its_kinds in packages.items()
        for kind in its_kinds
    }


def unhandled(gvk: GroupVersionKind, expected: GroupVersionKind, message: str) -> APIError:
    """Return 400 for a body whose kind is known and which cannot be taken."""
    return errors.bad_request(
        f"{gvk.kind} in version {quoted(gvk.version)} cannot be handled as a {expected.kind}: {message}"
    )


def unrecognized(expected: GroupVersionKind, message: str, body: bytes) -> APIError:
    """Return 400 for a body whose kind cannot be found out."""
    return errors.bad_request(
        f"the object provided is unrecognized (must be of type {expected.kind}): {message} ({_summary(body)})"
    )


def _summary(body: bytes) -> str:
    if not body:
        return "<empty>"
    start = body[:_SUMMARY_BYTES]
    shown = start.decode("utf-8", "replace") if body.startswith(b"{") else start.hex()
    return f"{shown} ..." if len(body) > _SUMMARY_BYTES else shown
