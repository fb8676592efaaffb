"""Requests for certificates (certificates.k8s.io)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from cluster_shim.api import fields
from cluster_shim.api.validation import metadata, names, pem, signers
from cluster_shim.api.validation.checks import NOTHING, SPEC, STATUS, Errors, Object, unique
from cluster_shim.api.validation.rules import Rules
from cluster_shim.api.validation.structs import difference

_USAGES = (
    *("any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment"),
    *("decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel"),
    *("ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime"),
    *("server auth", "signing", "timestamping"),
)
_LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
_VERDICTS = ("Approved", "Denied")
_ALWAYS_TRUE = (*_VERDICTS, "Failed")
_TRUE = ("True",)
_STATUSES = ("False", "True", "Unknown")
_CONDITIONS = STATUS.child("conditions")
_CERTIFICATE = STATUS.child("certificate")
_SHORTEST = 600


@dataclass(frozen=True)
class _Options:
    """What is let pass, most of it since the older object has it already."""

    both_verdicts: bool = False
    legacy_signer: bool = False
    same_conditions: bool = False
    """Several conditions of one type."""
    nameless_conditions: bool = False
    any_certificate: bool = False
    same_usages: bool = False
    unknown_usages: bool = False


def _options(new: Object, old: Object) -> _Options:
    spec, status = old.get("spec") or NOTHING, old.get("status") or NOTHING
    kinds = [each.get("type", "") for each in status.get("conditions") or ()]
    usages = spec.get("usages") or ()
    before = status.get("certificate")
    return _Options(
        set(kinds) >= set(_VERDICTS),
        spec.get("signerName") == _LEGACY_SIGNER,
        len(set(kinds)) < len(kinds),
        "" in kinds,
        (new.get("status") or NOTHING).get("certificate") == before or bool(_certificate_problem(before)),
        len(set(usages)) < len(usages),
        not set(usages) <= set(_USAGES),
    )


def _request_problem(data: str | None) -> str:
    kind, _, content = next(pem.blocks(data), ("", False, b""))
    if kind != "CERTIFICATE REQUEST":
        return "PEM block type must be CERTIFICATE REQUEST"
    try:
        return "" if x509.load_der_x509_csr(content).is_signature_valid else "x509: verification failure"
    except (ValueError, UnsupportedAlgorithm):
        return "asn1: structure error: malformed certificate request"


def _certificate_problem(data: str | None) -> str:
    if not data:
        return ""
    blocks = list(pem.blocks(data))
    for kind, has_headers, content in blocks:
        if kind != "CERTIFICATE":
            return f"only CERTIFICATE PEM blocks are allowed, found {fields.quoted(kind)}"
        if has_headers:
            return "no PEM block headers are permitted"
        if not content:
            return "found CERTIFICATE PEM block containing 0 certificates"
        try:
            x509.load_der_x509_certificate(content)
        except ValueError:
            return "x509: malformed certificate"
    return "" if blocks else "must contain at least one CERTIFICATE PEM block"


def _check(errors: Errors, request: Object, options: _Options) -> None:
    metadata.create(errors, request, False, names.anything)
    spec, status = request.get("spec") or NOTHING, request.get("status") or NOTHING
    if problem := _request_problem(spec.get("request")):
        errors.append(fields.invalid(SPEC.child("request"), spec.get("request"), problem))
    _usages(errors, spec.get("usages") or (), options)
    signer, at = spec.get("signerName", ""), SPEC.child("signerName")
    if signer == _LEGACY_SIGNER and not options.legacy_signer:
        errors.append(fields.invalid(at, signer, "the legacy signerName is not allowed via this API version"))
    else:
        signers.signer_name(errors, signer, at)
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < _SHORTEST:
        detail = f"may not specify a duration less than {_SHORTEST} seconds (10 minutes)"
        errors.append(fields.invalid(SPEC.child("expirationSeconds"), seconds, detail))
    _check_conditions(errors, status.get("conditions") or (), options)
    if not options.any_certificate and (problem := _certificate_problem(status.get("certificate"))):
        errors.append(fields.invalid(_CERTIFICATE, "<certificate data>", problem))


def _usages(errors: Errors, usages: Sequence[str], options: _Options) -> None:
    at = SPEC.child("usages")
    if not usages:
        errors.append(fields.required(at))
    if not options.unknown_usages:
        for index, each in enumerate(usages):
            if each not in _USAGES:
                errors.append(fields.not_supported(at.index(index), each, _USAGES))
    if not options.same_usages:
        seen: set[str] = set()
        for index, each in enumerate(usages):
            unique(errors, each, seen, at.index(index))


def _check_conditions(errors: Errors, conditions: Sequence[Object], options: _Options) -> None:
    seen: set[str] = set()
    for index, each in enumerate(conditions):
        path, kind, status = _CONDITIONS.index(index), each.get("type", ""), each.get("status", "")
        if not kind and not options.nameless_conditions:
            errors.append(fields.required(path.child("type")))
        allowed = _TRUE if kind in _ALWAYS_TRUE else _STATUSES
        if not status:
            errors.append(fields.required(path.child("status")))
        elif status not in allowed:
            errors.append(fields.not_supported(path.child("status"), status, allowed))
        others = {verdict for verdict in _VERDICTS if verdict != kind}
        if kind in _VERDICTS and seen & others and not options.both_verdicts:
            detail = "Approved and Denied conditions are mutually exclusive"
            errors.append(fields.invalid(_CONDITIONS, kind, detail))
        if kind in seen and not options.same_conditions:
            errors.append(fields.duplicate(path.child("type"), kind))
        seen.add(kind)


def _update_with(errors: Errors, new: Object, old: Object, verdict: bool = False, certificate: bool = False) -> None:
    _check(errors, new, _options(new, old))
    status, before = new.get("status") or NOTHING, old.get("status") or NOTHING
    for kind in _ALWAYS_TRUE:
        if len(_of_type(status, kind)) < len(_of_type(before, kind)):
            _forbid(errors, "remove", kind)
    for kind in () if verdict else _VERDICTS:
        now, was = _of_type(status, kind), _of_type(before, kind)
        if len(now) > len(was):
            _forbid(errors, "add", kind)
        elif len(now) == len(was) and now != was:
            _forbid(errors, "modify", kind, difference("[]CertificateSigningRequestCondition", was, now))
    if (status.get("certificate") or "") != (before.get("certificate") or ""):
        if not certificate:
            errors.append(fields.forbidden(_CERTIFICATE, "updates may not set certificate content"))
        elif before.get("certificate"):
            errors.append(fields.forbidden(_CERTIFICATE, "updates may not modify existing certificate content"))
    metadata.update(errors, new, old)


def _of_type(status: Object, kind: str) -> list[Object]:
    return [each for each in status.get("conditions") or () if each.get("type") == kind]


def _forbid(errors: Errors, what: str, kind: str, lines: str | None = None) -> None:
    suffix = "" if lines is None else f"\n{lines}"
    detail = f'updates may not {what} a condition of type "{kind}"{suffix}'
    errors.append(fields.forbidden(_CONDITIONS, detail))


REQUEST = Rules(
    lambda errors, request: _check(errors, request, _Options()),
    lambda errors, new, old: _update_with(errors, new, old),
    {
        "status": lambda errors, new, old: _update_with(errors, new, old, certificate=True),
        "approval": lambda errors, new, old: _update_with(errors, new, old, verdict=True),
    },
)
