"""Pods and templates of pods: metadata, annotations with a meaning, spec; what holds at creation only."""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec

from cluster_shim.api import fields
from cluster_shim.api.fields import Path, quoted
from cluster_shim.api.validation import metadata, names, paths
from cluster_shim.api.validation.checks import METADATA, NOTHING, SPEC, Errors, Object
from cluster_shim.api.validation.core import affinity, containers
from cluster_shim.api.validation.core import pod_options as pods
from cluster_shim.api.validation.core.pod_options import NEW_POD, NEW_TEMPLATE, PodOptions
from cluster_shim.api.validation.core.pod_spec import pod_spec
from cluster_shim.api.validation.labels import labels

MIRROR = "kubernetes.io/config.mirror"
APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_TOLERATIONS = "scheduler.alpha.kubernetes.io/tolerations"
_SECCOMP_DEFAULTS = ("runtime/default", "docker/default")


_KNOWN_MAX, _KNOWN_MAX_BYTES = 4096, 16 << 10
_known: dict[bytes, None] = {}
"""Specs of new pods in which nothing was wrong: those of one template are all alike."""


def create(errors: Errors, pod: Object) -> None:
    """Check a new pod."""
    key = _alone(pod)
    if key is not None and key in _known:
        metadata.create(errors, pod, True, names.dns_subdomain)
        return
    _create(errors, pod)
    if key is not None and len(key) <= _KNOWN_MAX_BYTES and not errors:
        if len(_known) >= _KNOWN_MAX:
            _known.clear()
        _known[key] = None


def _alone(pod: Object) -> bytes | None:
    """Return what tells a spec from others, if the verdict on it depends on nothing else of the pod; else None."""
    if (pod["metadata"]).get("annotations"):
        return None
    encoded = msgspec.json.encode(pod["spec"])
    return None if b'"ephemeral"' in encoded or b'"resourceClaims"' in encoded else encoded


def _create(errors: Errors, pod: Object) -> None:
    metadata_and_spec(errors, pod, NEW_POD)
    spec, annotations = pod["spec"], (pod["metadata"]).get("annotations") or {}
    if spec.get("ephemeralContainers"):
        errors.append(fields.forbidden(SPEC.child("ephemeralContainers"), "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        detail = "cannot be set until all schedulingGates have been cleared"
        errors.append(fields.forbidden(SPEC.child("nodeName"), detail))
    _matching_profiles(errors, annotations, spec, SPEC)


def metadata_and_spec(errors: Errors, pod: Object, options: PodOptions) -> None:
    """Check what is checked of a pod at its creation and at each update."""
    metadata.create(errors, pod, True, names.dns_subdomain)
    spec, meta = pod["spec"], pod["metadata"]
    specific_annotations(errors, meta.get("annotations"), spec, METADATA.child("annotations"), options)
    pod_spec(errors, spec, meta, SPEC, options)
    if not spec.get("serviceAccountName"):
        _no_tokens(errors, spec)
    for key in ("containers", "initContainers"):
        for index, each in enumerate(spec.get(key) or ()):
            containers.trimmed_image(errors, each, SPEC.child(key).index(index))


def _no_tokens(errors: Errors, spec: Object) -> None:
    for index, volume in enumerate(spec.get("volumes") or ()):
        for number, source in enumerate((volume.get("projected") or NOTHING).get("sources") or ()):
            if "serviceAccountToken" in source:
                at = SPEC.child("volumes").index(index).child("projected", "sources").index(number)
                detail = "must not be specified when serviceAccountName is not set"
                errors.append(fields.forbidden(at.child("serviceAccountToken"), detail))


def template(errors: Errors, wanted: Object, path: Path, options: PodOptions = NEW_TEMPLATE) -> None:
    """Check a template of pods."""
    meta, spec = wanted.get("metadata") or NOTHING, wanted.get("spec") or NOTHING
    labels(errors, meta.get("labels"), path.child("labels"))
    metadata.check_annotations(errors, meta.get("annotations"), path.child("annotations"))
    specific_annotations(errors, meta.get("annotations"), spec, path.child("annotations"), options)
    at = path.child("spec")
    pod_spec(errors, spec, None, at, options)
    _matching_profiles(errors, meta.get("annotations") or {}, spec, at)
    if spec.get("ephemeralContainers"):
        detail = "ephemeral containers not allowed in pod template"
        errors.append(fields.forbidden(at.child("ephemeralContainers"), detail))


def template_options(old: Object | None) -> PodOptions:
    """Return what an older template excuses in its successor; nothing if there is none."""
    if old is None:
        return NEW_TEMPLATE
    return pods.for_update(old.get("spec") or NOTHING, old.get("metadata"))


def specific_annotations(
    errors: Errors, annotations: Mapping[str, str] | None, spec: Object, path: Path, options: PodOptions
) -> None:
    """Check the annotations that mean something in a pod."""
    if not annotations:
        return
    if MIRROR in annotations and not spec.get("nodeName"):
        detail = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(fields.invalid(path.key(MIRROR), annotations[MIRROR], detail))
    if annotations.get(_TOLERATIONS):
        _annotated_tolerations(errors, annotations[_TOLERATIONS], path, options)
    if not options.any_deletion_cost and not pods.is_deletion_cost(annotations):
        cost = annotations[pods.DELETION_COST]
        errors.append(fields.invalid(path.key(pods.DELETION_COST), cost, "must be a 32bit integer"))
    if SECCOMP_POD in annotations:
        _seccomp_annotation(errors, annotations[SECCOMP_POD], path.child(SECCOMP_POD))
    for key, value in annotations.items():
        if key.startswith(_SECCOMP_CONTAINER):
            _seccomp_annotation(errors, value, path.child(key))
    for key, value in annotations.items():
        if key.startswith(APP_ARMOR):
            _app_armor_annotation(errors, key, value, spec, path.key(key))


def _annotated_tolerations(errors: Errors, text: str, path: Path, options: PodOptions) -> None:
    try:
        found = json.loads(text)
    except ValueError as problem:
        errors.append(fields.invalid(path, _TOLERATIONS, str(problem)))
        return
    if isinstance(found, list):
        affinity.tolerations(errors, found, path.child(_TOLERATIONS), options)


def _seccomp_annotation(errors: Errors, profile: str, path: Path) -> None:
    if profile in _SECCOMP_DEFAULTS or profile == "unconfined":
        return
    if profile.startswith("localhost/"):
        paths.descending(errors, profile.removeprefix("localhost/"), path)
    else:
        errors.append(fields.invalid(path, profile, "must be a valid seccomp profile"))


def _app_armor_annotation(errors: Errors, key: str, profile: str, spec: Object, path: Path) -> None:
    name = key.removeprefix(APP_ARMOR)
    if all(each.get("name") != name for _, each in pods.containers(spec)):
        errors.append(fields.invalid(path, name, "container not found"))
    if profile not in ("", "runtime/default", "unconfined") and not profile.startswith("localhost/"):
        errors.append(fields.invalid(path, profile, f"invalid AppArmor profile name: {quoted(profile)}"))


def _matching_profiles(errors: Errors, annotations: Mapping[str, str], spec: Object, path: Path) -> None:
    """Demand that profiles in annotations, if there are, say the same as the fields."""
    if not annotations:
        return
    of_pod = spec.get("securityContext") or NOTHING
    if "seccompProfile" in of_pod and SECCOMP_POD in annotations:
        at = path.child("securityContext", "seccompProfile")
        _matching(errors, annotations[SECCOMP_POD], of_pod["seccompProfile"], at, "seccomp")
    for at, each in pods.containers(spec, path):
        own = each.get("securityContext") or NOTHING
        key = f"{_SECCOMP_CONTAINER}{each.get('name', '')}"
        if "seccompProfile" in own and key in annotations:
            of = at.child("securityContext", "seccompProfile")
            _matching(errors, annotations[key], own["seccompProfile"], of, "seccomp")
    if (spec.get("os") or NOTHING).get("name") == "windows":
        return
    for at, each in pods.containers(spec, path):
        own = each.get("securityContext") or NOTHING
        profile = own.get("appArmorProfile", of_pod.get("appArmorProfile"))
        key = f"{APP_ARMOR}{each.get('name', '')}"
        if profile is not None and key in annotations:
            of = at.child("securityContext", "appArmorProfile")
            _matching(errors, annotations[key], profile, of, "apparmor")


def _matching(errors: Errors, annotation: str, profile: Object, path: Path, what: str) -> None:
    kind = profile.get("type", "")
    defaults = _SECCOMP_DEFAULTS if what == "seccomp" else _SECCOMP_DEFAULTS[:1]
    expected = {"Unconfined": ("unconfined",), "RuntimeDefault": defaults}.get(kind)
    is_local = annotation.startswith("localhost/")
    if (expected is not None and annotation not in expected) or (kind == "Localhost" and not is_local):
        errors.append(fields.forbidden(path.child("type"), f"{what} type in annotation and field must match"))
    elif kind == "Localhost" and annotation.removeprefix("localhost/") != profile.get("localhostProfile"):
        detail = f"{what} profile in annotation and field must match"
        errors.append(fields.forbidden(path.child("localhostProfile"), detail))
