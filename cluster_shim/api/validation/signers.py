"""Names of signers of certificates, and of the trust bundles that belong to them."""

from __future__ import annotations

from cluster_shim.api import fields
from cluster_shim.api.fields import Path, quoted
from cluster_shim.api.validation import formats
from cluster_shim.api.validation.checks import Errors, refuse
from cluster_shim.api.validation.formats import Messages


def is_of_kubernetes(name: str) -> bool:
    """Return whether a signer is one of Kubernetes itself."""
    host = name.partition("/")[0]
    return host == "kubernetes.io" or host.endswith(".kubernetes.io")


def signer_name(errors: Errors, name: str, path: Path) -> None:
    """Check the name of a signer: ``example.com/signer-name``."""
    if not name:
        errors.append(fields.required(path))
        return
    domain, slash, rest = name.partition("/")
    if not slash or "/" in rest:
        detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        errors.append(fields.invalid(path, name, detail))
        return
    if formats.size(domain) > 253:
        errors.append(fields.too_long(path, 253))
    _labels(errors, domain, path, formats.dns_label)
    if "." not in domain:
        detail = "should be a domain with at least two segments separated by dots"
        errors.append(fields.invalid(path, domain, detail))
    _labels(errors, rest, path, formats.dns_subdomain)
    if formats.size(name) > 253 + 253 + 63 + 1 + 1:
        errors.append(fields.too_long(path, 571))


def _labels(errors: Errors, text: str, path: Path, check: formats.Format) -> None:
    for label in text.split("."):
        if messages := check(label):
            refuse(errors, path, text, [f"validating label {quoted(label)}: {each}" for each in messages])
            return


def bundle_name(name: str, signer: str, prefix: bool = False) -> Messages:
    """Check the name of a ClusterTrustBundle: it begins with that of its signer."""
    if not signer:
        if ":" in name:
            return ('ClusterTrustBundle without signer name must not have ":" in its name',)
        return formats.dns_subdomain(name)
    wanted = f"{signer.replace('/', ':')}:"
    if not name.startswith(wanted):
        return (f"ClusterTrustBundle for signerName {signer} must be named with prefix {wanted}",)
    return formats.dns_subdomain(name.removeprefix(wanted))
