"""Projected volumes: files from several sources in one directory, each path once."""

from __future__ import annotations

from collections.abc import Callable

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats, labels, paths, signers
from cluster_shim.api.validation.checks import Errors, Object, need, refuse
from cluster_shim.api.validation.core import downward
from cluster_shim.api.validation.core.pod_options import PodOptions
from cluster_shim.api.validation.structs import dump

_CONFLICT = "conflicting duplicate paths"
_KEY_TYPES = ("RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519")
_TEN_MINUTES = 600
_DAY = 24 * 3600


def projected(errors: Errors, volume: Object, path: Path, options: PodOptions) -> None:
    """Check a projected volume."""
    paths.mode(errors, volume.get("defaultMode"), path.child("defaultMode"))
    seen: set[str] = set()
    for index, source in enumerate(volume.get("sources") or ()):
        at, found = path.child("sources").index(index), 0
        for key, check in _SOURCES.items():
            if key in source:
                found += 1
                check(errors, source[key], seen, path, at.child(key), options)
        if found > 1:
            errors.append(fields.forbidden(at, "may not specify more than 1 volume type per source"))


def _once(errors: Errors, file: str, seen: set[str], path: Path, shown: str | None = None) -> None:
    if file in seen:
        errors.append(fields.invalid(path, file if shown is None else shown, _CONFLICT))
    seen.add(file)


def _keyed(errors: Errors, source: Object, seen: set[str], whole: Path, path: Path, options: PodOptions) -> None:
    need(errors, source, "name", path)
    for index, each in enumerate(source.get("items") or ()):
        downward.key_to_path(errors, each, path.child("items").index(index))
        if file := each.get("path"):
            _once(errors, file, seen, whole, source.get("name", ""))


def _downward_api(errors: Errors, source: Object, seen: set[str], whole: Path, path: Path, options: PodOptions) -> None:
    for each in source.get("items") or ():
        downward.file(errors, each, path)
        if file := each.get("path"):
            _once(errors, file, seen, whole)


def _token(errors: Errors, source: Object, seen: set[str], whole: Path, path: Path, options: PodOptions) -> None:
    seconds = source.get("expirationSeconds", 0)
    if seconds < _TEN_MINUTES:
        detail = "may not specify a duration less than 10 minutes"
        errors.append(fields.invalid(path.child("expirationSeconds"), seconds, detail))
    if seconds > 1 << 32:
        detail = "may not specify a duration larger than 2^32 seconds"
        errors.append(fields.invalid(path.child("expirationSeconds"), seconds, detail))
    if need(errors, source, "path", whole) and not options.any_token_path:
        paths.not_reserved(errors, source["path"], whole.child("path"))


def _trust_bundle(errors: Errors, source: Object, seen: set[str], whole: Path, path: Path, options: PodOptions) -> None:
    name, signer, selector = source.get("name"), source.get("signerName"), source.get("labelSelector")
    if name is not None and signer is not None:
        detail = "only one of name and signerName may be used"
        errors.append(fields.invalid(path, dump("ClusterTrustBundleProjection", source), detail))
    elif name is not None:
        if not name:
            errors.append(fields.required(path.child("name"), "must be a valid object name"))
        problems = signers.bundle_name(name, name.rpartition(":")[0].replace(":", "/"))
        refuse(errors, path.child("name"), name, [f"not a valid clustertrustbundlename: {each}" for each in problems])
        if selector is not None:
            detail = "labelSelector must be unset if name is specified"
            errors.append(fields.invalid(path.child("labelSelector"), dump("LabelSelector", selector), detail))
    elif signer is not None:
        if not signer:
            errors.append(fields.required(path.child("signerName"), "must be a valid signer name"))
        signers.signer_name(errors, signer, path.child("signerName"))
        labels.selector(errors, selector, path.child("labelSelector"))
    else:
        errors.append(fields.required(path, "either name or signerName must be specified"))
    need(errors, source, "path", path)
    paths.not_reserved(errors, source.get("path", ""), path.child("path"))
    _once(errors, source.get("path", ""), seen, whole)


def _certificate(errors: Errors, source: Object, seen: set[str], whole: Path, path: Path, options: PodOptions) -> None:
    signer, key_type, seconds = (
        source.get("signerName", ""),
        source.get("keyType", ""),
        source.get("maxExpirationSeconds"),
    )
    signers.signer_name(errors, signer, path.child("signerName"))
    if "userAnnotations" in source:
        _user_annotations(errors, source["userAnnotations"], path.child("userAnnotations"))
    if key_type not in _KEY_TYPES:
        errors.append(fields.not_supported(path.child("keyType"), key_type, _KEY_TYPES))
    if seconds is not None:
        at, most = path.child("maxExpirationSeconds"), _DAY if signers.is_of_kubernetes(signer) else 91 * _DAY
        if seconds < 3600:
            errors.append(fields.invalid(at, seconds, "if provided, maxExpirationSeconds must be >= 3600"))
        if seconds > most:
            errors.append(fields.invalid(at, seconds, f"if provided, maxExpirationSeconds must be <= {most}"))
    found = [key for key in ("credentialBundlePath", "keyPath", "certificateChainPath") if source.get(key)]
    for key in found:
        paths.not_reserved(errors, source[key], path.child(key))
        _once(errors, source[key], seen, whole)
    if not found:
        detail = "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"
        errors.append(fields.required(path, detail))


def _user_annotations(errors: Errors, annotations: Object, path: Path) -> None:
    total = 0
    for key, value in annotations.items():
        total += formats.size(key) + formats.size(value)
        lower = key.lower()
        if not lower:
            errors.append(fields.required(path))
        elif messages := formats.label_key(lower):
            refuse(errors, path, lower, messages)
        elif "/" not in lower:
            detail = 'must be a domain-prefixed key (such as "acme.io/foo")'
            errors.append(fields.invalid(path, lower, detail))
    if total > 256 << 10:
        errors.append(fields.too_long(path, 256 << 10))


_SOURCES: dict[str, Callable[[Errors, Object, set[str], Path, Path, PodOptions], None]] = {
    "secret": _keyed,
    "configMap": _keyed,
    "downwardAPI": _downward_api,
    "serviceAccountToken": _token,
    "clusterTrustBundle": _trust_bundle,
    "podCertificate": _certificate,
}
